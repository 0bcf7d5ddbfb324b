import assert from "node:assert/strict";
import { summarize } from "./test.ts";

Deno.test("summarize() reads the counts", () => {
  assert.deepEqual(summarize("x ... ok (1ms)\n\nok | 12 passed | 0 failed (1s)\n", true), {
    passed: 12,
    failed: 0,
  });
  assert.deepEqual(
    summarize("FAILED | 3 passed (7 steps) | 2 failed (1 step) | 1 ignored (2s)\n", false),
    { passed: 3, failed: 2 },
  );
});

Deno.test("summarize() counts a suite that did not run to its end as a failure", () => {
  assert.deepEqual(summarize("error: Module not found\n", false), { passed: 0, failed: 1 });
  assert.deepEqual(summarize("ok | 0 passed | 0 failed (0ms)\n", true), { passed: 0, failed: 1 });
  assert.deepEqual(summarize("ok | 5 passed | 0 failed (1s)\n", false), { passed: 5, failed: 1 });
});
