/** The Task service, called as containerd calls it but without one in between: states, refusals, races. */

import assert from "node:assert/strict";
import type { Kind } from "../../src/errdefs/mod.ts";
import { Status } from "../../src/proto/mod.ts";
import { assertCensus, type Daemon, waitFor } from "../support/mod.ts";
import { Pod } from "../support/pod.ts";
import {
  BUNDLES,
  callShim,
  oneSupervisor,
  startShim,
  supervisors,
  TaskClient,
} from "../support/shim.ts";
import { detachWasm, newId, removeWasm, runWasm, startDaemon } from "../support/wasm.ts";

const DEMO = "/wasi-demo-app.wasm";
const SIGINT = 2;
const SIGKILL = 9;

Deno.test("the Task service", async (t) => {
  await using daemon = await startDaemon();
  await Deno.mkdir(daemon.path(BUNDLES));
  // The first native container makes the folder of the OCI runtime's states, which all share.
  await runWasm(daemon, ["/bin/busybox", "true"]);
  await waitFor("its shim to end", () => daemon.processes().length === 1);
  for (const [name, body] of Object.entries(STEPS)) {
    await t.step(name, async () => {
      const before = daemon.census();
      await body(daemon);
      await assertCensus(daemon, before);
    });
  }
});

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "a life by version 2 of the service": (daemon) => withPod(daemon, wholeLife, 2),
  "a life by version 3 of the service": (daemon) => withPod(daemon, wholeLife, 3),

  "what is not there is NotFound": (daemon) =>
    withPod(daemon, async (pod) => {
      await pod.create(newId(), { args: [DEMO, "echo"] });
      const id = "unknown";
      for (
        const method of ["State", "Start", "Wait", "Delete", "Pids", "Stats"] as const
      ) {
        await rejects(pod.client.call(method, { id }), "NotFound", id);
      }
      await rejects(pod.client.call("Kill", { id, signal: SIGKILL }), "NotFound", id);
      await rejects(pod.client.call("CloseIO", { id, stdin: true }), "NotFound", id);
    }),

  "Create of an id that is there is AlreadyExists": (daemon) =>
    withPod(daemon, async (pod) => {
      const id = newId();
      const pid = await pod.create(id, { args: [DEMO, "echo"] });
      const bundle = `${BUNDLES}/${id}`;
      await rejects(pod.client.call("Create", { id, bundle }), "AlreadyExists", id);
      assert.equal((await pod.client.call("State", { id })).pid, pid, "the first one is as it was");
    }),

  "of two Creates that race one is right": (daemon) =>
    withPod(daemon, async (pod) => {
      await pod.create(newId(), { args: ["/hello.wasm"] });
      const id = newId();
      const bundle = await pod.bundle(id, { args: ["/hello.wasm"], change: inRoot(pod) });
      const both = await Promise.allSettled([
        pod.client.call("Create", { id, bundle }),
        pod.client.call("Create", { id, bundle }),
      ]);
      assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
      await pod.client.call("Start", { id });
      assert.equal((await pod.client.call("Wait", { id })).exitStatus, 0);
      await pod.client.call("Delete", { id });
      await Deno.remove(daemon.path(bundle), { recursive: true });
    }),

  "of two Starts and of two Deletes that race one is right": (daemon) =>
    withPod(daemon, async (pod) => {
      const id = newId();
      await pod.create(id, { args: ["/hello.wasm"] });
      const starts = await Promise.allSettled([
        pod.client.call("Start", { id }),
        pod.client.call("Start", { id }),
      ]);
      assert.deepEqual(starts.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
      await pod.client.call("Wait", { id });
      const deletes = await Promise.allSettled([pod.delete(id), pod.client.call("Delete", { id })]);
      assert.deepEqual(deletes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    }),

  "Create, then Delete without Start": (daemon) =>
    withPod(daemon, async (pod) => {
      const id = newId();
      const pid = await pod.create(id, { args: [DEMO, "write", "/file", "x"] });
      assert.ok(daemon.processes().some((process) => process.pid === pid));
      await pod.delete(id);
      assert.ok(!daemon.processes().some((process) => process.pid === pid));
      await rejects(pod.client.call("State", { id }), "NotFound", id);
    }),

  "what this version does not do is Unimplemented": (daemon) =>
    withPod(daemon, async (pod) => {
      const id = newId();
      await pod.run(id, { args: [DEMO, "daemon"] });
      await rejects(pod.client.call("Checkpoint", { id }), "Unimplemented", id);
      const bundle = await pod.bundle("restored", { args: [DEMO] });
      const restore = { id: "restored", bundle, checkpoint: "/checkpoint" };
      await rejects(pod.client.call("Create", restore), "Unimplemented", "/checkpoint");
      await Deno.remove(daemon.path(bundle), { recursive: true });
    }),

  "what cannot run is refused by Create, with its kind": (daemon) =>
    withPod(daemon, async (pod) => {
      for (const [program, kind, text] of REFUSED) {
        await rejects(pod.create(newId(), { args: [program] }), kind, text);
      }
      await rejects(pod.create(newId(), { args: [] }), "InvalidArgument", "process.args");
      // Nothing of them is in the way of the next.
      assert.equal(await pod.runToEnd(newId(), { args: ["/hello.wasm"] }), 0);
    }),

  "env arrives in its order, with duplicates": (daemon) =>
    withPod(daemon, async (pod) => {
      const out = `${daemon.base}/env`;
      const env = ["B=1", "A=1", "B=2", "10=x", "9=y", "EMPTY=", "SPACE= "];
      await pod.runToEnd(newId(), { args: ["/args.wasm"], env, stdout: `file://${out}` });
      const lines = (await Deno.readTextFile(out)).split("\n").slice(1, -1);
      assert.deepEqual(lines, env.map((variable) => `env: ${variable}`));
    }),

  "SIGINT to one of 20 containers ends exactly that one": (daemon) =>
    withPod(daemon, async (pod) => {
      const ids = Array.from({ length: 20 }, () => newId());
      await pod.run(ids[0], { args: [DEMO, "sleep", "60"] });
      await Promise.all(ids.slice(1).map((id) => pod.run(id, { args: [DEMO, "sleep", "60"] })));
      assert.equal(await oneSupervisor(daemon), pod.pid);
      for (const id of [ids[13], ids[0], ids[19]]) {
        await pod.client.call("Kill", { id, signal: SIGINT });
        assert.equal((await pod.client.call("Wait", { id }, 5000)).exitStatus, 128 + SIGINT);
        assert.equal(await pod.delete(id), 128 + SIGINT);
        ids.splice(ids.indexOf(id), 1);
        for (const other of ids) {
          const { status } = await pod.client.call("State", { id: other });
          assert.equal(status, Status.RUNNING, `${other} after ${id}`);
        }
      }
    }),

  "a shim with tasks ignores Shutdown": (daemon) =>
    withPod(daemon, async (pod) => {
      const id = newId();
      await pod.run(id, { args: [DEMO, "daemon"] });
      await pod.client.call("Shutdown", { id });
      assert.equal((await pod.client.call("State", { id })).status, Status.RUNNING);
    }),

  "start, raced twice and called again, answers one address": async (daemon) => {
    await using pod = await Pod.make(daemon, newId("pod"));
    const ids = [newId(), newId(), newId()];
    const targets = await Promise.all(ids.map(async (id) => {
      return { id, bundle: await pod.bundle(id, { args: ["/hello.wasm"], change: inRoot(pod) }) };
    }));
    const raced = await Promise.all(
      targets.slice(0, 2).map((target) => callShim(daemon, "start", target)),
    );
    const results = [...raced, await callShim(daemon, "start", targets[2])];
    for (const { code, out, err } of results) {
      assert.deepEqual([code, err], [0, ""]);
      assert.match(out, /^unix:\/\/\/run\/denowasi\/groups\/[0-9a-f]{32}\/task\.sock$/);
      assert.equal(out, results[0].out);
    }
    await oneSupervisor(daemon);
    using client = await startShim(daemon, targets[0]);
    for (const { id, bundle } of targets) {
      assert.equal(await Deno.readTextFile(daemon.path(`${bundle}/address`)), results[0].out);
      await client.call("Create", { id, bundle });
      await client.call("Start", { id });
      assert.equal((await client.call("Wait", { id })).exitStatus, 0);
      await client.call("Delete", { id });
      await Deno.remove(daemon.path(bundle), { recursive: true });
    }
    await client.call("Shutdown", { id: ids[0] });
    await waitFor("the shim to end", () => supervisors(daemon).length === 0);
  },

  "delete may be called for anything, at any time": async (daemon) => {
    await using pod = await Pod.make(daemon, newId("pod"));
    const id = newId();
    const pid = await pod.run(id, { args: [DEMO, "daemon"] });
    const target = { id, bundle: `${BUNDLES}/${id}` };
    for (let times = 0; times < 2; times++) {
      const { code, err } = await callShim(daemon, "delete", target);
      assert.deepEqual([code, err], [0, ""]);
      assert.ok(!daemon.processes().some((process) => process.pid === pid));
    }
    await rejects(pod.client.call("State", { id }), "NotFound", id);
  },

  "a task of containerd's is reached by the address in its bundle": async (daemon) => {
    const id = await detachWasm(daemon, [DEMO, "sleep", "60"]);
    const address = await Deno.readTextFile(daemon.path(`${daemon.bundle(id)}/address`));
    assert.match(address, /^unix:\/\//);
    using client = await TaskClient.connect(await daemon.taskSocket(id));
    const { status, pid } = await client.call("State", { id });
    assert.equal(status, Status.RUNNING);
    assert.equal((await client.call("Connect", { id })).taskPid, pid);
    await removeWasm(daemon, id);
  },
};

/** Entry points that are no modules to run. */
const REFUSED: [program: string, kind: Kind, text: string][] = [
  ["/hello.wasm#missing", "InvalidArgument", "missing"],
  ["/no_start.wasm", "InvalidArgument", "_start"],
  ["/invalid.wasm", "InvalidArgument", "@+10"],
  ["/truncated.wasm", "InvalidArgument", "@+8"],
  ["/unknown_import.wasm", "InvalidArgument", "no_such_module.no_such_function"],
  ["/component.wasm", "InvalidArgument", "wasi:cli/run"],
  ["/nowhere.wasm", "NotFound", "/nowhere.wasm"],
  ["/bin", "PermissionDenied", "executable"],
];

async function withPod(
  daemon: Daemon,
  body: (pod: Pod) => Promise<unknown>,
  version: 2 | 3 = 2,
): Promise<void> {
  await using pod = await Pod.make(daemon, newId("pod"), version);
  await body(pod);
}

async function wholeLife(pod: Pod): Promise<void> {
  const id = newId();
  const pid = await pod.create(id, { args: [DEMO, "sleep", "60"] });
  const call = pod.client.call.bind(pod.client);
  const state = () => call("State", { id });

  const created = await state();
  assert.deepEqual([created.id, created.pid, created.status], [id, pid, Status.CREATED]);
  assert.deepEqual([created.bundle, created.exitStatus], [`${BUNDLES}/${id}`, 0]);
  await rejects(call("Kill", { id, signal: SIGKILL }), "FailedPrecondition", "created");

  assert.equal((await call("Start", { id })).pid, pid);
  assert.equal((await state()).status, Status.RUNNING);
  assert.equal((await call("Connect", { id })).taskPid, pid);
  assert.deepEqual((await call("Pids", { id })).processes.map((process) => process.pid), [pid]);
  await rejects(call("Start", { id }), "FailedPrecondition", "running");
  await rejects(call("Delete", { id }), "FailedPrecondition", "running");

  const waiting = call("Wait", { id });
  await call("Kill", { id, signal: SIGKILL });
  const { exitStatus, exitedAt } = await waiting;
  assert.equal(exitStatus, 128 + SIGKILL);
  assert.ok(Math.abs(Number(exitedAt!.seconds) - Date.now() / 1000) < 10, `${exitedAt!.seconds}`);

  const stopped = await state();
  assert.deepEqual([stopped.status, stopped.exitStatus], [Status.STOPPED, 128 + SIGKILL]);
  assert.deepEqual(stopped.exitedAt, exitedAt);
  assert.deepEqual((await call("Wait", { id })).exitedAt, exitedAt, "Wait after the end");
  await rejects(call("Start", { id }), "FailedPrecondition", "stopped");
  await rejects(call("Kill", { id, signal: SIGKILL }), "NotFound", "already finished");
  // containerd 1.7 and 2.1, when they are restarted, remove a task that has no process.
  assert.deepEqual((await call("Pids", { id })).processes.map(({ pid }) => pid), [stopped.pid]);

  assert.equal(await pod.delete(id), 128 + SIGKILL);
  await rejects(state(), "NotFound", id);
}

/** A change that makes the pod's shared folder the root, so that Create brings no mounts. */
function inRoot(pod: Pod) {
  return (spec: { root: { path: string } }) => {
    spec.root.path = pod.root;
  };
}

async function rejects(call: Promise<unknown>, kind: Kind, text: string): Promise<void> {
  await assert.rejects(call, (error: Error & { kind?: Kind }) => {
    assert.equal(error.kind, kind, error.message);
    assert.ok(error.message.includes(text), error.message);
    return true;
  });
}
