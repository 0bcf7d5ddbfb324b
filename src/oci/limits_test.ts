import assert from "node:assert/strict";
import { limitCpu } from "./limits.ts";

const INFINITY = 2n ** 64n - 1n;
const FILES = { resource: 7, soft: 10n, hard: 20n };

Deno.test.each<[string, [bigint, bigint] | null, number, [bigint, bigint] | null]>([
  ["without either", null, 0, null],
  ["with a deadline alone", null, 30, [30n, 31n]],
  ["with the container's own alone", [5n, 9n], 0, [5n, 9n]],
  ["with a lower one of the container's", [5n, 9n], 30, [5n, 9n]],
  ["with a higher one of the container's", [50n, 90n], 30, [30n, 31n]],
  ["with a soft one below it", [5n, INFINITY], 30, [5n, 31n]],
  ["with the same one", [30n, 30n], 30, [30n, 30n]],
  ["with an infinite one", [INFINITY, INFINITY], 1, [1n, 2n]],
])("limitCpu() %s", (_, own, cpuSeconds, expected) => {
  const limit = ([soft, hard]: [bigint, bigint]) => ({ resource: 0, soft, hard });
  const rlimits = own ? [limit(own), FILES] : [FILES];
  const found = limitCpu(rlimits, { memoryBytes: 0, cpuSeconds });
  assert.deepEqual(
    found.find(({ resource }) => resource === 0),
    expected ? limit(expected) : undefined,
  );
  assert.deepEqual(found.filter(({ resource }) => resource !== 0), [FILES]);
});
