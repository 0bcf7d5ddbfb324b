import assert from "node:assert/strict";
import { ShimError } from "../errdefs/mod.ts";
import { Task } from "./task.ts";
import { Container, Recorder } from "./testing/container.ts";
import { stateOf } from "./testing/pair.ts";

type State = "created" | "running" | "stopped" | "neverStarted" | "deleting";
type Action = "start" | "kill" | "delete";

/** A task with its container and what was observed of it. */
class Life implements Disposable {
  readonly recorder = new Recorder();
  readonly task: Task;

  private constructor(readonly container: Container) {
    this.task = new Task(container.parts, this.recorder);
  }

  /** In `state`, by the way that leads there. */
  static async in(state: State): Promise<Life> {
    const life = new Life(await Container.create());
    if (state === "running" || state === "stopped") await life.start();
    if (state === "stopped" || state === "neverStarted") await life.exit(3);
    // Not awaited: the monitor has not answered yet.
    if (state === "deleting") life.task.beginDelete().catch(() => {});
    return life;
  }

  async start(): Promise<void> {
    await this.task.start();
    assert.equal(await this.container.heard(), "start");
  }

  async exit(code: number): Promise<void> {
    await this.container.says(`exit ${code} 1700000000 5`);
    assert.equal((await this.task.exited).code, code);
  }

  async act(action: Action): Promise<void> {
    if (action === "start") await this.task.start();
    if (action === "kill") await this.task.kill(15);
    if (action === "delete") await this.task.beginDelete();
  }

  [Symbol.dispose](): void {
    this.container[Symbol.dispose]();
  }
}

const REFUSALS: [State, Action, kind: string, message: string][] = [
  ["created", "kill", "FailedPrecondition", "kill task web: it is created"],
  ["running", "start", "FailedPrecondition", "start task web: it is running"],
  ["running", "delete", "FailedPrecondition", "delete task web: it is running"],
  ["stopped", "start", "FailedPrecondition", "start task web: it is stopped"],
  ["stopped", "kill", "NotFound", "kill task web: process already finished"],
  ["neverStarted", "start", "FailedPrecondition", "start task web: it is stopped"],
  ["neverStarted", "kill", "NotFound", "kill task web: process already finished"],
  ["deleting", "start", "FailedPrecondition", "start task web: it is being deleted"],
  ["deleting", "kill", "FailedPrecondition", "kill task web: it is being deleted"],
  ["deleting", "delete", "NotFound", "delete task web: it is being deleted"],
];

for (const [state, action, kind, message] of REFUSALS) {
  Deno.test(`Task that is ${state} refuses ${action}`, async () => {
    using life = await Life.in(state);
    const before = [life.task.status, [...life.recorder.events]];
    await assert.rejects(life.act(action), { kind, message });
    assert.deepEqual([life.task.status, life.recorder.events], before);
  });
}

Deno.test("Task goes from created to running to stopped, and is observed in that order", async () => {
  using life = await Life.in("created");
  const { task, container, recorder } = life;
  assert.deepEqual([task.id, task.pid, task.status, task.exit], [
    "web",
    4242,
    "created",
    undefined,
  ]);
  await life.start();
  assert.equal(task.status, "running");
  assert.deepEqual(recorder.events, ["started web"]);
  await task.kill(15);
  assert.equal(await container.heard(), "kill 15");
  assert.equal(task.status, "running");
  await life.exit(143);
  assert.equal(task.status, "stopped");
  assert.deepEqual(task.exit, { code: 143, at: { seconds: 1700000000, nanos: 5 } });
  assert.deepEqual(recorder.events, ["started web", "exited web 143"]);
  assert.equal((await task.beginDelete()).code, 143);
});

Deno.test("Task.exited resolves after the exit was observed", async () => {
  using life = await Life.in("running");
  const seen = life.task.exited.then(() => [...life.recorder.events]);
  await life.exit(0);
  assert.deepEqual(await seen, ["started web", "exited web 0"]);
});

Deno.test("Task.exit of a monitor that went without a word is that of SIGKILL, now", async () => {
  using life = await Life.in("running");
  life.container.hangUp();
  const { code, at } = await life.task.exited;
  assert.equal(code, 137);
  const ageMs = Date.now() - (at.seconds * 1000 + at.nanos / 1e6);
  assert.ok(ageMs >= 0 && ageMs < 5000, `${ageMs} ms`);
  assert.ok(Number.isInteger(at.seconds) && at.nanos < 1e9);
  assert.deepEqual(life.recorder.events, ["started web", "exited web 137"]);
});

