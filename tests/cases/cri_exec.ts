/** Further processes in a container: to their end, and with streams. */

import assert from "node:assert/strict";
import { waitFor } from "../support/mod.ts";
import { type CriCase, idle, runs } from "./cri_helpers.ts";

export const EXEC_CASES: Record<string, CriCase> = {
  "ExecSync: output, exit code, environment, directory": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const container = await cri.run(pod, idle({ env: { WORD: "w" }, workingDir: "/tmp" }));
    const script = "echo out $WORD; echo err >&2; pwd; exit 4";
    const result = await cri.execSync(container, ["sh", "-c", script]);
    assert.deepEqual(result, { code: 4, out: "out w\n/tmp\n", err: "err\n" });
    assert.deepEqual(
      await cri.execSync(container, ["sh", "-c", "kill -KILL $$"]),
      { code: 137, out: "", err: "" },
    );
    const pids = await cri.execSync(container, ["sh", "-c", "cat /proc/1/comm; echo $$"]);
    assert.match(pids.out, /^sh\n(?:[2-9]|\d{2,})\n$/);
  },

  "ExecSync: many at once, and one with much output": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const container = await cri.run(pod, idle());
    const codes = [1, 2, 3, 4, 5, 6, 7, 8];
    const results = await Promise.all(
      codes.map((code) => cri.execSync(container, ["sh", "-c", `echo ${code}; exit ${code}`])),
    );
    assert.deepEqual(results.map(({ code, out }) => [code, out]), codes.map((c) => [c, `${c}\n`]));
    const { out } = await cri.execSync(container, ["seq", "100000"]);
    assert.equal(out.length, 588_895);
    assert.ok(out.endsWith("\n99999\n100000\n"));
  },

  "ExecSync: the timeout ends the process": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const container = await cri.run(pod, idle());
    const sleeping = cri.execSync(container, ["sleep", "7101"], 1);
    await waitFor("the process", () => runs(cri, ["sleep", "7101"]));
    await assert.rejects(sleeping, /DEADLINE_EXCEEDED.*timeout 1s exceeded/);
    await waitFor("the process to end", () => !runs(cri, ["sleep", "7101"]));
    assert.equal((await cri.status(container)).state, "CONTAINER_RUNNING");
  },

  "ExecSync: a command that does not exist": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const container = await cri.run(pod, idle());
    await assert.rejects(
      cri.execSync(container, ["/absent"]),
      /\/absent.*no such file or directory/i,
    );
    assert.equal((await cri.execSync(container, ["echo", "unharmed"])).out, "unharmed\n");
  },

  "ExecSync: not in a container that has ended": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const container = await cri.run(pod, idle());
    await cri.stop(container, 5);
    await assert.rejects(cri.execSync(container, ["true"]), /CONTAINER_EXITED/);
  },

  "an exec ends with its container": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const container = await cri.run(pod, idle());
    const session = await cri.exec(container, ["sleep", "7102"]);
    await waitFor("the process", () => runs(cri, ["sleep", "7102"]));
    await cri.stop(container, 5);
    assert.equal((await session.result).code, 137);
    assert.ok(!runs(cri, ["sleep", "7102"]));
  },

  "Exec: stdin, stdout, stderr and exit code": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const container = await cri.run(pod, idle());
    const loop = 'while read a b && [ "$a" != q ]; do echo $b $a; done';
    const script = `echo ready; ${loop}; echo done >&2; exit 6`;
    const session = await cri.exec(container, ["sh", "-c", script]);
    await session.waitForOutput("ready\n");
    await session.write("one two\n");
    await session.waitForOutput("two one\n");
    await session.write("q\n");
    const { code, out, err } = await session.result;
    assert.deepEqual([code, out, err], [6, "ready\ntwo one\n", "done\n"]);
  },

  "Exec: stdin ends when the client goes away": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const container = await cri.run(pod, idle());
    const session = await cri.exec(container, ["sh", "-c", "cat; echo ended > /tmp/ended"]);
    await session.write("fed\n");
    await session.waitForOutput("fed\n");
    await session.close();
    await session.result;
    await waitFor("the end of stdin", async () => {
      return (await cri.execSync(container, ["cat", "/tmp/ended"])).out === "ended\n";
    });
  },

  "Exec: a terminal of the client's size": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const container = await cri.run(pod, idle());
    const script = "tty; echo ready; while read x && [ x$x != xq ]; do stty size; done; exit 7";
    const session = await cri.exec(container, ["sh", "-c", script], { tty: true });
    await session.waitForOutput("ready\r\n");
    for (const [width, height] of [[100, 40], [132, 43]]) {
      await session.resize(width, height);
      // The size comes by a way of its own, which may be slower.
      await waitFor("the terminal to be resized", async () => {
        await session.write("\n");
        return session.out.includes(`${height} ${width}\r\n`);
      });
    }
    await session.write("q\n");
    const { code, out } = await session.result;
    assert.equal(code, 7);
    assert.match(out, /^\/dev\/pts\/0\r\nready\r\n/);
  },
};
