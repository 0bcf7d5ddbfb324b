import assert from "node:assert/strict";
import { chooseLayer, chooseManifest } from "./choose.ts";

const HOST = { os: "linux", architecture: "amd64" };
const entry = (name: string) => {
  const [os, architecture] = name.split("/");
  return { name, platform: architecture === undefined ? undefined : { os, architecture } };
};

Deno.test.each([
  ["linux/amd64 wasip1/wasm", "wasip1/wasm"],
  ["wasip2/wasm wasi/wasm wasip1/wasm", "wasip1/wasm"],
  ["wasip2/wasm wasi/wasm32 linux/amd64", "wasi/wasm32"],
  ["linux/arm64 wasip2/wasm", "wasip2/wasm"],
  ["none linux/arm64 linux/amd64", "linux/amd64"],
  ["wasip1/amd64 linux/amd64", "linux/amd64"],
])("chooseManifest() of %s is %s", (names, expected) => {
  const entries = names.split(" ").map(entry);
  assert.equal(chooseManifest(entries, "index", HOST).name, expected);
});

Deno.test.each([
  [
    "linux/arm64 none",
    /^index: no manifest for wasip1\/wasm.*linux\/amd64: it has linux\/arm64, no platform$/,
  ],
  ["linux/wasm", /it has linux\/wasm$/],
])("chooseManifest() refuses %s", (names, message) => {
  const entries = names.split(" ").map(entry);
  assert.throws(() => chooseManifest(entries, "index", HOST), { kind: "NotFound", message });
});

Deno.test("chooseManifest() refuses an index of nothing", () => {
  assert.throws(() => chooseManifest([], "index", HOST), { message: /it has none$/ });
});

const OCI = "application/vnd.oci.image.config.v1+json";
const ARTIFACT = "application/vnd.wasm.config.v0+json";
const TAR = "application/vnd.oci.image.layer.v1.tar+gzip";
const WASM = [
  "application/wasm",
  "application/vnd.wasm.content.layer.v1+wasm",
  "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
];
const manifest = (config: string, layers: string[], size = 8) => ({
  kind: "manifest" as const,
  config: { mediaType: config, digest: "config", size },
  layers: layers.map((mediaType, index) => ({ mediaType, digest: `layer ${index}`, size })),
});

Deno.test.each(
  [
    [OCI, [WASM[0]], 0],
    [OCI, [TAR, WASM[1]], 1],
    [OCI, [TAR, WASM[2], "application/vnd.docker.image.rootfs.diff.tar.gzip"], 1],
    [ARTIFACT, [WASM[0]], 0],
  ] as const,
)("chooseLayer() of %s with %j is layer %i", (config, layers, expected) => {
  const choice = chooseLayer(manifest(config, [...layers]), "m");
  assert.equal(choice.layer?.digest, `layer ${expected}`);
});

Deno.test.each(
  [
    [OCI, [TAR, "application/vnd.oci.image.layer.v1.tar+zstd"], /^no WebAssembly layer$/],
    [OCI, [], /^no WebAssembly layer$/],
    [OCI, [TAR, "application/x-model"], /^layer layer 1: application\/x-model: not a type/],
  ] as const,
)("chooseLayer() of %s with %j says why there is none", (config, layers, reason) => {
  const choice = chooseLayer(manifest(config, [...layers]), "m");
  assert.equal(choice.layer, null);
  assert.match(choice.layer === null ? choice.reason : "", reason);
});

Deno.test.each(
  [
    [OCI, [WASM[0], WASM[0]], 8, /^m: 2 WebAssembly layers, .*: layer 0, layer 1$/],
    [
      OCI,
      [WASM[0], "application/x-model"],
      8,
      /^m: layer layer 1: application\/x-model: not a type/,
    ],
    [ARTIFACT, [], 8, /^m: no WebAssembly layer$/],
    [ARTIFACT, ["text/wat"], 8, /^m: layer layer 0: text\/wat: not a type/],
    [OCI, [WASM[0]], 0, /^m: layer layer 0: 0 bytes/],
  ] as const,
)("chooseLayer() refuses %s with %j of %i bytes", (config, layers, size, message) => {
  const choose = () => chooseLayer(manifest(config, [...layers], size), "m");
  assert.throws(choose, { kind: "InvalidArgument", message });
});
