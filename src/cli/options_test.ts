import assert from "node:assert/strict";
import { MAX_OPTIONS_BYTES, readOptions } from "./options.ts";

/** An input that gives at most `step` bytes at a time. */
function input(data: Uint8Array, step: number) {
  let at = 0;
  return {
    readSync(buffer: Uint8Array): number | null {
      if (at >= data.length) return null;
      const chunk = data.subarray(at, at + Math.min(step, buffer.length));
      buffer.set(chunk);
      at += chunk.length;
      return chunk.length;
    },
  };
}

Deno.test("readOptions() reads nothing from nothing", () => {
  assert.deepEqual(readOptions(input(new Uint8Array(), 1)), new Uint8Array());
});

Deno.test.each([1, 7, 100_000])("readOptions() joins what comes in pieces of %i", (step) => {
  const data = Uint8Array.from({ length: 200_003 }, (_, index) => index % 251);
  assert.deepEqual(readOptions(input(data, step)), data);
});

Deno.test("readOptions() takes as much as one message may hold, and refuses more", () => {
  const most = new Uint8Array(MAX_OPTIONS_BYTES);
  assert.equal(readOptions(input(most, 1 << 16)).length, MAX_OPTIONS_BYTES);
  assert.throws(() => readOptions(input(new Uint8Array(MAX_OPTIONS_BYTES + 1), 1 << 16)), {
    kind: "InvalidArgument",
    message: /more than 4194304 bytes/,
  });
});
