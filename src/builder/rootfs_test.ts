import assert from "node:assert/strict";
import { unpackTar } from "modern-tar";
import { TAR_LAYER } from "./media_types.ts";
import { directory, entriesLayer, file, symlink } from "./rootfs.ts";

Deno.test("entriesLayer() writes entries as given, with their parent folders", async () => {
  const content = await entriesLayer([
    directory("/tmp", 0o1777),
    file("/usr/bin/tool", "x", 0o755),
    symlink("/app.wasm", "/etc/shadow"),
  ]);
  assert.equal(content.descriptor.mediaType, TAR_LAYER);
  assert.equal(content.diffId, content.descriptor.digest);
  const layer = await unpackTar(await new Response(await content.open()).bytes());
  assert.deepEqual(
    layer.map(({ header }) => [header.name, header.type, header.mode, header.linkname || ""]),
    [
      ["tmp/", "directory", 0o1777, ""],
      ["usr/", "directory", 0o755, ""],
      ["usr/bin/", "directory", 0o755, ""],
      ["usr/bin/tool", "file", 0o755, ""],
      ["app.wasm", "symlink", 0o777, "/etc/shadow"],
    ],
  );
  assert.ok(layer.every(({ header }) => header.mtime?.getTime() === 0 && header.uid === 0));
});
