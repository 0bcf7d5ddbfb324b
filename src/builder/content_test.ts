import assert from "node:assert/strict";
import { bytesContent, fileContent, jsonContent } from "./content.ts";
import { MODULE_LAYER, TAR_LAYER } from "./media_types.ts";

/** Of "abc": FIPS 180-2, appendix B.1. */
const ABC = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const abc = new TextEncoder().encode("abc");

async function withFile(data: Uint8Array, body: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, data);
  try {
    await body(path);
  } finally {
    await Deno.remove(path);
  }
}

async function gzip(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([data]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

Deno.test("bytesContent() describes bytes", async () => {
  const content = bytesContent(MODULE_LAYER, abc);
  assert.deepEqual(content.descriptor, { mediaType: MODULE_LAYER, digest: ABC, size: 3 });
  assert.equal(content.diffId, undefined);
  assert.deepEqual(await new Response(await content.open()).bytes(), abc);
  assert.equal(bytesContent(TAR_LAYER, abc).diffId, ABC);
});

Deno.test("jsonContent() keeps the order of fields", async () => {
  const content = jsonContent("application/json", { b: 1, a: [{ d: null, c: "ä" }] });
  assert.equal(
    await new Response(await content.open()).text(),
    '{"b":1,"a":[{"d":null,"c":"ä"}]}',
  );
  assert.equal(content.descriptor.size, 33);
});

Deno.test("fileContent() describes a file, and reads it as often as asked", async () => {
  await withFile(abc, async (path) => {
    const content = await fileContent(MODULE_LAYER, path);
    assert.deepEqual(content.descriptor, { mediaType: MODULE_LAYER, digest: ABC, size: 3 });
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(await new Response(await content.open()).bytes(), abc);
    }
    await (await content.open()).cancel();
  });
});

Deno.test("fileContent() finds the digest of the archive inside a layer", async () => {
  await withFile(abc, async (path) => {
    assert.equal((await fileContent(TAR_LAYER, path)).diffId, ABC);
  });
  const zipped = await gzip(abc);
  const docker = "application/vnd.docker.image.rootfs.diff.tar.gzip";
  for (const type of [`${TAR_LAYER}+gzip`, docker]) {
    await withFile(zipped, async (path) => {
      const content = await fileContent(type, path);
      assert.equal(content.diffId, ABC);
      assert.notEqual(content.descriptor.digest, ABC);
    });
  }
});

Deno.test("fileContent() names what it cannot read", async () => {
  const folder = await Deno.makeTempDir();
  const refused = async (path: string, type: string, kind: string, message: string) =>
    await assert.rejects(fileContent(type, path), { kind, message });
  const none = `${folder}/none`;
  await refused(none, TAR_LAYER, "NotFound", `read ${none}: no such file or directory`);
  await refused(folder, TAR_LAYER, "InvalidArgument", `read ${folder}: not a file`);
  const file = `${folder}/file`;
  await Deno.writeFile(file, new Uint8Array());
  await refused(file, TAR_LAYER, "InvalidArgument", `read ${file}: the file is empty`);
  await Deno.writeFile(file, abc);
  const zstd = `${TAR_LAYER}+zstd`;
  const other = `layer ${file}: ${zstd}: a compression other than gzip`;
  await refused(file, zstd, "InvalidArgument", other);
  await assert.rejects(fileContent(`${TAR_LAYER}+gzip`, file), (error: Error) => {
    assert.match(error.message, /^read .*: corrupt gzip stream/);
    return true;
  });
  await Deno.remove(folder, { recursive: true });
});
