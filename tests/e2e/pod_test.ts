/** A pod of native and Wasm containers under one supervisor, which is killed and followed by another. */

import assert from "node:assert/strict";
import { Status, task } from "../../src/proto/mod.ts";
import { type Cases, runCases } from "../support/cases.ts";
import { type Daemon, waitFor } from "../support/mod.ts";
import { sh, startMixed } from "../support/native.ts";
import { type CreateOptions, native, Pod } from "../support/pod.ts";
import { BUNDLES, callShim, supervisors } from "../support/shim.ts";
import { newId, RUNTIME } from "../support/wasm.ts";

const DEMO = "/wasi-demo-app.wasm";
const DAEMON = { args: [DEMO, "daemon"] };
const EXIT_42 = { args: ["/exit42.wasm"] };
const SLEEP = native(["sleep", "1000"]);
const COUNTER = sh("trap 'exit 9' TERM; while :; do echo tick; sleep 0.02; done");
const SIGTERM = 15;

Deno.test("pods of both kinds", async (t) => {
  await using daemon = await startMixed();
  await runCases(t, daemon, RUNTIME, CASES);
});

const CASES: Cases = {
  "one supervisor serves both, each ends by itself": (daemon) =>
    withPod(daemon, async (pod) => {
      const [counter, first, second] = [newId(), newId(), newId()];
      await pod.run(counter, native(COUNTER));
      await pod.run(first, DAEMON);
      assert.equal(await pod.runToEnd(second, { args: [DEMO, "exit", "42"] }), 42);
      assert.equal(await pod.runToEnd(newId(), native(sh("exit 7"))), 7);
      assert.deepEqual(supervisors(daemon).map(({ pid }) => pid), [pod.pid]);
      await pod.kill(first, SIGTERM);
      assert.equal(await pod.wait(first), 143);
      assert.equal(await status(pod, counter), Status.RUNNING);
      await pod.kill(counter, SIGTERM);
      assert.equal(await pod.wait(counter), 9);
      for (const id of [first, counter]) await pod.delete(id);
    }),

  "both kinds see one volume": (daemon) =>
    withPod(daemon, async (pod) => {
      const volume = `${daemon.base}/${newId("volume")}`;
      await Deno.mkdir(volume);
      const change: CreateOptions["change"] = (spec) => {
        const options = ["rbind", "rw"];
        spec.mounts.push({ destination: "/volume", type: "bind", source: volume, options });
      };
      await pod.runToEnd(newId(), { args: [DEMO, "write", "/volume/f", "from Wasm"], change });
      const check = sh('[ "$(cat /volume/f)" = "from Wasm" ] && echo native >/volume/g');
      assert.equal(await pod.runToEnd(newId(), native(check, { change })), 0);
      assert.equal(await Deno.readTextFile(`${volume}/g`), "native\n");
    }),

  "supervisor killed: delete tells how each ended": (daemon) =>
    withPod(daemon, async (pod) => {
      const expected = new Map<string, number>();
      const ends: [CreateOptions, number][] = [[native(sh("exit 7")), 7], [EXIT_42, 42]];
      for (const [options, code] of ends) {
        const id = newId();
        await pod.run(id, options);
        assert.equal(await pod.wait(id), code);
        expected.set(id, code);
      }
      const pids = new Map<string, number>();
      for (const options of [SLEEP, DAEMON]) {
        const id = newId();
        pids.set(id, await pod.run(id, options));
        expected.set(id, 137);
      }
      await killSupervisor(daemon, pod);
      for (const [id, code] of expected) {
        for (let times = 0; times < 2; times++) {
          const result = await callShim(daemon, "delete", { id, bundle: `${BUNDLES}/${id}` });
          assert.deepEqual([result.code, result.err], [0, ""], id);
          const { exitStatus } = task.DeleteResponse.decode(result.stdout);
          // The second time nothing is known of it.
          assert.equal(exitStatus, times === 0 ? code : 137, id);
        }
        const pid = pids.get(id);
        assert.ok(!daemon.processes().some((process) => process.pid === pid), id);
        await pod.forget(id);
      }
    }),

  "supervisor killed: the next one adopts its containers": (daemon) =>
    withPod(daemon, async (pod) => {
      const [counter, singer, ended] = [newId("native"), newId("wasm"), newId("ended")];
      const path = (id: string) => `${daemon.base}/${id}.log`;
      const pids = new Map([
        [counter, await pod.run(counter, native(COUNTER, { stdout: `file://${path(counter)}` }))],
        [singer, await pod.run(singer, { ...DAEMON, stdout: `file://${path(singer)}` })],
      ]);
      await pod.run(ended, native(sh("exit 7")));
      assert.equal(await pod.wait(ended), 7);

      const before = pod.pid;
      await killSupervisor(daemon, pod);
      assert.equal(await pod.runToEnd(newId(), EXIT_42), 42);
      assert.notEqual(pod.pid, before);
      assert.deepEqual(supervisors(daemon).map(({ pid }) => pid), [pod.pid]);

      for (const [id, pid] of pids) {
        const state = await pod.client.call("State", { id });
        assert.deepEqual([state.pid, state.status], [pid, Status.RUNNING], id);
        const { size } = Deno.statSync(path(id));
        await waitFor(`more of ${id}`, () => Deno.statSync(path(id)).size > size);
      }
      const state = await pod.client.call("State", { id: ended });
      assert.deepEqual([state.status, state.exitStatus], [Status.STOPPED, 7]);
      assert.equal(await pod.delete(ended), 7);

      assert.equal(await pod.execToEnd(counter, "e", sh("exit 5")), 5);
      assert.equal(await pod.execToEnd(singer, "e", ["/exit42.wasm"]), 42);
      for (const [id, code] of [[counter, 9], [singer, 143]] as const) {
        const waiting = pod.wait(id);
        await pod.kill(id, SIGTERM);
        assert.equal(await waiting, code);
        assert.equal(await pod.delete(id), code);
      }
    }),

  "supervisor killed: the next one ends with the last delete, even after Shutdown": (daemon) =>
    withPod(daemon, async (pod) => {
      const ids = [newId(), newId()];
      await pod.run(ids[0], SLEEP);
      await pod.run(ids[1], DAEMON);
      await killSupervisor(daemon, pod);
      const last = newId();
      assert.equal(await pod.runToEnd(last, EXIT_42), 42);
      await pod.client.call("Shutdown", { id: last }); // the last one of containerd's
      for (const id of ids) {
        assert.deepEqual(supervisors(daemon).map(({ pid }) => pid), [pod.pid]);
        const { code, err } = await callShim(daemon, "delete", { id, bundle: `${BUNDLES}/${id}` });
        assert.deepEqual([code, err], [0, ""]);
        await pod.forget(id);
      }
      pod.lost();
      await waitFor("the supervisor's end", () => supervisors(daemon).length === 0);
    }),

  "supervisor killed: an exit that nobody saw is told by the next one": (daemon) =>
    withPod(daemon, async (pod) => {
      const [first, second] = [newId(), newId()];
      const pids = [await pod.run(first, native(COUNTER)), await pod.run(second, DAEMON)];
      await killSupervisor(daemon, pod);
      for (const pid of pids) await daemon.kill(pid, "TERM");
      const left = () => daemon.processes().some(({ pid }) => pids.includes(pid));
      await waitFor("their end", () => !left());
      assert.equal(await pod.runToEnd(newId(), native(sh("exit 3"))), 3);
      for (const [id, code] of [[first, 9], [second, 143]] as const) {
        assert.equal(await pod.wait(id), code);
        assert.equal(await pod.delete(id), code);
      }
    }),
};

async function withPod(daemon: Daemon, body: (pod: Pod) => Promise<void>) {
  await using pod = await Pod.make(daemon, newId("pod"));
  await body(pod);
}

async function status(pod: Pod, id: string): Promise<Status> {
  return (await pod.client.call("State", { id })).status;
}

async function killSupervisor(daemon: Daemon, pod: Pod): Promise<void> {
  const { pid } = pod;
  await daemon.kill(pid, "KILL");
  await waitFor("its end", () => !daemon.processes().some((process) => process.pid === pid));
  pod.lost();
}
