/** containerd is restarted, or dies, while pods run. */

import assert from "node:assert/strict";
import { waitFor } from "../support/mod.ts";
import { type CriCase, idle, outputOf, runs, sh, stdout, waitForOutput } from "./cri_helpers.ts";

export const RESTART_CASES: Record<string, CriCase> = {
  "containerd is restarted: pods run on, log on, and can be stopped": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const { network: { ip } } = await cri.podStatus(pod);
    const tick = "i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.05; done";
    const container = await cri.run(pod, sh(`trap 'exit 9' TERM; ${tick}`));
    await waitForOutput(cri, container, "tick 2\n");
    for (const signal of ["TERM", "KILL"] as const) {
      await cri.daemon.restart(signal);
      await cri.ready();
      const status = await cri.podStatus(pod);
      assert.deepEqual([status.state, status.network.ip], ["SANDBOX_READY", ip]);
      assert.equal((await cri.status(container)).state, "CONTAINER_RUNNING");
      const lines = (await cri.logs(container)).length;
      await waitFor("more of the log", async () => (await cri.logs(container)).length > lines + 1);
      assert.equal((await cri.execSync(container, ["echo", "still"])).out, "still\n");
    }
    // Nothing that was written meanwhile is lost.
    const numbers = (await stdout(cri, container)).match(/\d+/g)!.map(Number);
    assert.deepEqual(numbers, numbers.map((_, index) => index + 1));
    assert.equal(await outputOf(cri, pod, sh("echo grows")), "grows\n");
    await cri.stop(container, 10);
    assert.equal((await cri.status(container)).exitCode, 9);
  },

  "containerd is away while a container ends": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const ends = await cri.run(pod, sh("echo up; sleep 7201; exit 3"));
    const kept = await cri.run(pod, idle());
    await waitForOutput(cri, ends, "up");
    const sleep = await waitFor("the process", () => {
      return cri.daemon.processes().find(({ argv }) => argv.includes("7201") && argv.length === 2);
    });
    const restarting = cri.daemon.restart("KILL");
    await waitFor("containerd to be away", () => {
      return !cri.daemon.processes().some(({ comm }) => comm === "containerd");
    });
    await cri.daemon.kill(sleep.pid, "TERM");
    await restarting;
    await cri.ready();
    const { exitCode } = await cri.waitForExit(ends);
    // containerd 1.7 and 2.1 take a task without processes for leaked, and runc's shim, asked for
    // the processes of one that has ended, names none.
    assert.ok(exitCode === 3 || handler === "runc" && exitCode === 255, `${exitCode}`);
    assert.ok(!runs(cri, ["sleep", "7201"]));
    assert.equal((await cri.status(kept)).state, "CONTAINER_RUNNING");
    assert.equal((await cri.podStatus(pod)).state, "SANDBOX_READY");
  },
};
