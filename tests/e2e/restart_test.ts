/** containerd is restarted, or dies, while containers run: they go on, and nothing of them is lost. */

import assert from "node:assert/strict";
import { assertCensus, type Daemon, waitFor } from "../support/mod.ts";
import { detachWasm, removeWasm, startDaemon, taskStatus, VERSIONS } from "../support/wasm.ts";

const DEMO = "/wasi-demo-app.wasm";
const SONG = "never ends.\n";

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: restart`, async (t) => {
    await using daemon = await startDaemon({ version });
    const before = daemon.census();
    for (const [name, body] of Object.entries(STEPS)) {
      await t.step(name, () => body(daemon));
    }
    await t.step("nothing is left", () => assertCensus(daemon, before));
  });
}

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "a task runs on, writes on and can be killed": async (daemon) => {
    const path = `${daemon.base}/song`;
    const flags = ["--log-uri", `file://${path}`];
    const id = await detachWasm(daemon, [DEMO, "daemon"], { flags });
    const running = await taskStatus(daemon, id);
    for (const signal of ["TERM", "KILL"] as const) {
      await daemon.restart(signal);
      assert.deepEqual(await taskStatus(daemon, id), running);
      const sung = count(await Deno.readTextFile(path), SONG);
      await waitFor(
        "more of the song",
        async () => count(await Deno.readTextFile(path), SONG) > sung,
      );
    }
    await using events = await daemon.events();
    await daemon.mustCtr(["task", "kill", "--signal", "TERM", id]);
    assert.equal((await events.waitFor("/tasks/exit", id)).fields.exit_status, 143);
    assert.match((await daemon.mustCtr(["task", "delete", id])).err, /exit code 143/);
    await daemon.mustCtr(["container", "delete", id]);
  },

  "its FIFOs are written on, for a client that attaches later": async (daemon) => {
    const id = await detachWasm(daemon, [DEMO, "daemon"], { flags: [] });
    await daemon.restart("KILL");
    const attached = daemon.spawnCtr(["task", "attach", id]);
    // More than one, so that not all of them were written before the restart.
    await waitFor("the song", () => count(attached.out, SONG) >= 3);
    await daemon.mustCtr(["task", "kill", "--signal", "TERM", id]);
    assert.equal((await attached.result).code, 143);
    await removeWasm(daemon, id);
  },

  "an exit while containerd is away": async (daemon) => {
    const id = await detachWasm(daemon, [DEMO, "daemon"]);
    const { pid } = (await taskStatus(daemon, id))!;
    const restarting = daemon.restart("KILL");
    await waitFor(
      "containerd to be away",
      () => !daemon.processes().some(({ comm }) => comm === "containerd"),
    );
    await daemon.kill(pid, "INT");
    await restarting;
    await waitFor("its end", async () => (await taskStatus(daemon, id))?.status === "STOPPED");
    assert.match((await daemon.mustCtr(["task", "delete", id])).err, /exit code 130/);
    await daemon.mustCtr(["container", "delete", id]);
  },

  "containers run as before": async (daemon) => {
    const id = await detachWasm(daemon, [DEMO, "sleep", "60"]);
    assert.equal((await taskStatus(daemon, id))?.status, "RUNNING");
    await removeWasm(daemon, id);
  },
};

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}
