import assert from "node:assert/strict";
import { bytesContent, type Content } from "./content.ts";
import { type Image, layoutBytes } from "./layout.ts";
import {
  ARTIFACT_CONFIG,
  ARTIFACT_LAYER,
  IMAGE_CONFIG,
  TAR_LAYER,
  WASM_LAYER,
} from "./media_types.ts";
import { Unpacked } from "./testing/unpack.ts";
import { wasmArtifact, wasmImage } from "./wasm_image.ts";

const content = (type: string, ...bytes: number[]) => bytesContent(type, new Uint8Array(bytes));
const module = content(WASM_LAYER, 1);
const COMMON = { platform: { os: "wasip1", architecture: "wasm" }, createdS: 0 };
const WASIP2 = { os: "wasip2", architecture: "wasm" };

async function read(image: Image) {
  return (await Unpacked.of(await layoutBytes({ ref: "localhost/a:b", images: [image] })))
    .manifest();
}

Deno.test("wasmImage() writes an OCI image whose diff ids are those of unpacked layers", async () => {
  const archive = content(TAR_LAYER, 2);
  const layers = [module, archive];
  const { manifest, config } = await read(
    wasmImage({
      ...{ ...COMMON, createdS: 1700000000, author: "A. Uthor", layers, annotations: { x: "y" } },
      config: { Entrypoint: ["a.wasm"], Labels: { mine: "1" } },
    }),
  );
  assert.equal(manifest.config.mediaType, IMAGE_CONFIG);
  assert.deepEqual(manifest.layers, layers.map(({ descriptor }) => descriptor));
  assert.deepEqual(manifest.annotations, { x: "y" });
  const { Labels, ...rest } = config.config;
  assert.deepEqual(rest, { Entrypoint: ["a.wasm"] });
  assert.deepEqual(Object.keys(Labels), ["mine", "io.denowasi.layers"]);
  assert.deepEqual({ ...config, config: null }, {
    ...{ created: "2023-11-14T22:13:20Z", author: "A. Uthor", architecture: "wasm", os: "wasip1" },
    config: null,
    rootfs: { type: "layers", diff_ids: [archive.descriptor.digest] },
  });
});

Deno.test("wasmImage() gives images of other layers another configuration", () => {
  const digest = (layers: Content[]) =>
    wasmImage({ ...COMMON, layers, config: {} }).config.descriptor.digest;
  const other = content(WASM_LAYER, 2);
  const digests = [[module], [other], [module, other], [other, module]].map(digest);
  assert.equal(new Set(digests).size, 4);
  assert.equal(digest([module]), digests[0]);
});

Deno.test("wasmArtifact() writes what the artifact's specification says", async () => {
  const layer = content(ARTIFACT_LAYER, 1);
  const { manifest, config } = await read(
    wasmArtifact({ ...COMMON, layers: [layer], wasm: { kind: "module" } }),
  );
  assert.equal(manifest.config.mediaType, ARTIFACT_CONFIG);
  assert.deepEqual(manifest.layers, [layer.descriptor]);
  const fields = { created: "1970-01-01T00:00:00Z", architecture: "wasm" };
  const layerDigests = [layer.descriptor.digest];
  assert.deepEqual(config, { ...fields, os: "wasip1", layerDigests });

  const names = { imports: ["wasi:io/poll@0.2.0"], exports: ["wasi:cli/run@0.2.0"] };
  const component = await read(
    wasmArtifact({
      ...{ ...COMMON, platform: WASIP2, layers: [layer], wasm: { kind: "component", ...names } },
      fields: { component: { target: "wasi:cli/command@0.2.0" } },
    }),
  );
  assert.deepEqual(component.config, {
    ...{ ...fields, os: "wasip2", layerDigests },
    component: { ...names, target: "wasi:cli/command@0.2.0" },
  });
});

Deno.test("wasmImage() lets fields win, one by one, but not over what it computes", async () => {
  const { config } = await read(
    wasmImage({
      ...{ ...COMMON, author: "a", layers: [module], config: { Entrypoint: ["a"], Cmd: ["b"] } },
      fields: { author: "b", config: { Cmd: ["c"], Labels: { d: "e" } }, variant: "v" },
    }),
  );
  assert.deepEqual([config.author, config.variant], ["b", "v"]);
  assert.deepEqual([config.config.Entrypoint, config.config.Cmd], [["a"], ["c"]]);
  assert.deepEqual(Object.keys(config.config.Labels), ["io.denowasi.layers", "d"]);
  for (const name of ["rootfs", "architecture", "os"]) {
    assert.throws(
      () => wasmImage({ ...COMMON, layers: [module], config: {}, fields: { [name]: 1 } }),
      { kind: "InvalidArgument", message: `--config: ${name}: the builder sets it` },
    );
  }
  const artifact = { ...COMMON, layers: [module], wasm: { kind: "module" as const } };
  assert.throws(() => wasmArtifact({ ...artifact, fields: { layerDigests: [] } }), {
    message: "--config: layerDigests: the builder sets it",
  });
});
