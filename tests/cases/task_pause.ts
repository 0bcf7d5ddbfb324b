/** Containers that are frozen and go on. */

import assert from "node:assert/strict";
import type { Cases } from "../support/cases.ts";
import { type Daemon, sleep, waitFor } from "../support/mod.ts";
import { deleteTask, detachNative, execIn, removeTask, sh } from "../support/native.ts";
import { newId, taskStatus } from "../support/wasm.ts";

export const PAUSE_CASES: Cases = {
  "a paused container stands still, and goes on": async (daemon, runtime) => {
    const { id, size } = await counter(daemon, runtime);
    await daemon.mustCtr(["task", "pause", id]);
    assert.equal((await taskStatus(daemon, id))?.status, "PAUSED");
    const paused = size();
    await sleep(200);
    assert.equal(size(), paused);
    await daemon.mustCtr(["task", "resume", id]);
    assert.equal((await taskStatus(daemon, id))?.status, "RUNNING");
    await waitFor("the counter to go on", () => size() > paused);
    await removeTask(daemon, id);
  },

  "its events": async (daemon, runtime) => {
    await using events = await daemon.events();
    const id = await detachNative(daemon, runtime, ["sleep", "100"]);
    await daemon.mustCtr(["task", "pause", id]);
    await daemon.mustCtr(["task", "resume", id]);
    await events.waitFor("/tasks/resumed", id);
    const topics = events.topics(id).filter((topic) => topic.startsWith("/tasks/"));
    assert.deepEqual(topics.slice(-2), ["/tasks/paused", "/tasks/resumed"]);
    await removeTask(daemon, id);
  },

  "no exec in a paused container; afterwards as ever": async (daemon, runtime) => {
    const id = await detachNative(daemon, runtime, ["sleep", "100"]);
    await daemon.mustCtr(["task", "pause", id]);
    const { code, out } = await execIn(daemon, id, ["echo", "frozen"]);
    assert.notEqual(code, 0);
    assert.equal(out, "");
    await daemon.mustCtr(["task", "resume", id]);
    assert.equal((await execIn(daemon, id, ["echo", "thawed"])).out, "thawed\n");
    await removeTask(daemon, id);
  },

  "what waits for a paused container hears of its end": async (daemon, runtime) => {
    const id = await detachNative(daemon, runtime, sh("sleep 0.5; exit 3"));
    await daemon.mustCtr(["task", "pause", id]);
    await sleep(600);
    assert.equal((await taskStatus(daemon, id))?.status, "PAUSED");
    await daemon.mustCtr(["task", "resume", id]);
    assert.equal(await deleteTask(daemon, id), 3);
  },

  "KILL ends a paused container": async (daemon, runtime) => {
    const id = await detachNative(daemon, runtime, ["sleep", "100"]);
    await daemon.mustCtr(["task", "pause", id]);
    await daemon.mustCtr(["task", "kill", "--signal", "KILL", id]);
    assert.equal(await deleteTask(daemon, id), 137);
  },

  "only what runs can be paused, only what is paused resumed": async (daemon, runtime) => {
    const id = await detachNative(daemon, runtime, ["sleep", "100"]);
    assert.notEqual((await daemon.ctr(["task", "resume", id])).code, 0);
    await daemon.mustCtr(["task", "kill", "--signal", "KILL", id]);
    await waitFor("its end", async () => (await taskStatus(daemon, id))?.status === "STOPPED");
    assert.notEqual((await daemon.ctr(["task", "pause", id])).code, 0);
    assert.equal(await deleteTask(daemon, id), 137);
  },
};

/** A container that writes on and on; `size` tells how much so far. */
async function counter(daemon: Daemon, runtime: string) {
  const path = `${daemon.base}/${newId("count")}`;
  const flags = ["--log-uri", `file://${path}`];
  const script = "while :; do echo x; sleep 0.02; done";
  const id = await detachNative(daemon, runtime, sh(script), { flags });
  const size = () => Deno.statSync(path).size;
  await waitFor("the counter", () => size() > 0);
  return { id, size };
}
