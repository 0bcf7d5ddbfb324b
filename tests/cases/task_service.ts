/** The Task service of a shim that containerd did not start: states, refusals, streams. */

import assert from "node:assert/strict";
import { type Kind, ShimError } from "../../src/errdefs/mod.ts";
import { ProcessDetails } from "../../src/proto/runc_options.ts";
import { Status } from "../../src/proto/mod.ts";
import type { Cases } from "../support/cases.ts";
import { feedFifo, makeFifos, readFifo } from "../support/fifos.ts";
import { type Daemon, sleep } from "../support/mod.ts";
import { sh } from "../support/native.ts";
import { native, Pod, processSpec } from "../support/pod.ts";
import { BUNDLES } from "../support/shim.ts";
import { newId } from "../support/wasm.ts";

const SIGKILL = 9;
const SLEEP = native(["sleep", "1000"]);

export const SERVICE_CASES: Cases = {
  "a life, step by step": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const id = newId();
      const pid = await pod.create(id, SLEEP);
      const state = () => pod.client.call("State", { id });
      const created = await state();
      assert.deepEqual([created.id, created.pid, created.status], [id, pid, Status.CREATED]);
      assert.equal(created.bundle, `${BUNDLES}/${id}`);

      assert.equal((await pod.client.call("Start", { id })).pid, pid);
      assert.equal((await state()).status, Status.RUNNING);
      assert.equal((await pod.client.call("Connect", { id })).taskPid, pid);
      await assert.rejects(pod.client.call("Start", { id }));
      await assert.rejects(pod.client.call("Delete", { id }));
      assert.equal((await state()).status, Status.RUNNING);

      const waits = Promise.all([1, 2, 3].map(() => pod.client.call("Wait", { id })));
      await pod.kill(id);
      const [first, ...others] = await waits;
      assert.equal(first.exitStatus, 128 + SIGKILL);
      assert.ok(Math.abs(Number(first.exitedAt!.seconds) - Date.now() / 1000) < 10);
      for (const other of others) assert.deepEqual(other, first);

      const stopped = await state();
      assert.deepEqual([stopped.status, stopped.exitStatus], [Status.STOPPED, 128 + SIGKILL]);
      assert.deepEqual(stopped.exitedAt, first.exitedAt);
      assert.deepEqual(await pod.client.call("Wait", { id }), first);
      await rejects(pod.kill(id), "NotFound", "process already finished");
      await assert.rejects(pod.client.call("Start", { id }));
      assert.equal(await pod.delete(id), 128 + SIGKILL);
      await rejects(state(), "NotFound");
    }),

  "an exec's life, step by step": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const id = newId();
      const init = await pod.run(id, SLEEP);
      const exec = { id, execId: "e" };
      const state = () => pod.client.call("State", exec);
      await rejects(state(), "NotFound");
      await pod.client.call("Exec", { ...exec, spec: processSpec(["sleep", "2000"]) });
      const added = await state();
      assert.deepEqual([added.status, added.pid], [Status.CREATED, 0]);
      const waits = Promise.all([1, 2, 3].map(() => pod.client.call("Wait", exec)));

      const { pid } = await pod.client.call("Start", exec);
      const running = await state();
      assert.deepEqual([running.pid, running.status], [pid, Status.RUNNING]);
      assert.notEqual(pid, init);
      await assert.rejects(pod.client.call("Delete", exec));

      await pod.client.call("Kill", { ...exec, signal: SIGKILL });
      for (const { exitStatus } of await waits) assert.equal(exitStatus, 128 + SIGKILL);
      const stopped = await state();
      assert.deepEqual([stopped.status, stopped.exitStatus], [Status.STOPPED, 128 + SIGKILL]);
      await rejects(pod.client.call("Kill", { ...exec, signal: SIGKILL }), "NotFound");
      const deleted = await pod.client.call("Delete", exec);
      assert.deepEqual([deleted.pid, deleted.exitStatus], [pid, 128 + SIGKILL]);
      await rejects(state(), "NotFound");
      assert.equal((await pod.client.call("State", { id })).status, Status.RUNNING);
    }),

  "what is not there is said to be not there": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const there = newId();
      await pod.run(there, SLEEP);
      for (const target of [{ id: "unknown" }, { id: there, execId: "unknown" }]) {
        for (const method of ["State", "Start", "Wait", "Delete"] as const) {
          await isNotFound(pod.client.call(method, target));
        }
        await isNotFound(pod.client.call("Kill", { ...target, signal: SIGKILL }));
        await isNotFound(pod.client.call("CloseIO", { ...target, stdin: true }));
        await isNotFound(pod.client.call("ResizePty", { ...target, width: 1, height: 1 }));
      }
      for (const method of ["Pids", "Stats", "Pause", "Resume"] as const) {
        await isNotFound(pod.client.call(method, { id: "unknown" }));
      }
      const spec = processSpec(["true"]);
      await isNotFound(pod.client.call("Exec", { id: "unknown", execId: "e", spec }));
    }),

  "an exec id that is there is AlreadyExists": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const id = newId();
      await pod.run(id, SLEEP);
      const exec = { id, execId: "e", spec: processSpec(["true"]) };
      await pod.client.call("Exec", exec);
      await rejects(pod.client.call("Exec", exec), "AlreadyExists");
      // Nothing of it runs: it can be deleted, and the id used again.
      await pod.client.call("Delete", { id, execId: "e" });
      assert.equal(await pod.execToEnd(id, "e", sh("exit 3")), 3);
    }),

  "Create, then Delete without Start": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const [id, other] = [newId(), newId()];
      await pod.run(other, SLEEP);
      const pid = await pod.create(id, SLEEP);
      assert.ok(daemon.processes().some((process) => process.pid === pid));
      await pod.delete(id);
      assert.ok(!daemon.processes().some((process) => process.pid === pid));
      await rejects(pod.client.call("State", { id }), "NotFound");
    }),

  "containers of one pod end one by one": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const ids = [newId(), newId(), newId()];
      for (const id of ids) await pod.run(id, SLEEP);
      await pod.client.call("Shutdown", { id: ids[0] });
      for (const [index, id] of ids.entries()) {
        await pod.kill(id);
        assert.equal(await pod.wait(id), 128 + SIGKILL);
        assert.equal(await pod.delete(id), 128 + SIGKILL);
        for (const other of ids.slice(index + 1)) {
          const { status } = await pod.client.call("State", { id: other });
          assert.equal(status, Status.RUNNING, `${other} after ${id}`);
        }
      }
    }),

  "Pids tells which process is which exec": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const id = newId();
      const init = await pod.run(id, SLEEP);
      const exec = await pod.exec(id, "e", ["sleep", "2000"]);
      const { processes } = await pod.client.call("Pids", { id });
      const told = processes.map(({ pid, info }) => {
        return [pid, info && ProcessDetails.decode(info.value).execId];
      });
      assert.deepEqual(
        new Map(told as [number, string][]),
        new Map([[init, undefined], [exec, "e"]]),
      );
    }),

  "stdin ends by CloseIO, not when a client goes": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const id = newId();
      const { stdin, stdout, stderr } = await makeFifos(daemon);
      const [output, errors] = [readFifo(stdout), readFifo(stderr)];
      await pod.create(id, native(sh("cat; echo end >&2; exit 3"), { stdin, stdout, stderr }));
      await pod.client.call("Start", { id });
      await feed(stdin, "one\n");
      await output.waitForOutput("one\n");
      await sleep(100);
      assert.equal((await pod.client.call("State", { id })).status, Status.RUNNING);
      const last = feedFifo(stdin);
      await last.write("two\n");
      await output.waitForOutput("two\n");
      await pod.client.call("CloseIO", { id, stdin: true });
      await last.write("three\n");
      await last.closeStdin();
      assert.equal(await pod.wait(id), 3);
      await pod.delete(id);
      assert.equal((await output.result).out, "one\ntwo\nthree\n");
      assert.equal((await errors.result).out, "end\n");
      await last.result;
    }),

  "stdin of an exec ends by CloseIO": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const id = newId();
      await pod.run(id, SLEEP);
      const { stdin, stdout } = await makeFifos(daemon);
      const output = readFifo(stdout);
      await pod.exec(id, "e", sh("cat; exit 4"), { stdin, stdout, stderr: stdout });
      await feed(stdin, "one\n");
      await output.waitForOutput("one\n");
      await pod.client.call("CloseIO", { id, execId: "e", stdin: true });
      assert.equal((await pod.client.call("Wait", { id, execId: "e" })).exitStatus, 4);
      await pod.client.call("Delete", { id, execId: "e" });
      assert.equal((await output.result).out, "one\n");
    }),

  "a reader of the output may go and come back": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const id = newId();
      const { stdin, stdout } = await makeFifos(daemon);
      const first = readFifo(stdout);
      await pod.run(id, native(["cat"], { stdin, stdout, stderr: stdout }));
      await feed(stdin, "one\n");
      await first.waitForOutput("one\n");
      first.kill();
      await first.result;
      await feed(stdin, "two\n");
      const second = readFifo(stdout);
      await second.waitForOutput("two\n");
      await pod.kill(id);
      assert.equal(await pod.wait(id), 128 + SIGKILL);
      await pod.delete(id);
      assert.equal((await second.result).out, "two\n");
    }),
};

/** Writes to a FIFO as a client that goes then. */
async function feed(path: string, text: string): Promise<void> {
  const client = feedFifo(path);
  await client.write(text);
  await client.closeStdin();
  await client.result;
}

async function withPod(daemon: Daemon, runtime: string, body: (pod: Pod) => Promise<void>) {
  await using pod = await Pod.make(daemon, newId("pod"), 2, { runtime });
  await body(pod);
}

/** By its kind or its text: runc's shim does not give every one of them its code. */
async function isNotFound(call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof ShimError, `${error}`);
    return error.kind === "NotFound" || /not found/.test(error.message);
  });
}

async function rejects(call: Promise<unknown>, kind: Kind, text = ""): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof ShimError, `${error}`);
    assert.equal(error.kind, kind, error.message);
    assert.ok(error.message.includes(text), error.message);
    return true;
  });
}
