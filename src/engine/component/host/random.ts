/**
 * wasi:random, all of it by getrandom(2): a generator in memory would be a copy of the zygote's.
 * https://github.com/WebAssembly/WASI/tree/v0.2.8/wasip2/random
 */

import type { Calls } from "./calls.ts";
import { lowerPlain } from "./lower.ts";

/** More bytes than a guest's memory has. */
const MOST_BYTES = 2n ** 32n;

export function random(calls: Calls) {
  const bytes = (size: bigint) => {
    if (size >= MOST_BYTES) {
      throw new WebAssembly.RuntimeError(`get random bytes: ${size} are too many`);
    }
    const buffer = new Uint8Array(Number(size));
    calls.random(buffer);
    return buffer;
  };
  const word = new BigUint64Array(1);
  const wordBytes = new Uint8Array(word.buffer);
  const number = () => {
    calls.random(wordBytes);
    return word[0];
  };
  return {
    "wasi:random/random": { getRandomBytes: bytes, getRandomU64: lowerPlain(number) },
    "wasi:random/insecure": {
      getInsecureRandomBytes: bytes,
      getInsecureRandomU64: lowerPlain(() => number()),
    },
    "wasi:random/insecure-seed": { insecureSeed: () => [number(), number()] },
  };
}
