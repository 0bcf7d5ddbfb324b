import assert from "node:assert/strict";
import { parseConfigPlatform, parseImageDocument } from "./document.ts";

const DIGEST = `sha256:${"ab".repeat(32)}`;
const blob = (mediaType: string) => ({ mediaType, digest: DIGEST, size: 7 });
const parse = (document: unknown) => parseImageDocument(JSON.stringify(document), "image web");

Deno.test("parseImageDocument() reads a manifest", () => {
  const document = { schemaVersion: 2, config: blob("c"), layers: [blob("l")], annotations: {} };
  assert.deepEqual(parse(document), {
    kind: "manifest",
    config: blob("c"),
    layers: [blob("l")],
  });
  assert.deepEqual(parse({ config: blob("c") }), {
    kind: "manifest",
    config: blob("c"),
    layers: [],
  });
});

Deno.test("parseImageDocument() reads an index, with platforms or without", () => {
  const platform = { os: "wasip1", architecture: "wasm", "os.version": "0" };
  const document = { manifests: [{ ...blob("m"), platform }, blob("n")] };
  assert.deepEqual(parse(document), {
    kind: "index",
    manifests: [
      { ...blob("m"), platform: { os: "wasip1", architecture: "wasm" } },
      { ...blob("n"), platform: undefined },
    ],
  });
});

Deno.test.each([
  [{}, /^image web: neither an image's manifest nor an index$/],
  [{ schemaVersion: 1, fsLayers: [] }, /neither/],
  [{ config: 1 }, /^image web: config: 1: not an object$/],
  [{ config: { ...blob("c"), digest: "sha256:../../etc" } }, /config\.digest: .*not a SHA-256/],
  [{ config: { ...blob("c"), digest: `sha512:${"ab".repeat(64)}` } }, /not a SHA-256/],
  [{ config: { ...blob("c"), size: -1 } }, /config\.size: -1: must be at least 0/],
  [{ config: { ...blob("c"), size: 1.5 } }, /config\.size: 1\.5: not an integer/],
  [{ config: blob("c"), layers: [{ digest: DIGEST, size: 1 }] }, /layers\[0\]\.mediaType/],
  [{ manifests: {} }, /manifests: \{\}: not an array/],
])("parseImageDocument() refuses %j", (document, message) => {
  assert.throws(() => parse(document), { kind: "InvalidArgument", message });
});

Deno.test("parseImageDocument() refuses what is not JSON", () => {
  const parse = () => parseImageDocument("\0asm", "image web");
  assert.throws(parse, { kind: "InvalidArgument", message: /^parse image web: / });
});

Deno.test("parseConfigPlatform() takes what is there", () => {
  const parse = (config: unknown) => parseConfigPlatform(JSON.stringify(config), "config");
  assert.deepEqual(parse({ os: "wasi", architecture: "wasm" }), {
    os: "wasi",
    architecture: "wasm",
  });
  assert.deepEqual(parse({}), { os: "", architecture: "" });
});
