import assert from "node:assert/strict";
import { processStartTime } from "./identity.ts";
import { Process } from "./process.ts";
import { AT, NO_STDIO, TestProcess } from "./testing/process.ts";
import { stateOf } from "./testing/pair.ts";

/** One that is attached, and the codes it has ended with. */
function attached(peer: TestProcess): { process: Process; ends: number[] } {
  const ends: number[] = [];
  const process = new Process("task web", NO_STDIO, ({ code }) => void ends.push(code));
  process.attach(peer.launched);
  return { process, ends };
}

const start = (process: Process) => process.start(() => Promise.resolve(), () => {});

/** A process of the test's own, which runs for a minute. */
function sleep(): { child: Deno.ChildProcess; startTime: string } {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  return { child, startTime: processStartTime(child.pid)! };
}

Deno.test("Process whose monitor is lost is killed, and ends as by SIGKILL, now", async () => {
  const { child, startTime } = sleep();
  using peer = await TestProcess.create(child.pid, startTime);
  const { process, ends } = attached(peer);
  await start(process);
  const before = Date.now();
  peer.hangUp();
  const { code, at } = await process.exited;
  assert.equal(code, 137);
  const ms = at.seconds * 1000 + at.nanos / 1e6;
  assert.ok(ms >= before && ms <= Date.now(), `${ms}`);
  assert.deepEqual(ends, [137]);
  assert.equal((await child.status).signal, "SIGKILL");
});

Deno.test("Process whose monitor is lost is not another one of its pid", async () => {
  const { child } = sleep();
  using peer = await TestProcess.create(child.pid, "1");
  const { process } = attached(peer);
  await start(process);
  peer.hangUp();
  assert.equal((await process.exited).code, 137);
  assert.equal(await stateOf(child.status), "pending");
  child.kill("SIGTERM");
  assert.equal((await child.status).signal, "SIGTERM");
});

Deno.test("Process that was not started ends untold when its monitor is lost", async () => {
  using peer = await TestProcess.create(7);
  const { process, ends } = attached(peer);
  peer.hangUp();
  assert.equal((await process.exited).code, 137);
  assert.deepEqual([process.status, ends], ["stopped", []]);
});

Deno.test("Process.kill() of one whose monitor is lost is no failure", async () => {
  using peer = await TestProcess.create(7);
  const { process } = attached(peer);
  await start(process);
  peer.hangUp();
  await process.kill(9);
  assert.equal((await process.exited).code, 137);
});

Deno.test("Process.beginDelete() of what has ended answers how", async () => {
  using peer = await TestProcess.create(7);
  const { process } = attached(peer);
  await start(process);
  await peer.says(`exit 3 ${AT}`);
  await process.exited;
  assert.equal((await process.beginDelete()).code, 3);
});

Deno.test("Process.beginDelete() kills what waits for its start, and refuses that", async () => {
  using peer = await TestProcess.create(7);
  const { process, ends } = attached(peer);
  const deleted = process.beginDelete();
  await assert.rejects(start(process), { kind: "FailedPrecondition" });
  assert.equal(await peer.heard(), "kill 9");
  assert.equal(await stateOf(deleted), "pending", "it waits for the end");
  await peer.says("exit 137 1 2");
  assert.deepEqual(await deleted, { code: 137, at: { seconds: 1, nanos: 2 } });
  assert.deepEqual(ends, []);
});

Deno.test("Process.beginDelete() of one that was never launched answers at once", async () => {
  const process = new Process("exec sh of task web", NO_STDIO, () => {});
  assert.equal((await process.beginDelete()).code, 137);
  await assert.rejects(start(process), { kind: "FailedPrecondition" });
});

Deno.test("Process.beginDelete() of one that was never launched answers those who wait", async () => {
  const process = new Process("exec sh of task web", NO_STDIO, () => {});
  const waiting = process.exited;
  await process.beginDelete();
  assert.equal((await waiting).code, 137);
});

Deno.test("Process.start() before a deletion wins", async () => {
  using peer = await TestProcess.create(7);
  const { process } = attached(peer);
  const [started, deleted] = await Promise.allSettled([start(process), process.beginDelete()]);
  assert.equal(started.status, "fulfilled");
  assert.equal((deleted as PromiseRejectedResult).reason.kind, "FailedPrecondition");
  assert.equal(process.status, "running");
});

Deno.test("Process.beginDelete() that is raced succeeds once", async () => {
  using peer = await TestProcess.create(7);
  const { process } = attached(peer);
  const both = Promise.allSettled([process.beginDelete(), process.beginDelete()]);
  await peer.says("exit 137 1 2");
  const [first, second] = await both;
  assert.equal(first.status, "fulfilled");
  assert.equal((second as PromiseRejectedResult).reason.kind, "NotFound");
});

Deno.test("Process.abortDelete() lets a deletion be tried again", async () => {
  using peer = await TestProcess.create(7);
  const { process } = attached(peer);
  await peer.says(`exit 3 ${AT}`);
  await process.beginDelete();
  await assert.rejects(process.beginDelete(), { kind: "NotFound" });
  process.abortDelete();
  assert.equal((await process.beginDelete()).code, 3);
});

Deno.test("Process closes its streams when it has ended, and no sooner", async () => {
  using peer = await TestProcess.create(7);
  const { process } = attached(peer);
  await start(process);
  assert.equal(peer.streamsClosed, false);
  await peer.says(`exit 0 ${AT}`);
  await process.exited;
  assert.equal(peer.streamsClosed, true);
});

Deno.test("Process.beginDelete() waits for the end of the streams, exited does not", async () => {
  using peer = await TestProcess.create(7);
  const closing = Promise.withResolvers<void>();
  peer.closing = closing.promise;
  const { process } = attached(peer);
  await start(process);
  await peer.says(`exit 0 ${AT}`);
  await process.exited;
  const deleted = process.beginDelete();
  assert.equal(await stateOf(deleted), "pending");
  closing.resolve();
  assert.equal((await deleted).code, 0);
});

Deno.test("Process whose streams cannot be closed has ended, and its deletion says so once", async () => {
  using peer = await TestProcess.create(7);
  peer.closing = Promise.reject(new Error("logger"));
  peer.closing.catch(() => {});
  const { process, ends } = attached(peer);
  await start(process);
  await peer.says(`exit 0 ${AT}`);
  await process.exited;
  assert.deepEqual(ends, [0]);
  await assert.rejects(process.beginDelete(), /^Error: logger$/);
  assert.equal((await process.beginDelete()).code, 0);
});
