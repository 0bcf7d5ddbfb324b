import assert from "node:assert/strict";
import { Process } from "./process.ts";
import { AT, NO_STDIO, TestProcess } from "./testing/process.ts";
import { stateOf } from "./testing/pair.ts";

type State =
  | "created"
  | "not launched"
  | "starting"
  | "running"
  | "stopped"
  | "never started"
  | "failed"
  | "deleting";
type Action = "start" | "kill" | "delete" | "resize";

/** A process with a terminal, and what was called of it. */
class Subject implements Disposable {
  readonly calls: string[] = [];
  readonly process = new Process(
    "task web",
    { ...NO_STDIO, terminal: true },
    ({ code }) => void this.calls.push(`ended ${code}`),
  );
  readonly #gate = Promise.withResolvers<void>();

  private constructor(readonly peer: TestProcess) {}

  /** In `state`, by the way that leads there. */
  static async in(state: State): Promise<Subject> {
    const subject = new Subject(await TestProcess.create(7));
    const { process, peer, calls } = subject;
    const started = () => void calls.push("started");
    if (state === "not launched") return subject;
    if (state === "failed") {
      await assert.rejects(process.start(() => Promise.reject(new Error("no")), started));
      return subject;
    }
    process.attach(peer.launched);
    if (state === "starting") process.start(() => subject.#gate.promise, started);
    if (state === "running" || state === "stopped") {
      await process.start(() => Promise.resolve(), started);
      assert.equal(await peer.heard(), "start");
    }
    if (state === "stopped" || state === "never started") {
      await peer.says(`exit 3 ${AT}`);
      await process.exited;
    }
    // Not awaited: the monitor has not answered yet.
    if (state === "deleting") process.beginDelete();
    return subject;
  }

  async act(action: Action): Promise<void> {
    const started = () => void this.calls.push("started");
    if (action === "start") await this.process.start(() => Promise.resolve(), started);
    if (action === "kill") await this.process.kill(15);
    if (action === "delete") await this.process.beginDelete();
    if (action === "resize") await this.process.resize(80, 24);
  }

  [Symbol.dispose](): void {
    this.#gate.resolve();
    this.peer[Symbol.dispose]();
  }
}

const FINISHED = "kill task web: process already finished";

const REFUSALS: [State, Action, kind: string, message: string][] = [
  ["created", "kill", "FailedPrecondition", "kill task web: it is created"],
  ["not launched", "kill", "FailedPrecondition", "kill task web: it is created"],
  ["starting", "start", "FailedPrecondition", "start task web: it is running"],
  ["starting", "delete", "FailedPrecondition", "delete task web: it is running"],
  ["running", "start", "FailedPrecondition", "start task web: it is running"],
  ["running", "delete", "FailedPrecondition", "delete task web: it is running"],
  ["stopped", "start", "FailedPrecondition", "start task web: it is stopped"],
  ["stopped", "kill", "NotFound", FINISHED],
  ["stopped", "resize", "FailedPrecondition", "resize task web: it is stopped"],
  ["never started", "start", "FailedPrecondition", "start task web: it is stopped"],
  ["never started", "kill", "NotFound", FINISHED],
  ["never started", "resize", "FailedPrecondition", "resize task web: it is stopped"],
  ["failed", "start", "FailedPrecondition", "start task web: it is stopped"],
  ["failed", "kill", "NotFound", FINISHED],
  ["failed", "resize", "FailedPrecondition", "resize task web: it is stopped"],
  ["deleting", "start", "FailedPrecondition", "start task web: it is being deleted"],
  ["deleting", "kill", "FailedPrecondition", "kill task web: it is being deleted"],
  ["deleting", "delete", "NotFound", "delete task web: it is being deleted"],
];

for (const [state, action, kind, message] of REFUSALS) {
  Deno.test(`Process that is ${state} refuses ${action}`, async () => {
    using subject = await Subject.in(state);
    const { process, calls } = subject;
    const before = [process.status, [...calls]];
    await assert.rejects(subject.act(action), { name: "ShimError", kind, message });
    assert.deepEqual([process.status, calls], before);
  });
}

Deno.test("Process goes from created to running to stopped", async () => {
  using subject = await Subject.in("created");
  const { process, peer, calls } = subject;
  assert.deepEqual([process.pid, process.status, process.exit], [7, "created", undefined]);
  await subject.act("start");
  assert.equal(await peer.heard(), "start");
  assert.equal(process.status, "running");
  await process.kill(15);
  assert.equal(await peer.heard(), "kill 15");
  assert.equal(process.status, "running");
  await peer.says(`exit 143 ${AT}`);
  assert.equal((await process.exited).code, 143);
  assert.deepEqual([process.pid, process.status, process.exit?.code], [7, "stopped", 143]);
  assert.deepEqual(calls, ["started", "ended 143"]);
});

Deno.test("Process without a process has no pid", async () => {
  using subject = await Subject.in("not launched");
  assert.deepEqual([subject.process.pid, subject.process.status], [0, "created"]);
});

Deno.test("Process.resize() tells the terminal of sizes that are known", async () => {
  using subject = await Subject.in("running");
  const { process, peer } = subject;
  await process.resize(80, 24);
  await process.resize(0, 24);
  await process.resize(80, 0);
  await process.resize(0xffff, 1);
  assert.deepEqual([await peer.heard(), await peer.heard()], ["resize 80 24", "resize 65535 1"]);
});

Deno.test("Process.resize() before there is a process is no failure, and reaches one that waits", async () => {
  using absent = await Subject.in("not launched");
  await absent.process.resize(80, 24);
  using subject = await Subject.in("created");
  await subject.process.resize(80, 24);
  assert.equal(await subject.peer.heard(), "resize 80 24");
});

Deno.test.each([
  [65536, 24, "resize task web: width: 65536"],
  [80, 4294967295, "resize task web: height: 4294967295"],
])("Process.resize() rejects %d x %d", async (width, height, message) => {
  using subject = await Subject.in("running");
  await assert.rejects(subject.process.resize(width, height), { kind: "InvalidArgument", message });
});

Deno.test("Process.resize() of one without a terminal is refused", async () => {
  const process = new Process("exec sh of task web", NO_STDIO, () => {});
  await assert.rejects(process.resize(0, 0), {
    kind: "FailedPrecondition",
    message: "resize exec sh of task web: terminal: false",
  });
});

Deno.test("Process.closeStdin() reaches its monitor, whenever that comes", async () => {
  using first = await Subject.in("running");
  await first.process.closeStdin();
  assert.equal(await first.peer.heard(), "close-stdin");
  using second = await Subject.in("not launched");
  await second.process.closeStdin();
  second.process.attach(second.peer.launched);
  assert.equal(await second.peer.heard(), "close-stdin");
  using third = await Subject.in("created");
  assert.equal(await stateOf(third.peer.heard()), "pending", "nobody has asked");
});

Deno.test("Process.closeStdin() of one that has ended is no failure", async () => {
  for (const state of ["stopped", "failed", "deleting"] as const) {
    using subject = await Subject.in(state);
    await subject.process.closeStdin();
    await subject.process.closeStdin();
  }
});
