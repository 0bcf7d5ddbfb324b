/** containerd is restarted, or dies, while containers of one group run. */

import assert from "node:assert/strict";
import type { Cases } from "../support/cases.ts";
import { waitFor } from "../support/mod.ts";
import { deleteTask, detachNative, execIn, sh } from "../support/native.ts";
import { newId, taskStatus } from "../support/wasm.ts";

export const RESTART_CASES: Cases = {
  "containers of a group run on, and their exits are seen": async (daemon, runtime) => {
    const path = `${daemon.base}/${newId("song")}`;
    const inGroup = ["--annotation", `io.containerd.runc.v2.group=${newId("group")}`];
    const song = sh("trap 'exit 9' TERM; while :; do echo la; sleep 0.05; done");
    const singer = await detachNative(daemon, runtime, song, {
      flags: [...inGroup, "--log-uri", `file://${path}`],
    });
    const other = await detachNative(daemon, runtime, ["sleep", "1000"], { flags: inGroup });
    const running = [await taskStatus(daemon, singer), await taskStatus(daemon, other)];
    for (const signal of ["TERM", "KILL"] as const) {
      await daemon.restart(signal);
      assert.deepEqual(
        [await taskStatus(daemon, singer), await taskStatus(daemon, other)],
        running,
      );
      const { size } = Deno.statSync(path);
      await waitFor("more of the song", () => Deno.statSync(path).size > size);
      assert.equal((await execIn(daemon, other, sh("exit 5"))).code, 5);
    }
    {
      await using events = await daemon.events();
      await daemon.mustCtr(["task", "kill", "--signal", "TERM", singer]);
      assert.equal((await events.waitFor("/tasks/exit", singer)).fields.exit_status, 9);
    }
    assert.equal(await deleteTask(daemon, singer), 9);
    assert.equal((await taskStatus(daemon, other))?.status, "RUNNING");
    await daemon.mustCtr(["task", "kill", "--signal", "KILL", other]);
    assert.equal(await deleteTask(daemon, other), 137);
  },
};
