/** What a container uses and may use: metrics, processes, limits, the end for want of memory. */

import assert from "node:assert/strict";
import { assertCensus, type Daemon, waitFor } from "../support/mod.ts";
import {
  detachWasm,
  newId,
  removeWasm,
  runWasm,
  startDaemon,
  taskStatus,
  VERSIONS,
} from "../support/wasm.ts";

const MIB = 1 << 20;

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: resources`, async (t) => {
    await using daemon = await startDaemon({ version });
    const before = daemon.census();
    for (const [name, body] of Object.entries(STEPS)) await t.step(name, () => body(daemon));
    await t.step("nothing is left", () => assertCensus(daemon, before));
  });
}

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "ctr task metrics tells what it uses": async (daemon) => {
    const id = await detachWasm(daemon, ["/memory.wasm", "32", "60"]);
    const values = await waitFor("its memory to show", async () => {
      const values = await metrics(daemon, id);
      const memory = values.get("memory.usage_in_bytes") ?? values.get("memory.usage");
      if (memory === undefined) throw new Error(`no memory in ${[...values]}`);
      return memory > 32 * MIB && memory < 512 * MIB && values;
    });
    assert.equal(values.get("pids.current"), 1);
    const cpu = values.get("cpuacct.usage") ?? values.get("cpu.usage_usec");
    assert.ok(cpu !== undefined && cpu > 0, `${[...values]}`);
    await removeWasm(daemon, id);
  },

  "ctr task ps lists init": async (daemon) => {
    const id = await detachWasm(daemon, ["/wasi-demo-app.wasm", "sleep", "60"]);
    const { pid } = (await taskStatus(daemon, id))!;
    const { out } = await daemon.mustCtr(["task", "ps", id]);
    const pids = out.trim().split("\n").slice(1).map((line) => Number(line.split(/\s+/)[0]));
    assert.deepEqual(pids, [pid]);
    await removeWasm(daemon, id);
  },

  "a container beyond its memory limit ends with 137, and an oom event": async (daemon) => {
    await using events = await daemon.events();
    const id = newId("oom");
    const flags = ["--memory-limit", String(64 * MIB)];
    const { code } = await runWasm(daemon, ["/memory.wasm", "256"], { id, flags });
    assert.equal(code, 137);
    await events.waitFor("/tasks/delete", id);
    const topics = events.topics(id).filter((topic) => topic.startsWith("/tasks/"));
    assert.ok(topics.includes("/tasks/oom"), `${topics}`);
    assert.deepEqual(topics.slice(-1), ["/tasks/delete"]);
  },

  "a container within its memory limit is left alone": async (daemon) => {
    const flags = ["--memory-limit", String(256 * MIB)];
    const { code, out } = await runWasm(daemon, ["/memory.wasm", "64"], { flags });
    assert.deepEqual([code, out], [0, "touched 64\n"]);
  },
};

/** The table of `ctr task metrics`, whose names differ by version of cgroups. */
async function metrics(daemon: Daemon, id: string): Promise<Map<string, number>> {
  const { out } = await daemon.mustCtr(["task", "metrics", id]);
  return new Map(
    out.split("\n").map((line) => {
      const [name, value] = line.trim().split(/\s+/);
      return [name, Number(value)];
    }),
  );
}
