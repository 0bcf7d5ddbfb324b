/** What a container may use and uses: limits, their change, metrics, the end for want of memory. */

import assert from "node:assert/strict";
import type { Cases } from "../support/cases.ts";
import { limitOf, limitsOf } from "../support/limits.ts";
import { type Daemon, waitFor } from "../support/mod.ts";
import {
  deleteTask,
  detachNative,
  execIn,
  removeTask,
  runNative,
  sh,
  waitForEnd,
} from "../support/native.ts";
import { resourcesSpec } from "../support/pod.ts";
import { connectTask } from "../support/shim.ts";
import { taskStatus } from "../support/wasm.ts";

const MIB = 1 << 20;
/** Allocates until there is no more. */
const GREEDY = "tail /dev/zero";

export const RESOURCES_CASES: Cases = {
  "limits are in the cgroup": async (daemon, runtime) => {
    const flags = ["--memory-limit", String(64 * MIB), "--cpus", "0.5"];
    const id = await detachNative(daemon, runtime, ["sleep", "100"], { flags });
    assert.equal(limitOf(daemon, id, "memory"), String(64 * MIB));
    assert.equal(limitOf(daemon, id, "cpuQuota"), "50000");
    await removeTask(daemon, id);
  },

  "Update changes them, and leaves the others": async (daemon, runtime) => {
    const flags = ["--memory-limit", String(64 * MIB), "--cpus", "0.5"];
    const id = await detachNative(daemon, runtime, ["sleep", "100"], { flags });
    await update(daemon, id, { memory: { limit: 96 * MIB } });
    assert.equal(limitOf(daemon, id, "memory"), String(96 * MIB));
    assert.equal(limitOf(daemon, id, "cpuQuota"), "50000");
    await update(daemon, id, { cpu: { quota: 20_000, period: 100_000 }, pids: { limit: 32 } });
    assert.deepEqual(limitsOf(daemon, id), {
      memory: String(96 * MIB),
      cpuQuota: "20000",
      pids: "32",
    });
    await removeTask(daemon, id);
  },

  "a limit of processes takes effect": async (daemon, runtime) => {
    const id = await detachNative(daemon, runtime, ["sleep", "100"]);
    await update(daemon, id, { pids: { limit: 8 } });
    const script = "for n in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; wait";
    const { code, err } = await execIn(daemon, id, sh(script));
    assert.notEqual(code, 0);
    assert.match(err, /can't fork/);
    await removeTask(daemon, id);
  },

  "rubbish is refused, and changes nothing": async (daemon, runtime) => {
    const id = await detachNative(daemon, runtime, ["sleep", "100"]);
    await update(daemon, id, { memory: { limit: 64 * MIB }, pids: { limit: 32 } });
    const before = limitsOf(daemon, id);
    for (const resources of RUBBISH) {
      await assert.rejects(update(daemon, id, resources), JSON.stringify(resources));
      assert.deepEqual(limitsOf(daemon, id), before, JSON.stringify(resources));
    }
    assert.equal((await taskStatus(daemon, id))?.status, "RUNNING");
    await removeTask(daemon, id);
  },

  "ctr task metrics tells what it uses": async (daemon, runtime) => {
    const script = "x=$(head -c 8388608 /dev/zero | tr '\\0' x); sleep 100; echo $x";
    const id = await detachNative(daemon, runtime, sh(script));
    const metrics = await waitFor("its memory to show", async () => {
      const metrics = await metricsOf(daemon, id);
      const memory = metrics.get("memory.usage_in_bytes") ?? metrics.get("memory.usage");
      if (memory === undefined) throw new Error(`no memory in ${[...metrics]}`);
      return memory > 8 * MIB && memory < 256 * MIB && metrics;
    });
    const processes = metrics.get("pids.current");
    assert.ok(processes !== undefined && processes >= 1 && processes <= 4, `${processes}`);
    const cpu = metrics.get("cpuacct.usage") ?? metrics.get("cpu.usage_usec");
    assert.ok(cpu !== undefined && cpu > 0, `${[...metrics]}`);
    await removeTask(daemon, id);
  },

  "a child killed for want of memory: init lives, an oom event": async (daemon, runtime) => {
    await using events = await daemon.events();
    const path = `${daemon.base}/oom`;
    const flags = ["--memory-limit", String(32 * MIB), "--log-uri", `file://${path}`];
    const script = `${GREEDY}; echo status $?; sleep 100; :`;
    const id = await detachNative(daemon, runtime, sh(script), { flags });
    await events.waitFor("/tasks/oom", id);
    await waitFor("the child's status", () => Deno.readTextFileSync(path).includes("status 137\n"));
    assert.equal((await taskStatus(daemon, id))?.status, "RUNNING");
    assert.ok(!events.topics(id).includes("/tasks/exit"));
    await removeTask(daemon, id);
  },

  "an exec killed for want of memory": async (daemon, runtime) => {
    await using events = await daemon.events();
    const flags = ["--memory-limit", String(32 * MIB)];
    const id = await detachNative(daemon, runtime, ["sleep", "100"], { flags });
    assert.equal((await execIn(daemon, id, GREEDY.split(" "))).code, 137);
    await events.waitFor("/tasks/oom", id);
    assert.equal((await taskStatus(daemon, id))?.status, "RUNNING");
    await removeTask(daemon, id);
  },

  "init killed for want of memory: 137, an oom event": async (daemon, runtime) => {
    await using events = await daemon.events();
    const flags = ["--memory-limit", String(32 * MIB)];
    const id = await detachNative(daemon, runtime, GREEDY.split(" "), { flags });
    await events.waitFor("/tasks/oom", id);
    assert.equal((await events.waitFor("/tasks/exit", id)).fields.exit_status, 137);
    await waitForEnd(daemon, id);
    assert.equal(await deleteTask(daemon, id), 137);
  },

  "within its limit a container is left alone": async (daemon, runtime) => {
    const flags = ["--memory-limit", String(64 * MIB)];
    const script = "head -c 8388608 /dev/zero | wc -c";
    const { code, out } = await runNative(daemon, runtime, sh(script), { flags });
    assert.deepEqual([code, out], [0, "8388608\n"]);
  },
};

/** Values of linux.resources that no kernel takes, or that are of another type. */
export const RUBBISH: Record<string, unknown>[] = [
  { memory: { limit: "much" } },
  { memory: 5 },
  { cpu: { shares: -1 } },
  { cpu: { quota: 1, period: 100_000 } },
  { pids: { limit: {} } },
];

async function update(daemon: Daemon, id: string, resources: Record<string, unknown>) {
  using client = await connectTask(daemon, id);
  await client.call("Update", { id, resources: resourcesSpec(resources) });
}

/** The table of `ctr task metrics`, whose names differ by version of cgroups. */
async function metricsOf(daemon: Daemon, id: string): Promise<Map<string, number>> {
  const { out } = await daemon.mustCtr(["task", "metrics", id]);
  return new Map(
    out.split("\n").map((line) => {
      const [name, value] = line.trim().split(/\s+/);
      return [name, Number(value)];
    }),
  );
}
