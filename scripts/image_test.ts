import assert from "node:assert/strict";
import { unpackTar } from "modern-tar";
import { buildImage, directory, file, moduleImage, symlink } from "./image.ts";

const text = new TextDecoder();

async function unpack(tar: Uint8Array): Promise<Map<string, Uint8Array>> {
  const entries = await unpackTar(tar);
  return new Map(entries.map(({ header, data }) => [header.name, data ?? new Uint8Array()]));
}

function blob(layout: Map<string, Uint8Array>, digest: string): Uint8Array {
  const data = layout.get(`blobs/${digest.replace(":", "/")}`);
  assert.ok(data, `no blob ${digest}`);
  return data;
}

async function manifestOf(layout: Map<string, Uint8Array>) {
  const index = JSON.parse(text.decode(layout.get("index.json")));
  return {
    index,
    manifest: JSON.parse(text.decode(await blob(layout, index.manifests[0].digest))),
  };
}

Deno.test("buildImage() gives the same bytes for the same input", async () => {
  const make = () => moduleImage("localhost/a:latest", "a.wasm", new Uint8Array([0, 0x61]));
  const first = await make();
  assert.deepEqual(await make(), first);
  assert.notDeepEqual(await moduleImage("localhost/a:latest", "a.wasm", new Uint8Array(2)), first);
});

Deno.test("buildImage() names every blob by its digest", async () => {
  const layout = await unpack(await moduleImage("localhost/a:latest", "a.wasm", new Uint8Array(9)));
  const blobs = [...layout].filter(([name]) => name.startsWith("blobs/"));
  assert.equal(blobs.length, 3);
  for (const [name, data] of blobs) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(data)));
    assert.equal(name, `blobs/sha256/${digest.toHex()}`);
  }
});

Deno.test("buildImage() writes reference, entry point and layers", async () => {
  const layers = Array.from({ length: 120 }, (_, i) => [file(`/layer/${i}`, `${i}`)]);
  const layout = await unpack(
    await buildImage({ ref: "localhost/x/many:v1", layers, config: { Entrypoint: ["/a.wasm"] } }),
  );
  const { index, manifest } = await manifestOf(layout);
  const { annotations } = index.manifests[0];
  assert.equal(annotations["io.containerd.image.name"], "localhost/x/many:v1");
  assert.equal(annotations["org.opencontainers.image.ref.name"], "v1");
  const config = JSON.parse(text.decode(blob(layout, manifest.config.digest)));
  assert.deepEqual(config.config, { WorkingDir: "/", Entrypoint: ["/a.wasm"] });
  assert.equal(manifest.layers.length, 120);
  assert.deepEqual(
    config.rootfs.diff_ids,
    manifest.layers.map((layer: { digest: string }) => layer.digest),
  );
});

Deno.test("buildImage() writes entries as given, with their parent folders", async () => {
  const entries = [
    directory("/tmp", 0o1777),
    file("/usr/bin/tool", "x", 0o755),
    symlink("/app.wasm", "/etc/shadow"),
  ];
  const layout = await unpack(await buildImage({ ref: "localhost/x:latest", layers: [entries] }));
  const { manifest } = await manifestOf(layout);
  const layer = await unpackTar(blob(layout, manifest.layers[0].digest));
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
