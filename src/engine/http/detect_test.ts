import assert from "node:assert/strict";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { isHandler } from "./detect.ts";

await parse("(component)"); // loads the tools

const exporting = (name: string) =>
  parse(`(component (instance $none) (export "${name}" (instance $none)))`);

Deno.test.each([
  ["wasi:http/incoming-handler@0.2.0", true],
  ["wasi:http/incoming-handler@0.2.12", true],
  ["wasi:http/incoming-handler@0.3.0", false],
  ["wasi:http/incoming-handler", false],
  ["wasi:cli/run@0.2.3", false],
  ["my:http/incoming-handler@0.2.3", false],
])("isHandler() of a component that exports %s: %s", async (name, expected) => {
  assert.equal(isHandler(await exporting(name)), expected);
});

Deno.test("isHandler() is false for what is no component, or not a whole one", async () => {
  assert.equal(isHandler(Uint8Array.fromHex("0061736d01000000")), false);
  assert.equal(isHandler(new Uint8Array()), false);
  const code = await exporting("wasi:http/incoming-handler@0.2.0");
  for (let size = 0; size < code.length; size++) isHandler(code.subarray(0, size));
});
