import assert from "node:assert/strict";
import { makeReference } from "./reference.ts";

Deno.test.each([
  ["localhost", "a", "latest"],
  ["localhost:5000/x__y/z-0.b", "wasi-demo-app", "v1.2_3-rc.4"],
  ["ghcr.io/containerd/runwasi", "wasi--demo", "_"],
  ["[::1]:5000/a", "b", "c"],
])("makeReference() joins %s, %s and %s", (repo, name, tag) => {
  assert.equal(makeReference(repo, name, tag), `${repo}/${name}:${tag}`);
});

Deno.test.each(
  [
    ["", "a", "b", /^--repo: "": begins with no host$/],
    ["/x", "a", "b", /^--repo: "\/x": begins with no host$/],
    ["local_host/x", "a", "b", /^--repo: "local_host\/x": begins with no host$/],
    ["localhost/X", "a", "b", /^--repo: "localhost\/X": "X" is not of lower-case letters/],
    ["localhost/x/", "a", "b", /^--repo: "localhost\/x\/": "" is not of/],
    ["localhost", "a/b", "c", /^--name: "a\/b": not of lower-case/],
    ["localhost", "a___b", "c", /^--name: "a___b": not of/],
    ["localhost", "a.wasm.", "c", /^--name: "a.wasm.": not of/],
    ["localhost", "a", "", /^--tag: "": not of at most 128/],
    ["localhost", "a", "-b", /^--tag: "-b": not of/],
    ["localhost", "a", "b".repeat(129), /^--tag: "b+": not of/],
    ["localhost", "a".repeat(250), "b", /^--repo and --name: .*: more than 255 characters$/],
  ] as const,
)("makeReference() refuses %s, %s and %s", (repo, name, tag, message) => {
  assert.throws(() => makeReference(repo, name, tag), { kind: "InvalidArgument", message });
});
