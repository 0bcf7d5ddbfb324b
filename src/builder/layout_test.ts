import assert from "node:assert/strict";
import { bytesContent, type Content, fileContent, jsonContent } from "./content.ts";
import { type Image, layoutBytes, writeLayout } from "./layout.ts";
import { IMAGE_CONFIG, INDEX, MANIFEST, MODULE_LAYER } from "./media_types.ts";
import { Unpacked } from "./testing/unpack.ts";

const REF = "localhost/a/b:v1";

function image(layers: Content[], os = "wasip1"): Image {
  const platform = { os, architecture: "wasm" };
  return { platform, config: jsonContent(IMAGE_CONFIG, { ...platform }), layers };
}

const layer = (...bytes: number[]) => bytesContent(MODULE_LAYER, new Uint8Array(bytes));

Deno.test("layoutBytes() gives the same bytes for the same input", async () => {
  const make = (timestampS?: number, ...bytes: number[]) =>
    layoutBytes({ ref: REF, images: [image([layer(...bytes)])], timestampS });
  const first = await make(undefined, 1, 2);
  assert.deepEqual(await make(0, 1, 2), first);
  assert.notDeepEqual(await make(1, 1, 2), first);
  assert.notDeepEqual(await make(0, 1, 3), first);
});

Deno.test("layoutBytes() writes files that depend on no user and no clock", async () => {
  const { entries } = await Unpacked.of(
    await layoutBytes({ ref: REF, images: [image([layer(1)])], timestampS: 1700000000 }),
  );
  for (const { header } of entries) {
    const { type, mode, uid, gid, uname, gname } = header;
    assert.deepEqual({ type, mode, uid, gid, uname, gname }, {
      ...{ type: "file", mode: 0o644, uid: 0, gid: 0, uname: "", gname: "" },
    });
    assert.equal(header.mtime?.getTime(), 1700000000000);
  }
  assert.deepEqual(
    entries.slice(0, 3).map(({ header }) => header.name),
    ["oci-layout", "index.json", "manifest.json"],
  );
});

Deno.test("layoutBytes() names the image and its blobs, for OCI and for Docker", async () => {
  const layers = [layer(1), layer(2), layer(1)];
  const unpacked = await Unpacked.of(await layoutBytes({ ref: REF, images: [image(layers)] }));
  assert.deepEqual(unpacked.json("oci-layout"), { imageLayoutVersion: "1.0.0" });
  const { target, manifest, config } = unpacked.manifest();
  assert.deepEqual(target, {
    mediaType: MANIFEST,
    digest: target.digest,
    size: unpacked.blob(target.digest).length,
    annotations: {
      "io.containerd.image.name": REF,
      "org.opencontainers.image.ref.name": "v1",
    },
  });
  assert.deepEqual(config, { os: "wasip1", architecture: "wasm" });
  assert.deepEqual(manifest.layers, layers.map(({ descriptor }) => descriptor));
  assert.deepEqual([...unpacked.blob(manifest.layers[1].digest)], [2]);
  // Manifest, configuration and two layers: the third is the first.
  assert.equal(unpacked.files.size, 3 + 4);
  const path = (digest: string) => `blobs/${digest.replace(":", "/")}`;
  assert.deepEqual(unpacked.json("manifest.json"), [{
    Config: path(manifest.config.digest),
    RepoTags: [REF],
    Layers: manifest.layers.map(({ digest }: { digest: string }) => path(digest)),
  }]);
});

Deno.test("layoutBytes() makes an index of several images", async () => {
  const images = [image([layer(1)]), image([layer(2)], "wasip2")];
  const unpacked = await Unpacked.of(await layoutBytes({ ref: REF, images }));
  const [entry] = unpacked.json("index.json").manifests;
  assert.equal(entry.mediaType, INDEX);
  const { manifests } = unpacked.blobJson(entry.digest);
  assert.deepEqual(
    manifests.map(({ mediaType, platform }: { mediaType: string; platform: unknown }) => [
      mediaType,
      platform,
    ]),
    [
      [MANIFEST, { os: "wasip1", architecture: "wasm" }],
      [MANIFEST, { os: "wasip2", architecture: "wasm" }],
    ],
  );
});

Deno.test("writeLayout() fails when a file has changed, and aborts what it writes", async () => {
  const path = await Deno.makeTempFile();
  for (const changed of [[1, 2, 4], [1, 2], [1, 2, 3, 4]]) {
    await Deno.writeFile(path, new Uint8Array([1, 2, 3]));
    const content = await fileContent(MODULE_LAYER, path);
    await Deno.writeFile(path, new Uint8Array(changed));
    let reason: unknown;
    const out = new WritableStream<Uint8Array>({
      abort: (error) => {
        reason = error;
      },
    });
    await assert.rejects(writeLayout({ ref: REF, images: [image([content])] }, out), {
      kind: "FailedPrecondition",
      message: `read ${path}: it has changed meanwhile`,
    });
    assert.ok(reason);
  }
  await Deno.remove(path);
});

Deno.test("writeLayout() fails with what its output says", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, new Uint8Array(32 << 20));
  const content = await fileContent(MODULE_LAYER, path);
  const out = new WritableStream<Uint8Array>({
    write: (_, controller) => controller.error(new Error("no space")),
  });
  await assert.rejects(writeLayout({ ref: REF, images: [image([content])] }, out), /no space/);
  await Deno.remove(path);
});
