/** Containers that an OCI runtime runs: every case that holds on runc's shim, and what this one promises besides. */

import assert from "node:assert/strict";
import type { Kind } from "../../src/errdefs/mod.ts";
import { Metrics as MetricsV1 } from "../../src/proto/cgroups_v1.ts";
import { Metrics as MetricsV2 } from "../../src/proto/cgroups_v2.ts";
import { TASK_SETS } from "../cases/task.ts";
import { RUBBISH } from "../cases/task_resources.ts";
import { manyAtOnce } from "../cases/task_run.ts";
import { RUNTIMES_CASES } from "../cases/task_runtimes.ts";
import { type Cases, runCases, runSets } from "../support/cases.ts";
import { type Daemon, waitFor } from "../support/mod.ts";
import {
  deleteTask,
  detachNative,
  prepareNative,
  removeTask,
  RUNC,
  sh,
  startMixed,
  waitForEnd,
} from "../support/native.ts";
import { native, Pod, processSpec, resourcesSpec } from "../support/pod.ts";
import { connectTask } from "../support/shim.ts";
import { newId, RUNTIME, taskStatus, VERSIONS } from "../support/wasm.ts";

const SLEEP = native(["sleep", "1000"]);
const SIGKILL = 9;

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: native containers`, async (t) => {
    await using daemon = await startMixed({ version });
    await runSets(t, { daemon, runtime: RUNTIME, version }, TASK_SETS);
    await t.step("containerd away", (t) => runCases(t, daemon, RUNTIME, AWAY_CASES));
  });
}

Deno.test("native containers: this shim only", async (t) => {
  await using daemon = await startMixed();
  await prepareNative(daemon, RUNC); // leaves folders of its own
  await runCases(t, daemon, RUNTIME, OWN_CASES);
  await t.step("runtimes", (t) => runCases(t, daemon, RUNTIME, RUNTIMES_CASES));
});

/** Of runc's shim, containerd 1.7 and 2.1 forget a container that ended meanwhile. */
const AWAY_CASES: Cases = {
  "an exit while containerd is away": async (daemon, runtime) => {
    const id = await detachNative(daemon, runtime, sh("trap 'exit 6' TERM; sleep 1000 & wait"));
    await waitFor("its child", () => daemon.processes().some(({ comm }) => comm === "sleep"));
    const { pid } = (await taskStatus(daemon, id))!;
    const restarting = daemon.restart("KILL");
    const isAway = () => !daemon.processes().some(({ comm }) => comm === "containerd");
    await waitFor("containerd to be away", isAway);
    await daemon.kill(pid, "TERM");
    await restarting;
    await waitForEnd(daemon, id);
    assert.equal(await deleteTask(daemon, id), 6);
  },
};

const OWN_CASES: Cases = {
  "fifty at once": (daemon, runtime) => manyAtOnce(daemon, runtime, 50),

  "a refused transition is FailedPrecondition": (daemon) =>
    withPod(daemon, async (pod) => {
      const id = newId();
      const { client } = await pod.create(id, SLEEP).then(() => pod);
      const exec = { id, execId: "e" };
      await rejects(client.call("Pause", { id }), "FailedPrecondition", "created");
      await client.call("Start", { id });
      await rejects(client.call("Start", { id }), "FailedPrecondition", "running");
      await rejects(client.call("Delete", { id }), "FailedPrecondition", "running");
      await client.call("Exec", { ...exec, spec: processSpec(["sleep", "1000"]) });
      await rejects(client.call("Kill", { ...exec, signal: SIGKILL }), "FailedPrecondition", "e");
      await client.call("Start", exec);
      await rejects(client.call("Start", exec), "FailedPrecondition", "running");
      await rejects(client.call("Delete", exec), "FailedPrecondition", "running");
      await client.call("Pause", { id });
      await rejects(client.call("Pause", { id }), "FailedPrecondition", "paused");
      const other = { id, execId: "f", spec: processSpec(["true"]) };
      await rejects(client.call("Exec", other), "FailedPrecondition", "paused");
      await client.call("Resume", { id });
      await rejects(client.call("Resume", { id }), "FailedPrecondition", "running");
      await pod.kill(id);
      await pod.wait(id);
      await rejects(client.call("Exec", other), "FailedPrecondition", "stopped");
      await rejects(client.call("Pause", { id }), "FailedPrecondition", "stopped");
    }),

  "what is not there is NotFound": (daemon) =>
    withPod(daemon, async (pod) => {
      const id = newId();
      await pod.run(id, SLEEP);
      for (const target of [{ id: "unknown" }, { id, execId: "unknown" }]) {
        for (const method of ["State", "Start", "Wait", "Delete"] as const) {
          await rejects(pod.client.call(method, target), "NotFound", "unknown");
        }
        const kill = { ...target, signal: SIGKILL };
        await rejects(pod.client.call("Kill", kill), "NotFound", "unknown");
      }
    }),

  "Exec refuses what is no process": (daemon) =>
    withPod(daemon, async (pod) => {
      const id = newId();
      await pod.run(id, SLEEP);
      const spec = { typeUrl: "", value: new TextEncoder().encode("{") };
      await rejects(pod.client.call("Exec", { id, execId: "e", spec }), "InvalidArgument", "exec");
      for (const execId of ["../e", "a/b", ".", "a".repeat(300)]) {
        const exec = { id, execId, spec: processSpec(["true"]) };
        await rejects(pod.client.call("Exec", exec), "InvalidArgument", "exec_id");
      }
      const missing = { id, execId: "e", spec: processSpec(["/no/such/program"]) };
      await pod.client.call("Exec", missing);
      await rejects(pod.client.call("Start", { id, execId: "e" }), "NotFound", "/no/such/program");
    }),

  "Update refuses rubbish as InvalidArgument": (daemon) =>
    withPod(daemon, async (pod) => {
      const [id, wasm] = [newId(), newId()];
      await pod.run(id, SLEEP);
      await pod.run(wasm, { args: ["/wasi-demo-app.wasm", "daemon"] });
      for (const resources of RUBBISH) {
        const [field] = Object.keys(resources);
        const spec = resourcesSpec(resources);
        const native = pod.client.call("Update", { id, resources: spec });
        await rejects(native, "InvalidArgument", "");
        const update = pod.client.call("Update", { id: wasm, resources: spec });
        await rejects(update, "InvalidArgument", field);
      }
    }),

  "Stats fills every field that runc's shim fills": async (daemon) => {
    const work = "while :; do head -c 4000000 /dev/zero >/tmp/file; cat /tmp/file >/dev/null; done";
    const flags = ["--memory-limit", String(64 << 20), "--cpus", "0.5"];
    const seen = new Set<string>();
    const isFilled = async (id: string, wanted: string[]) => {
      for (const field of await metricsFields(daemon, id)) seen.add(field);
      return wanted.every((field) => seen.has(field));
    };
    const runc = await detachNative(daemon, RUNC, sh(work), { flags });
    await waitFor("its work", async () => (await metricsFields(daemon, runc)).length > 20);
    const wanted = await metricsFields(daemon, runc);
    await removeTask(daemon, runc);
    const ours = await detachNative(daemon, RUNTIME, sh(work), { flags });
    // A counter that has not counted yet is not told from one that is not filled.
    await waitFor("every field", () => isFilled(ours, wanted)).catch(() => {});
    assert.deepEqual(wanted.filter((field) => !seen.has(field)), []);
    await removeTask(daemon, ours);
  },
};

/** Names of the fields of Stats that are filled: messages that are there, lists and numbers that are not empty. */
async function metricsFields(daemon: Daemon, id: string): Promise<string[]> {
  using client = await connectTask(daemon, id);
  const { stats } = await client.call("Stats", { id });
  const type = stats!.typeUrl.includes("v1") ? MetricsV1 : MetricsV2;
  const found: string[] = [];
  const walk = (value: unknown, path: string) => {
    if (value === undefined || value === 0n || value === 0 || value === "") return;
    if (Array.isArray(value) && value.length === 0) return;
    found.push(path);
    if (Array.isArray(value)) walk(value[0], `${path}[]`);
    else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) walk(item, `${path}.${key}`);
    }
  };
  walk(type.decode(stats!.value), stats!.typeUrl);
  // Whether a page was read twice, waited for the disk, or the quota was met is chance.
  return found.filter((path) => !/activeFile|dirty|writeback|throttled|majfault/i.test(path));
}

async function withPod(daemon: Daemon, body: (pod: Pod) => Promise<void>) {
  await using pod = await Pod.make(daemon, newId("pod"));
  await body(pod);
}

async function rejects(call: Promise<unknown>, kind: Kind, text: string): Promise<void> {
  await assert.rejects(call, (error: Error & { kind?: Kind }) => {
    assert.equal(error.kind, kind, error.message);
    assert.ok(error.message.includes(text), error.message);
    return true;
  });
}
