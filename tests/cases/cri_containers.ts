/** Containers: what they are given, what they write, how they end. */

import assert from "node:assert/strict";
import { textOf } from "../support/cri_logs.ts";
import { BUSYBOX } from "../support/cri_daemon.ts";
import { waitFor } from "../support/mod.ts";
import { type CriCase, outputOf, sh, stdout, waitForOutput } from "./cri_helpers.ts";

export const CONTAINER_CASES: Record<string, CriCase> = {
  "command, args, environment and working directory": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const out = await outputOf(cri, pod, {
      image: BUSYBOX,
      command: ["sh", "-c", 'pwd; printf "%s|" "$0" "$@" "$WORD" "$EMPTY"'],
      args: ["zero", "one two", "", "$WORD"],
      env: { WORD: "a=b c\n", EMPTY: "" },
      workingDir: "/tmp",
    });
    assert.equal(out, "/tmp\nzero|one two||$WORD|a=b c\n||");
  },

  "states, times, exit codes and reasons": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const container = await cri.createContainer(pod, sh("sleep 0.2; exit 42"));
    assert.equal((await cri.status(container)).state, "CONTAINER_CREATED");
    await cri.start(container);
    const ended = await cri.waitForExit(container);
    assert.deepEqual([ended.exitCode, ended.reason], [42, "Error"]);
    assert.ok(ended.createdAt <= ended.startedAt && ended.startedAt <= ended.finishedAt);
    assert.deepEqual(
      (await cri.listContainers(pod)).map(({ id, state }) => [id, state]),
      [[container.id, "CONTAINER_EXITED"]],
    );
    await assert.rejects(cri.start(container), /StartContainer/);
    await cri.remove(container);
    assert.deepEqual(await cri.listContainers(pod), []);
    const killed = await cri.runToEnd(pod, sh("kill -KILL $$"));
    // An init gets no signal from its own namespace, and goes on to its end.
    assert.equal(killed.exitCode, 0);
  },

  "a command that does not exist": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const container = await cri.createContainer(pod, { image: BUSYBOX, command: ["/absent"] });
    await assert.rejects(cri.start(container), /\/absent.*no such file or directory/i);
    const { state, exitCode, reason } = await cri.status(container);
    assert.deepEqual([state, exitCode, reason], ["CONTAINER_EXITED", 128, "StartError"]);
    assert.equal(await outputOf(cri, pod, sh("echo unharmed")), "unharmed\n");
  },

  "logs: both streams, in order": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const script = "echo one; echo; echo ' t w o '; printf three";
    const container = await cri.runToEnd(pod, sh(`${script}; echo oops >&2`));
    const lines = await cri.logs(container);
    assert.equal(textOf(lines, "stdout"), "one\n\n t w o \nthree");
    assert.equal(textOf(lines, "stderr"), "oops\n");
    const own = lines.filter(({ stream }) => stream === "stdout");
    assert.deepEqual(own.map(({ partial }) => partial), [false, false, false, true]);
    const times = own.map(({ time }) => Date.parse(time));
    assert.deepEqual(times, times.toSorted((a, b) => a - b));
    assert.ok(Math.abs(Date.now() - times[0]) < 60_000, own[0].time);
  },

  "logs: a long line comes in parts, and all of much output": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const script = "head -c 40000 /dev/zero | tr '\\0' x; echo; seq 20000";
    // containerd 1.6 drops what it has not read yet when the container ends.
    const container = await cri.run(pod, sh(`${script}; sleep 60`));
    await waitForOutput(cri, container, "\n20000\n");
    const lines = await cri.logs(container);
    assert.deepEqual(lines.slice(0, 3).map(({ partial }) => partial), [true, true, false]);
    const numbers = Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join("");
    // Not assert.equal: the difference would fill the screen.
    assert.ok(textOf(lines, "stdout") === `${"x".repeat(40_000)}\n${numbers}`);
  },

  "a stop within the grace period": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const script = "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.1; done";
    const container = await cri.run(pod, sh(script));
    await waitForOutput(cri, container, "ready");
    const startedAtMs = performance.now();
    await cri.stop(container, 20);
    assert.ok(performance.now() - startedAtMs < 10_000);
    assert.equal((await cri.waitForExit(container)).exitCode, 9);
    assert.equal(await stdout(cri, container), "ready\nbye\n");
  },

  "a stop that takes SIGKILL": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const script = "trap 'echo ignored' TERM; echo ready; while :; do sleep 0.1; done";
    const container = await cri.run(pod, sh(script));
    await waitForOutput(cri, container, "ready");
    const startedAtMs = performance.now();
    await cri.stop(container, 1);
    assert.ok(performance.now() - startedAtMs >= 900);
    assert.equal((await cri.waitForExit(container)).exitCode, 137);
    assert.equal(await stdout(cri, container), "ready\nignored\n");
  },

  "stdin comes from a client, and ends with it": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const container = await cri.run(pod, sh("cat; echo end", { stdin: true }));
    const session = await cri.attach(container);
    await session.write("fed\n");
    await session.waitForOutput("fed\n");
    await session.close();
    assert.equal((await session.result).out, "fed\n");
    assert.equal((await cri.waitForExit(container)).exitCode, 0);
    assert.equal(await stdout(cri, container), "fed\nend\n");
  },

  "a container with a terminal": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const script = "tty; while read line; do stty size; echo $line >&2; done";
    const container = await cri.run(pod, sh(script, { tty: true, stdin: true }));
    await waitForOutput(cri, container, "/dev/pts/0");
    const session = await cri.attach(container, { tty: true });
    await session.resize(90, 30);
    // The size comes by a way of its own, which may be slower.
    await waitFor("the terminal to be resized", async () => {
      await session.write("typed\n");
      // Echoed by the terminal, then both streams through it.
      return session.out.includes("typed\r\n30 90\r\ntyped\r\n");
    });
    // End of file, as typed.
    await session.write("\x04");
    await session.result;
    assert.equal((await cri.waitForExit(container)).exitCode, 0);
    // containerd's logs are without the terminal's carriage returns.
    assert.match(await stdout(cri, container), /^\/dev\/pts\/0\n.*\ntyped\n30 90\ntyped\n$/s);
  },
};
