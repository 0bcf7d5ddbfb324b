/** Cases that hold for every shim: proven on runc's by tests/suite_test, then run on this one's by tests/e2e. */

import { assertCensus, type Census } from "./census.ts";
import type { Daemon, Version } from "./daemon.ts";
import { named, RUNC } from "./native.ts";
import { waitFor } from "./wait.ts";

/** `runtime` is containerd's name of the shim, such as io.containerd.runc.v2. */
export type Cases = Record<string, (daemon: Daemon, runtime: string) => Promise<void>>;

/** Sets of cases by name, with the versions of containerd on which one cannot be. */
export type CaseSets = Record<string, { cases: Cases; not?: Version[] }>;

const RUNC_SHIM = "containerd-shim";
const RUNC_SOCKETS = "/run/containerd/s/";

/** How often a case may be tried on runc's shim: see `prove`. */
const ATTEMPTS = 3;

/**
 * Runs a case. On runc's shim that is to prove the case, so it has to hold once: now and then that shim loses the event
 * of a lack of memory, or the output of an exec, on a busy machine. Of any other shim it has to hold at once.
 */
export async function prove(onRunc: boolean, body: () => Promise<void>): Promise<void> {
  for (let left = onRunc ? ATTEMPTS : 1;; left--) {
    try {
      return await body();
    } catch (error) {
      if (left === 1) throw error;
    }
  }
}

/** Runs each as a step; none may leave anything behind. */
export async function runCases(
  t: Deno.TestContext,
  daemon: Daemon,
  runtime: string,
  cases: Cases,
): Promise<void> {
  for (const [name, body] of Object.entries(cases)) {
    await t.step(name, async () => {
      const before = daemon.census();
      await prove(runtime === RUNC, () => body(daemon, runtime));
      if (runtime === RUNC) await removeSockets(daemon, before);
      await assertCensus(daemon, before);
    });
  }
}

/** Runs the sets that can be on this version, each as a step with a step for each of its cases. */
export async function runSets(
  t: Deno.TestContext,
  { daemon, runtime, version }: { daemon: Daemon; runtime: string; version: Version },
  sets: CaseSets,
): Promise<void> {
  for (const [name, { cases, not = [] }] of Object.entries(sets)) {
    if (not.includes(version)) continue;
    await t.step(name, (t) => runCases(t, daemon, runtime, cases));
  }
}

/** runc's shim of containerd 2.1 leaves the sockets of groups behind. */
async function removeSockets(daemon: Daemon, before: Census): Promise<void> {
  const shims = before.processes.filter((comm) => comm === RUNC_SHIM).length;
  await waitFor("the shims to end", () => named(daemon, RUNC_SHIM).length === shims);
  for (const path of daemon.census().run) {
    if (!path.startsWith(RUNC_SOCKETS) || before.run.includes(path)) continue;
    await Deno.remove(daemon.path(path));
  }
}
