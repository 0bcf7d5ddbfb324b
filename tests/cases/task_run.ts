/** Containers as users of ctr run them: streams, exit codes, signals, many at once, events. */

import assert from "node:assert/strict";
import type { Cases } from "../support/cases.ts";
import { type Daemon, type Process, waitFor } from "../support/mod.ts";
import {
  deleteTask,
  detachNative,
  named,
  removeTask,
  runNative,
  sh,
  spawnNative,
  waitForEnd,
} from "../support/native.ts";
import { newId, taskStatus } from "../support/wasm.ts";

export const RUN_CASES: Cases = {
  "output arrives byte for byte, on its stream, with the exit code": async (daemon, runtime) => {
    const script = "printf 'a\\377\\000b'; echo to stderr >&2; exit 42";
    const { stdout, err, code } = await runNative(daemon, runtime, sh(script));
    assert.deepEqual([...stdout], [0x61, 0xff, 0x00, 0x62]);
    assert.deepEqual([err, code], ["to stderr\n", 42]);
  },

  "large output is complete to its last line": async (daemon, runtime) => {
    const { out, code } = await runNative(daemon, runtime, ["seq", "1", "500000"]);
    assert.equal(code, 0);
    const lines = out.split("\n");
    assert.deepEqual([lines.length, lines[499_999], lines[500_000]], [500_001, "500000", ""]);
  },

  "arguments, environment and working directory arrive": async (daemon, runtime) => {
    const flags = ["--env", "WORDS= a  b=c", "--cwd", "/tmp"];
    const script = 'printf "%s|" "$@"; echo "$WORDS|$PWD"';
    const args = [...sh(script), "name", "", "two words", "-v", "é漢🦀", "q\"'\\$HOME*"];
    const { out, code } = await runNative(daemon, runtime, args, { flags });
    assert.deepEqual([code, out], [0, "|two words|-v|é漢🦀|q\"'\\$HOME*| a  b=c|/tmp\n"]);
  },

  "an init that forks and dies ends the container": async (daemon, runtime) => {
    const script = "sleep 100 & sleep 100 & exit 7";
    const { code } = await runNative(daemon, runtime, sh(script));
    assert.equal(code, 7);
    assert.deepEqual(named(daemon, "sleep"), []);
  },

  "a signal that init handles": async (daemon, runtime) => {
    const script = "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    const id = newId();
    const ctr = spawnNative(daemon, runtime, sh(script), { id });
    await ctr.waitForOutput("ready\n");
    await daemon.mustCtr(["task", "kill", "--signal", "TERM", id]);
    const { code, out } = await ctr.result;
    assert.deepEqual([code, out], [9, "ready\nbye\n"]);
  },

  "KILL ends init, and all with it": async (daemon, runtime) => {
    const id = await detachNative(daemon, runtime, sh("sleep 100 & sleep 100; exit 1"));
    await waitFor("its processes", () => named(daemon, "sleep").length === 2);
    await daemon.mustCtr(["task", "kill", "--signal", "KILL", id]);
    assert.equal(await deleteTask(daemon, id), 137);
    assert.deepEqual(named(daemon, "sleep"), []);
  },

  "kill --all reaches every process": async (daemon, runtime) => {
    // Init has no handler, and pid 1 is spared signals that it does not handle.
    const id = await detachNative(daemon, runtime, sh("sleep 100 & sleep 100 & wait; exit 5"));
    await waitFor("its processes", () => named(daemon, "sleep").length === 2);
    await daemon.mustCtr(["task", "kill", "--all", "--signal", "TERM", id]);
    assert.equal(await deleteTask(daemon, id), 5);
  },

  "a container that has ended can neither be killed nor deleted twice": async (daemon, runtime) => {
    const id = await detachNative(daemon, runtime, ["true"]);
    await waitForEnd(daemon, id);
    const kill = await daemon.ctr(["task", "kill", "--signal", "KILL", id]);
    assert.match(kill.err, /process already finished|not found/);
    assert.equal(await deleteTask(daemon, id), 0);
    assert.notEqual((await daemon.ctr(["task", "delete", id])).code, 0);
  },

  "a running task cannot be deleted, and runs on": async (daemon, runtime) => {
    const id = await detachNative(daemon, runtime, ["sleep", "100"]);
    const running = await taskStatus(daemon, id);
    assert.notEqual((await daemon.ctr(["task", "delete", id])).code, 0);
    assert.deepEqual(await taskStatus(daemon, id), running);
    await removeTask(daemon, id);
  },

  "ctr task ps lists every process": async (daemon, runtime) => {
    const id = await detachNative(daemon, runtime, sh("sleep 100 & sleep 100 & wait"));
    const sleepers = await waitFor("its processes", () => {
      const pids = named(daemon, "sleep");
      return pids.length === 2 && pids;
    });
    const { pid } = (await taskStatus(daemon, id))!;
    const { out } = await daemon.mustCtr(["task", "ps", id]);
    const pids = out.trim().split("\n").slice(1).map((line) => Number(line.split(/\s+/)[0]));
    assert.deepEqual(pids.sort(), [pid, ...sleepers].sort());
    await removeTask(daemon, id);
  },

  "what is not there cannot be run, and is named": async (daemon, runtime) => {
    const { code, out, err } = await runNative(daemon, runtime, ["/no/such/program"]);
    assert.notEqual(code, 0);
    assert.equal(out, "");
    assert.match(err, /\/no\/such\/program/);
    assert.match(err, /no such file|not found/i);
  },

  "events, in order": async (daemon, runtime) => {
    await using events = await daemon.events();
    const id = newId("events");
    await runNative(daemon, runtime, sh("exit 7"), { id });
    const { fields } = await events.waitFor("/tasks/exit", id);
    assert.deepEqual([fields.id, fields.exit_status], [id, 7]);
    // Not /tasks/delete: runc's shim of containerd 2.1 often ends before it has sent that.
    const topics = events.topics(id).filter((topic) => /^\/tasks\/(?!delete)/.test(topic));
    assert.deepEqual(topics, ["/tasks/create", "/tasks/start", "/tasks/exit"]);
    const { fields: start } = await events.waitFor("/tasks/start", id);
    assert.equal(start.pid, fields.pid);
  },

  "25 at once": (daemon, runtime) => manyAtOnce(daemon, runtime, 25),
};

/** Those of ctr of 1.7 and later: 1.6's never closes a container's stdin. */
export const STDIN_CASES: Cases = {
  "stdin arrives byte for byte, and ends": async (daemon, runtime) => {
    const stdin = new Uint8Array(300_000).map((_, index) => index * 7 + (index >> 8));
    const { code, stdout } = await runNative(daemon, runtime, ["cat"], { stdin });
    assert.equal(code, 0);
    assert.deepEqual(stdout, stdin);
  },
};

/** Runs `count` short containers at once. */
export async function manyAtOnce(daemon: Daemon, runtime: string, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => index);
  const results = await Promise.all(numbers.map((number) => {
    const script = `echo ${number}; (sleep 100 &); exit ${number}`;
    return runNative(daemon, runtime, sh(script), { timeoutMs: 90_000 });
  }));
  const seen = results.map(({ code, out, err }) => [code, out, err]);
  assert.deepEqual(seen, numbers.map((number) => [number, `${number}\n`, ""]));
  await waitFor("every zombie to be reaped", () => zombies(daemon).length === 0);
}

/** Processes that have ended and that nobody has waited for; ctr's own are no concern of the shim. */
function zombies(daemon: Daemon): Process[] {
  return daemon.processes().filter(({ argv, comm }) => argv.length === 0 && comm !== "ctr");
}