Deno.test("Task says that it was killed for want of memory, before its exit", async () => {
  using life = await Life.in("running");
  Deno.writeTextFileSync(`${life.container.cgroup}/memory.events`, "oom 1\noom_kill 1\n");
  await life.exit(137);
  assert.deepEqual(life.recorder.events, ["started web", "oom web", "exited web 137"]);
});

Deno.test("Task that was never started ends unobserved", async () => {
  using life = await Life.in("neverStarted");
  assert.equal(life.task.status, "stopped");
  assert.deepEqual(life.recorder.events, []);
  assert.equal((await life.task.beginDelete()).code, 3);
});

Deno.test("Task.processes() are the cgroup's, then init's", async () => {
  using life = await Life.in("created");
  Deno.writeTextFileSync(`${life.container.cgroup}/cgroup.procs`, "4242\n4243\n");
  assert.deepEqual(life.task.processes(), [4242, 4243]);
  await life.start();
  assert.deepEqual(life.task.processes(), [4242, 4243]);
  await life.exit(0);
  assert.deepEqual(life.task.processes(), [4242]);
});

Deno.test("Task.start() that is raced starts once", async () => {
  using life = await Life.in("created");
  const [first, second] = await Promise.allSettled([life.task.start(), life.task.start()]);
  assert.equal(first.status, "fulfilled");
  assert.equal(second.status, "rejected");
  assert.equal((second as PromiseRejectedResult).reason.kind, "FailedPrecondition");
  assert.deepEqual(life.recorder.events, ["started web"]);
  assert.equal(await life.container.heard(), "start");
  assert.equal(await stateOf(life.container.heard()), "pending", "nothing else was sent");
});

Deno.test("Task.start() before a delete wins", async () => {
  using life = await Life.in("created");
  const [start, remove] = await Promise.allSettled([life.task.start(), life.task.beginDelete()]);
  assert.equal(start.status, "fulfilled");
  assert.equal((remove as PromiseRejectedResult).reason.kind, "FailedPrecondition");
  assert.equal(life.task.status, "running");
});

Deno.test("Task.beginDelete() before a start wins, and kills what never ran", async () => {
  using life = await Life.in("created");
  const removed = life.task.beginDelete();
  await assert.rejects(life.task.start(), { kind: "FailedPrecondition" });
  assert.equal(await life.container.heard(), "kill 9");
  assert.equal(await stateOf(removed), "pending", "it waits for the end");
  await life.container.says("exit 137 1 2");
  assert.equal((await removed).code, 137);
  assert.deepEqual(life.recorder.events, []);
});

Deno.test("Task.beginDelete() that is raced succeeds once", async () => {
  for (const state of ["created", "stopped", "neverStarted"] as const) {
    using life = await Life.in(state);
    const both = Promise.allSettled([life.task.beginDelete(), life.task.beginDelete()]);
    if (state === "created") await life.container.says("exit 137 1 2");
    const [first, second] = await both;
    assert.equal(first.status, "fulfilled", state);
    assert.equal((second as PromiseRejectedResult).reason.kind, "NotFound", state);
  }
});

Deno.test("Task.abortDelete() lets a deletion be tried again", async () => {
  using life = await Life.in("stopped");
  await life.task.beginDelete();
  await assert.rejects(life.task.beginDelete(), { kind: "NotFound" });
  life.task.abortDelete();
  assert.equal((await life.task.beginDelete()).code, 3);
});

Deno.test("Task whose exit comes before start() is answered was started, then exited", async () => {
  using life = await Life.in("created");
  // On its way before the start is asked for, but not read yet.
  await life.container.says("exit 0 1 2");
  const started = life.task.start();
  assert.deepEqual(life.recorder.events, ["started web"]);
  await started;
  await life.task.exited;
  assert.deepEqual(life.recorder.events, ["started web", "exited web 0"]);
});

Deno.test("Task whose monitor dies before start() was started, then exited, in order", async () => {
  using life = await Life.in("created");
  life.container.hangUp();
  const started = life.task.start();
  const [start] = await Promise.allSettled([started, life.task.exited]);
  assert.deepEqual(life.recorder.events, ["started web", "exited web 137"]);
  assert.ok(start.status === "fulfilled" || start.reason instanceof ShimError, String(start));
});

Deno.test("Task.kill() of what ends meanwhile is no failure", async () => {
  using life = await Life.in("running");
  life.container.hangUp();
  await life.task.kill(9);
  assert.equal((await life.task.exited).code, 137);
});
