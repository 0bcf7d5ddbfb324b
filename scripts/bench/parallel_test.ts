import assert from "node:assert/strict";
import { inParallel } from "./parallel.ts";

Deno.test("inParallel() does as many as it may at a time, and answers in order", async () => {
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const begun: number[] = [];
  const done = inParallel([0, 1, 2, 3], 2, async (i) => {
    begun.push(i);
    await gates[i].promise;
    return i * 10;
  });
  assert.deepEqual(begun, [0, 1]);
  for (const gate of gates.reverse()) gate.resolve();
  assert.deepEqual(await done, [0, 10, 20, 30]);
  assert.deepEqual(begun, [0, 1, 2, 3]);
});

Deno.test("inParallel() begins nothing after a failure", async () => {
  const begun: number[] = [];
  const gate = Promise.withResolvers<void>();
  const done = inParallel([0, 1, 2], 2, async (i) => {
    begun.push(i);
    if (i === 0) throw new Error("no");
    await gate.promise;
  });
  await assert.rejects(done, /^Error: no$/);
  gate.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(begun, [0, 1]);
});

Deno.test("inParallel() may have fewer items than it may do at a time", async () => {
  assert.deepEqual(await inParallel([7], 4, (i) => Promise.resolve(i)), [7]);
  assert.deepEqual(await inParallel([], 4, (i) => Promise.resolve(i)), []);
});
