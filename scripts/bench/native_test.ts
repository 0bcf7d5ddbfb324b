import assert from "node:assert/strict";
import { type Many, manySection, podSection, type PodTimes } from "./native.ts";
import { type BenchSpec, joinNamespaces } from "./pod.ts";

const SHIMS = [{ label: "ours" }, { label: "other" }, { label: "theirs" }];

function pod(ms: number): PodTimes {
  return {
    ms,
    pause: { steps: { start: ms / 10, create: 1, run: 2 } },
    sidecar: { steps: { start: ms / 100, create: 10, run: 20 } },
  };
}

function many(ms: number, pss: number): Many {
  return { ms, memory: { pss, own: pss / 2 } };
}

Deno.test("podSection() summarizes pods and compares the medians of the first shim and the last", () => {
  const pods = [[300, 100, 200], [1, 1, 1], [400, 800, 900]].map((of) => of.map(pod));
  const { title, columns, rows, claims } = podSection(SHIMS, pods);
  assert.match(title, /3 each/);
  assert.deepEqual(rows.map(({ label }) => label), ["ours", "other", "theirs"]);
  assert.equal(columns.length, rows[0].values.length);
  assert.deepEqual(rows[0].values, [200, 100, 280, 20, 1, 2, 2, 10, 20]);
  assert.deepEqual(claims.map(({ value }) => value), [0.25]);
});

Deno.test("manySection() divides by the pods and compares the memory of the most", () => {
  const { columns, rows, claims } = manySection(SHIMS, [1, 10], [
    [many(7, 8), many(9, 9), many(5, 2)],
    [many(700, 30), many(9, 9), many(500, 20)],
  ]);
  assert.deepEqual(
    rows.map(({ label }) => label),
    ["1 pod", "10 pods"].flatMap((count) => SHIMS.map(({ label }) => `${label}, ${count}`)),
  );
  assert.deepEqual(rows[3].values, [700, 70, 3, 1.5]);
  assert.equal(rows.every(({ values }) => values.length === columns.length), true);
  assert.equal(claims[0].name, "shim memory per pod of 10, to runc's shim");
  assert.equal(claims[0].value, 1.5);
});

Deno.test("joinNamespaces() joins what a pod shares, and nothing else", () => {
  const types = ["pid", "ipc", "uts", "mount", "network", "cgroup"];
  const spec = { linux: { namespaces: types.map((type) => ({ type })) } } as unknown as BenchSpec;
  joinNamespaces(spec, 7);
  assert.deepEqual(spec.linux.namespaces.map(({ path }) => path), [
    undefined,
    "/proc/7/ns/ipc",
    "/proc/7/ns/uts",
    undefined,
    "/proc/7/ns/net",
    undefined,
  ]);
});
