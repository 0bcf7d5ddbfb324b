import assert from "node:assert/strict";
import { fuzz, fuzzDecoder } from "./fuzz.ts";

Deno.test("Server survives damaged frames", async () => {
  assert.ok(await fuzz({ rounds: 300, seed: 1, maxMs: 10_000 }) > 100);
});

Deno.test("FrameDecoder refuses random bytes or yields frames", () => {
  fuzzDecoder({ rounds: 2000, seed: 1 });
});
