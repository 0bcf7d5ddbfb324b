import assert from "node:assert/strict";
import { median, percentile, summary } from "./statistics.ts";

Deno.test.each([
  [[7], 0.9, 7],
  [[3, 1, 2], 0, 1],
  [[3, 1, 2], 1, 3],
  [[10, 20], 0.5, 15],
  [[0, 10, 20, 30, 40], 0.9, 36],
])("percentile() of %j at %d is %d", (samples, p, expected) => {
  assert.equal(percentile(samples, p), expected);
});

Deno.test("percentile() rejects an empty list", () => {
  assert.throws(() => percentile([], 0.5), RangeError);
});

Deno.test("median() and summary() leave their samples in order", () => {
  const samples = [10, 9, 2];
  assert.equal(median(samples), 9);
  assert.deepEqual(summary([2, 2, 2]), [2, 2, 2]);
  assert.deepEqual(samples, [10, 9, 2]);
});
