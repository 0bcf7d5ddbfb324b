/** Five hundred containers, one after the other and at once, in one pod: afterwards all is as before. */

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { assertCensus, type Census, type Daemon } from "../support/mod.ts";
import { Pod } from "../support/pod.ts";
import { zygotes } from "../support/shim.ts";
import { newId, startDaemon } from "../support/wasm.ts";

const WARM_UP = 20;
const IN_TURN = 400;
const AT_ONCE = 100;
const PARALLEL = 10;
const STEADY_MS = 500;
/** Heaps grow until they are collected: by some 30 MiB here. Keeping 100 KiB for each container would show. */
const GROWTH_KIB = 48 * 1024;

Deno.test("500 containers of one pod leave nothing behind", async () => {
  await using daemon = await startDaemon();
  await using pod = await Pod.make(daemon, newId("pod"));
  const runOne = async () => {
    assert.equal(await pod.runToEnd(newId(), { args: ["/exit42.wasm"] }), 42);
  };
  for (let n = 0; n < WARM_UP; n++) await runOne();
  const before = await takeSteady(daemon, pod);

  for (let n = 0; n < IN_TURN; n++) await runOne();
  for (let n = 0; n < AT_ONCE; n += PARALLEL) {
    await Promise.all(Array.from({ length: PARALLEL }, runOne));
  }

  await assertCensus(daemon, before.census);
  const after = take(daemon, pod);
  assert.deepEqual(after.counts, before.counts);
  for (const [name, kib] of Object.entries(after.memoryKib)) {
    const grown = kib - before.memoryKib[name];
    assert.ok(grown < GROWTH_KIB, `${name} has grown by ${grown} KiB`);
  }
});

/** Two descriptors are opened once, some time after the start: taken when nothing has changed for a while. */
async function takeSteady(daemon: Daemon, pod: Pod): Promise<Snapshot> {
  for (let last = take(daemon, pod);;) {
    await new Promise((resolve) => setTimeout(resolve, STEADY_MS));
    const next = take(daemon, pod);
    if (isDeepStrictEqual(next.counts, last.counts)) return next;
    last = next;
  }
}

interface Snapshot {
  census: Census;
  /** Descriptors and mounts, by process. */
  counts: Record<string, number>;
  /** VmRSS, by process. */
  memoryKib: Record<string, number>;
}

function take(daemon: Daemon, pod: Pod): Snapshot {
  const counts: Record<string, number> = {};
  const memoryKib: Record<string, number> = {};
  const [zygote, ...more] = zygotes(daemon).map(({ pid }) => pid);
  assert.deepEqual(more, [], "one zygote");
  for (const [name, pid] of Object.entries({ supervisor: pod.pid, zygote })) {
    const read = (file: string) => Deno.readTextFileSync(daemon.path(`/proc/${pid}/${file}`));
    counts[`${name}: pid`] = pid;
    counts[`${name}: descriptors`] = daemon.fdCount(pid);
    counts[`${name}: mounts`] = read("mountinfo").split("\n").length;
    memoryKib[name] = Number(/VmRSS:\s+(\d+) kB/.exec(read("status"))![1]);
  }
  return { census: daemon.census(), counts, memoryKib };
}
