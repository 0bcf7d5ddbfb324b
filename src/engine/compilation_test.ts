import assert from "node:assert/strict";
import { codeSize } from "./compilation.ts";

const MODULE = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const COMPONENT = [0x00, 0x61, 0x73, 0x6d, 13, 0, 1, 0];
const section = (id: number, content: number[]) => {
  const size = content.length;
  return [id, ...size < 128 ? [size] : [size & 127 | 128, size >> 7], ...content];
};
const zeros = (count: number) => Array<number>(count).fill(0);
const sizeOf = (...bytes: number[]) => codeSize(Uint8Array.from(bytes));

Deno.test("codeSize() is that of a module's code section alone", () => {
  assert.equal(sizeOf(...MODULE), 0);
  const others = [...section(0, zeros(300)), ...section(11, zeros(50))];
  assert.equal(sizeOf(...MODULE, ...others, ...section(10, zeros(200)), ...others), 200);
});

Deno.test("codeSize() of a component is that of all modules in it, at any depth", () => {
  const module = [...MODULE, ...section(10, zeros(7))];
  const inner = [...COMPONENT, ...section(1, module), ...section(10, zeros(100))];
  const outer = [...COMPONENT, ...section(1, module), ...section(4, inner), ...section(0, [0])];
  assert.equal(sizeOf(...outer), 14);
});

Deno.test.each([
  [[]],
  [[0, 1, 2]],
  [[...MODULE, 10]],
  [[...MODULE, 10, 0xff, 0xff, 0xff, 0xff, 0xff]],
  [[...MODULE, 10, 5, 0]],
  [[...COMPONENT, ...section(1, [1])]],
])("codeSize() leaves what is malformed to the compiler: %j", (bytes) => {
  assert.equal(sizeOf(...bytes), 0);
});
