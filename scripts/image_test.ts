import assert from "node:assert/strict";
import { unpackTar } from "modern-tar";
import { buildImage, file, moduleImage } from "./image.ts";

const text = new TextDecoder();

async function unpack(tar: Uint8Array): Promise<Map<string, Uint8Array>> {
  const entries = await unpackTar(tar);
  return new Map(entries.map(({ header, data }) => [header.name, data ?? new Uint8Array()]));
}

function json(layout: Map<string, Uint8Array>, digest: string) {
  return JSON.parse(text.decode(layout.get(`blobs/${digest.replace(":", "/")}`)));
}

Deno.test("moduleImage() gives the same bytes for the same input", async () => {
  const make = () => moduleImage("localhost/a:latest", "a.wasm", new Uint8Array([0, 0x61]));
  const first = await make();
  assert.deepEqual(await make(), first);
  assert.notDeepEqual(await moduleImage("localhost/a:latest", "a.wasm", new Uint8Array(2)), first);
});

Deno.test("buildImage() writes entry point, platform and layers", async () => {
  const layers = Array.from({ length: 120 }, (_, i) => [file(`/layer/${i}`, `${i}`)]);
  const layout = await unpack(
    await buildImage({ ref: "localhost/x/many:v1", layers, config: { Entrypoint: ["/a.wasm"] } }),
  );
  const index = JSON.parse(text.decode(layout.get("index.json")));
  const manifest = json(layout, index.manifests[0].digest);
  const config = json(layout, manifest.config.digest);
  assert.deepEqual(config.config, { WorkingDir: "/", Entrypoint: ["/a.wasm"] });
  assert.equal(config.os, "linux");
  assert.equal(manifest.layers.length, 120);
  assert.deepEqual(
    config.rootfs.diff_ids,
    manifest.layers.map((layer: { digest: string }) => layer.digest),
  );
});
