import assert from "node:assert/strict";
import { type Lines, Monitor } from "./monitor.ts";
import { Process } from "./process.ts";
import { AT, NO_STDIO, TestProcess } from "./testing/process.ts";
import { stateOf } from "./testing/pair.ts";

/** A process that is attached, and what was called of it. */
class Subject implements Disposable {
  readonly calls: string[] = [];
  readonly process = new Process(
    "task web",
    NO_STDIO,
    ({ code }) => void this.calls.push(`ended ${code}`),
  );

  private constructor(readonly peer: TestProcess) {}

  static async create(attached = true): Promise<Subject> {
    const subject = new Subject(await TestProcess.create(7));
    if (attached) subject.process.attach(subject.peer.launched);
    return subject;
  }

  readonly started = () => void this.calls.push("started");

  async start(): Promise<void> {
    await this.process.start(() => Promise.resolve(), this.started);
    assert.equal(await this.peer.heard(), "start");
  }

  [Symbol.dispose](): void {
    this.peer[Symbol.dispose]();
  }
}

Deno.test("Process.exited resolves after the end was told", async () => {
  using subject = await Subject.create();
  const { process, peer, calls } = subject;
  await subject.start();
  const seen = process.exited.then(() => [...calls]);
  await peer.says(`exit 0 ${AT}`);
  assert.deepEqual(await seen, ["started", "ended 0"]);
});

Deno.test("Process.exited waits for what is done at the end", async () => {
  using peer = await TestProcess.create(7);
  const ending = Promise.withResolvers<void>();
  const process = new Process("task web", NO_STDIO, () => ending.promise);
  process.attach(peer.launched);
  await process.start(() => Promise.resolve(), () => {});
  await peer.says(`exit 0 ${AT}`);
  assert.equal(await stateOf(process.exited), "pending");
  assert.equal(process.status, "stopped");
  ending.resolve();
  assert.equal((await process.exited).code, 0);
});

Deno.test("Process that ends while it is being started was started first", async () => {
  using subject = await Subject.create();
  const { process, peer, calls } = subject;
  const run = Promise.withResolvers<void>();
  const starting = process.start(() => run.promise, subject.started);
  await peer.says(`exit 5 ${AT}`);
  assert.equal(await stateOf(process.exited), "pending");
  assert.deepEqual(calls, []);
  run.resolve();
  await starting;
  assert.equal((await process.exited).code, 5);
  assert.deepEqual(calls, ["started", "ended 5"]);
});

Deno.test("Process that is launched by its start, and has ended already, was started first", async () => {
  using subject = await Subject.create(false);
  const { process, peer, calls } = subject;
  await peer.says(`exit 5 ${AT}`);
  await process.start(() => Promise.resolve(peer.launched), subject.started);
  assert.equal(process.pid, 7);
  assert.equal((await process.exited).code, 5);
  assert.deepEqual(calls, ["started", "ended 5"]);
});

Deno.test("Process whose end and start come together was either not started, or started first", async () => {
  for (let ticks = 0; ticks < 12; ticks++) {
    const line = Promise.withResolvers<string | null>();
    const lines: Lines = {
      read: () => line.promise,
      write: () => Promise.resolve(),
      [Symbol.dispose]() {},
    };
    const calls: string[] = [];
    const process = new Process("task web", NO_STDIO, () => void calls.push("ended"));
    const streams = { ...NO_STDIO, logs: [], held() {}, close: () => Promise.resolve() };
    process.attach({ pid: 7, startTime: "", monitor: new Monitor(lines), streams });
    line.resolve(`exit 0 ${AT}`);
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
    const start = process.start(() => Promise.resolve(), () => void calls.push("started"));
    const [outcome] = await Promise.allSettled([start, process.exited]);
    const expected = outcome.status === "fulfilled" ? ["started", "ended"] : [];
    assert.deepEqual(calls, expected, `after ${ticks} ticks`);
  }
});

Deno.test("Process that could not be started may be started again, when it is there", async () => {
  using subject = await Subject.create();
  const { process, calls } = subject;
  const failing = process.start(() => Promise.reject(new Error("no")), subject.started);
  assert.equal(process.status, "running", "of two that race, the second is refused");
  await assert.rejects(failing, /^Error: no$/);
  assert.equal(process.status, "created");
  assert.equal(await stateOf(process.exited), "pending");
  await subject.start();
  assert.deepEqual(calls, ["started"]);
});

Deno.test("Process that ends while its start fails was never started", async () => {
  using subject = await Subject.create();
  const { process, peer, calls } = subject;
  const run = Promise.withResolvers<void>();
  const starting = process.start(() => run.promise, subject.started);
  await peer.says(`exit 1 ${AT}`);
  assert.equal(await stateOf(process.exited), "pending");
  run.reject(new Error("no"));
  await assert.rejects(starting, /^Error: no$/);
  assert.equal((await process.exited).code, 1);
  assert.deepEqual([process.status, calls], ["stopped", []]);
});

Deno.test("Process that could not be launched has ended with 255, now", async () => {
  using subject = await Subject.create(false);
  const { process, calls } = subject;
  const before = Date.now();
  await assert.rejects(process.start(() => Promise.reject(new Error("no")), subject.started));
  assert.equal(process.status, "stopped");
  const { code, at } = await process.exited;
  assert.equal(code, 255);
  const ms = at.seconds * 1000 + at.nanos / 1e6;
  assert.ok(ms >= before && ms <= Date.now(), `${ms}`);
  assert.ok(Number.isInteger(at.seconds) && Number.isInteger(at.nanos) && at.nanos < 1e9);
  assert.deepEqual(calls, []);
  assert.equal((await process.beginDelete()).code, 255);
});

Deno.test("Process.start() that is raced starts once", async () => {
  using subject = await Subject.create();
  const run = () => Promise.resolve();
  const both = [0, 1].map(() => subject.process.start(run, subject.started));
  const [first, second] = await Promise.allSettled(both);
  assert.equal(first.status, "fulfilled");
  assert.equal((second as PromiseRejectedResult).reason.kind, "FailedPrecondition");
  assert.deepEqual(subject.calls, ["started"]);
  assert.equal(await subject.peer.heard(), "start");
  assert.equal(await stateOf(subject.peer.heard()), "pending", "nothing else was sent");
});

Deno.test("Process.kill() while it is being started comes after the start", async () => {
  using subject = await Subject.create();
  const { process, peer } = subject;
  const run = Promise.withResolvers<void>();
  const starting = process.start(() => run.promise, subject.started);
  const killing = process.kill(15);
  assert.equal(await stateOf(killing), "pending");
  run.resolve();
  await Promise.all([starting, killing]);
  assert.deepEqual([await peer.heard(), await peer.heard()], ["start", "kill 15"]);
});

Deno.test("Process.kill() while its start fails has nothing to signal", async () => {
  using subject = await Subject.create(false);
  const run = Promise.withResolvers<never>();
  const starting = subject.process.start(() => run.promise, subject.started);
  const killing = subject.process.kill(15);
  run.reject(new Error("no"));
  await assert.rejects(starting);
  await killing;
});

Deno.test("Process.adopt() makes it running without a start, and its end is told", async () => {
  using subject = await Subject.create();
  const { process, peer, calls } = subject;
  process.adopt();
  assert.equal(process.status, "running");
  await peer.says(`exit 0 ${AT}`);
  await process.exited;
  assert.deepEqual(calls, ["ended 0"]);
});
