/** Each of the shim's processes is killed while containers run: what ends, what goes on, what is left. */

import assert from "node:assert/strict";
import { assertCensus, type Daemon, waitFor } from "../support/mod.ts";
import { monitorOf, supervisors, zygotes } from "../support/shim.ts";
import {
  detachWasm,
  newId,
  removeWasm,
  runWasm,
  spawnWasm,
  startDaemon,
  taskStatus,
} from "../support/wasm.ts";

const DEMO = "/wasi-demo-app.wasm";

Deno.test("crashes", async (t) => {
  await using daemon = await startDaemon();
  for (const [name, body] of Object.entries(STEPS)) {
    await t.step(name, async () => {
      const before = daemon.census();
      await body(daemon);
      await assertCensus(daemon, before);
    });
  }
});

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "supervisor: containerd is told that its containers were killed": async (daemon) => {
    const flags = [...inPod("killed"), "--null-io"];
    const ids = [
      await detachWasm(daemon, [DEMO, "daemon"], { flags }),
      await detachWasm(daemon, ["/loop.wasm"], { flags }),
    ];
    await using events = await daemon.events();
    await daemon.kill(supervisors(daemon)[0].pid, "KILL");
    for (const id of ids) {
      const exit = await events.waitFor("/tasks/exit", id);
      assert.equal(exit.fields.exit_status, 137);
      await events.waitFor("/tasks/delete", id);
      assert.equal(await taskStatus(daemon, id), undefined);
    }
    await waitFor("every process to end", () => daemon.processes().length === 1 + EVENTS_CLIENT);
    for (const id of ids) await daemon.mustCtr(["container", "delete", id]);
  },

  "supervisor: its pod's name can be used again": async (daemon) => {
    const flags = [...inPod("again"), "--null-io"];
    const id = await detachWasm(daemon, [DEMO, "daemon"], { flags });
    await daemon.kill(supervisors(daemon)[0].pid, "KILL");
    // At once, whether containerd has noticed or not.
    assert.equal((await runWasm(daemon, ["/hello.wasm"], { flags })).code, 0);
    await removeWasm(daemon, id);
  },

  "supervisor: an exit before it was killed keeps its code": async (daemon) => {
    const id = await detachWasm(daemon, [DEMO, "exit", "7"]);
    await waitFor("its end", async () => (await taskStatus(daemon, id))?.status === "STOPPED");
    await using events = await daemon.events();
    await daemon.kill(supervisors(daemon)[0].pid, "KILL");
    assert.equal((await events.waitFor("/tasks/delete", id)).fields.exit_status, 7);
    await daemon.mustCtr(["container", "delete", id]);
  },

  "zygote: containers go on, and the next one finds another": async (daemon) => {
    const flags = [...inPod("zygote"), "--null-io"];
    const id = await detachWasm(daemon, [DEMO, "daemon"], { flags });
    const running = await taskStatus(daemon, id);
    const [zygote] = zygotes(daemon);
    await daemon.kill(zygote.pid, "KILL");
    await waitFor("it to end", () => !daemon.processes().some(({ pid }) => pid === zygote.pid));
    const next = await runWasm(daemon, ["/hello.wasm"], { flags: inPod("zygote") });
    assert.deepEqual([next.code, next.out], [0, "hello world\n"]);
    assert.deepEqual(await taskStatus(daemon, id), running);
    assert.notEqual(zygotes(daemon)[0].pid, zygote.pid);
    await daemon.mustCtr(["task", "kill", "--signal", "TERM", id]);
    await waitFor("its end", async () => (await taskStatus(daemon, id))?.status === "STOPPED");
    await removeWasm(daemon, id);
  },

  "zygote: killed while it serves, it fails one container at most": async (daemon) => {
    const flags = inPod("busy");
    const id = await detachWasm(daemon, [DEMO, "daemon"], { flags: [...flags, "--null-io"] });
    const [zygote] = zygotes(daemon);
    const runs = Array.from({ length: 4 }, () => runWasm(daemon, ["/hello.wasm"], { flags }));
    await daemon.kill(zygote.pid, "KILL");
    for (const { code, err } of await Promise.all(runs)) {
      if (code !== 0) assert.match(err, /zygote/);
    }
    assert.equal((await runWasm(daemon, ["/hello.wasm"], { flags })).code, 0);
    assert.equal((await taskStatus(daemon, id))?.status, "RUNNING");
    await removeWasm(daemon, id);
  },

  "monitor: its container ends with it, the others go on": async (daemon) => {
    const flags = inPod("monitor");
    const other = await detachWasm(daemon, [DEMO, "daemon"], { flags: [...flags, "--null-io"] });
    const id = newId();
    const client = spawnWasm(daemon, [DEMO, "daemon"], { id, flags });
    await client.waitForOutput("never ends.\n");
    const { pid } = (await taskStatus(daemon, id))!;
    await daemon.kill(monitorOf(daemon, pid).pid, "KILL");
    assert.equal((await client.result).code, 137);
    assert.ok(!daemon.processes().some((process) => process.pid === pid));
    assert.equal((await taskStatus(daemon, other))?.status, "RUNNING");
    await removeWasm(daemon, other);
  },

  "containerd: killed while containers start, it leaves nothing for long": async (daemon) => {
    const before = daemon.census();
    const config = daemon.path("/etc/denowasi/config.toml");
    await Deno.writeTextFile(config, "idle_seconds = 1\n");
    const ids = [newId(), newId(), newId(), newId()];
    const starts = ids.map((id) => detachWasm(daemon, [DEMO, "daemon"], { id }).catch(() => id));
    await waitFor("a shim", () => supervisors(daemon).length > 0);
    await daemon.restart("KILL");
    await Promise.all(starts);
    for (const id of ids) {
      await daemon.ctr(["task", "delete", "--force", id]);
      await daemon.ctr(["container", "delete", id]);
    }
    // A shim that containerd forgot waits 10 s for its Create, then until it is idle.
    await assertCensus(daemon, before, 20_000);
    await Deno.remove(config);
  },
};

/** `ctr events` runs meanwhile. */
const EVENTS_CLIENT = 1;

function inPod(name: string): string[] {
  return ["--annotation", `io.kubernetes.cri.sandbox-id=${name}`];
}
