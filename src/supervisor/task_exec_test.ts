import assert from "node:assert/strict";
import { AT, TestProcess } from "./testing/process.ts";
import { stateOf } from "./testing/pair.ts";
import { Life } from "./testing/task.ts";

Deno.test("Task leads an exec through its life, and is observed in order", async () => {
  using life = await Life.running();
  const { task, container, events } = life;
  life.addExec("sh");
  const process = task.process("sh");
  assert.deepEqual([process.pid, task.statusOf(process)], [0, "created"]);
  assert.deepEqual(container.actions, ["start"], "it is launched by its start");
  assert.equal(await life.startExec("sh"), 101);
  const monitor = container.execs.get("sh")!;
  assert.equal(await monitor.heard(), "start");
  assert.equal(task.statusOf(process), "running");
  await process.kill(15);
  assert.equal(await monitor.heard(), "kill 15");
  await monitor.says(`exit 143 ${AT}`);
  assert.equal((await process.exited).code, 143);
  assert.equal(task.status, "running");
  const { pid, exit } = await task.deleteExec("sh");
  assert.deepEqual([pid, exit.code], [101, 143]);
  assert.throws(() => task.process("sh"), { kind: "NotFound" });
  assert.deepEqual(events, [
    "started web",
    "exec added web/sh",
    "exec started web/sh 101",
    "exited web/sh 101 143",
  ]);
});

Deno.test("Task takes the id of an exec again when it has been deleted", async () => {
  using life = await Life.running();
  life.addExec("sh");
  await life.task.deleteExec("sh");
  life.addExec("sh");
  assert.equal(await life.startExec("sh"), 101);
});

Deno.test("Task.addExec() takes identifiers", async () => {
  using life = await Life.running();
  const ids = ["a", "A9", "a.b_c-d", "0f", "a".repeat(76)];
  for (const id of ids) life.addExec(id);
  assert.deepEqual([...life.task.execs.keys()], ids);
});

Deno.test.each([
  "",
  ".",
  "..",
  "a/b",
  "../web",
  "a..b",
  "-a",
  "a-",
  "a b",
  "a\n",
  "a\0",
  "é",
  "a".repeat(77),
])("Task.addExec() rejects the id %j", async (execId) => {
  using life = await Life.running();
  assert.throws(() => life.addExec(execId), {
    kind: "InvalidArgument",
    message: `exec in task web: exec_id: ${JSON.stringify(execId)}: not an identifier`,
  });
  assert.equal(life.task.execs.size, 0);
});

Deno.test("Task.addExec() rejects an id that is there, and leaves it", async () => {
  using life = await Life.running();
  life.addExec("sh");
  const process = life.task.process("sh");
  assert.throws(() => life.addExec("sh"), {
    kind: "AlreadyExists",
    message: "exec in task web: exec_id: sh: it exists",
  });
  assert.equal(life.task.process("sh"), process);
});

Deno.test("Task.addExec() that is refused by the container adds nothing", async () => {
  using life = await Life.running();
  assert.throws(() => life.addExec("sh", "refused"), {
    kind: "InvalidArgument",
    message: "process.args: refused",
  });
  assert.equal(life.task.execs.size, 0);
  assert.deepEqual(life.events, ["started web"]);
});

Deno.test("Task that is paused or stopped takes no exec, nor starts one", async () => {
  for (const state of ["paused", "stopped"]) {
    using life = await Life.running();
    life.addExec("sh");
    await (state === "paused" ? life.task.pause() : life.exit(0));
    const before = [...life.events];
    assert.throws(() => life.addExec("other"), {
      kind: "FailedPrecondition",
      message: `exec in task web: it is ${state}`,
    });
    await assert.rejects(life.startExec("sh"), {
      kind: "FailedPrecondition",
      message: `start an exec in task web: it is ${state}`,
    });
    assert.deepEqual([life.task.process("sh").status, life.events], ["created", before]);
  }
});

Deno.test("Task that does not know an exec says so", async () => {
  using life = await Life.running();
  const message = "find exec none of task web: no such exec";
  await assert.rejects(life.startExec("none"), { kind: "NotFound", message });
  await assert.rejects(life.task.deleteExec("none"), { kind: "NotFound", message });
});

Deno.test("Task.startExec() that fails leaves an exec that has ended with 255", async () => {
  using life = await Life.running();
  life.addExec("sh");
  life.container.doing = () => Promise.reject(new Error("crun"));
  await assert.rejects(life.startExec("sh"), /^Error: crun$/);
  const process = life.task.process("sh");
  assert.deepEqual([process.status, process.exit?.code], ["stopped", 255]);
  assert.deepEqual(life.events, ["started web", "exec added web/sh"]);
  const { pid, exit } = await life.task.deleteExec("sh");
  assert.deepEqual([pid, exit.code], [0, 255]);
});

Deno.test("Task.startExec() whose monitor has ended already is started, then exited", async () => {
  using life = await Life.running();
  life.addExec("true");
  const monitor = await TestProcess.create(101);
  life.container.execs.set("true", monitor);
  await monitor.says(`exit 0 ${AT}`);
  monitor.hangUp();
  assert.equal(await life.startExec("true"), 101);
  assert.equal((await life.task.process("true").exited).code, 0);
  assert.deepEqual(life.events.slice(-2), ["exec started web/true 101", "exited web/true 101 0"]);
});

Deno.test("Task.startExec() that is raced launches once", async () => {
  using life = await Life.running();
  life.addExec("sh");
  const [first, second] = await Promise.allSettled([life.startExec("sh"), life.startExec("sh")]);
  assert.equal(first.status, "fulfilled");
  assert.equal((second as PromiseRejectedResult).reason.kind, "FailedPrecondition");
  assert.deepEqual(life.container.actions, ["start", "exec sh"]);
});

Deno.test("Task.deleteExec() of one that runs is refused, and it stays", async () => {
  using life = await Life.running();
  const monitor = await life.exec("sh");
  await assert.rejects(life.task.deleteExec("sh"), {
    kind: "FailedPrecondition",
    message: "delete exec sh of task web: it is running",
  });
  assert.equal(life.task.process("sh").status, "running");
  await monitor.says(`exit 0 ${AT}`);
  await life.task.process("sh").exited;
  await life.task.deleteExec("sh");
});

Deno.test("Task.deleteExec() of one that was never started", async () => {
  using life = await Life.running();
  life.addExec("sh");
  const waiting = life.task.process("sh").exited;
  const { pid, exit } = await life.task.deleteExec("sh");
  assert.deepEqual([pid, exit.code, (await waiting).code], [0, 137, 137]);
  assert.deepEqual(life.events, ["started web", "exec added web/sh"]);
});

Deno.test("Task's execs end each by itself", async () => {
  using life = await Life.running();
  const [a, b] = [await life.exec("a"), await life.exec("b")];
  await a.says(`exit 1 ${AT}`);
  assert.equal((await life.task.process("a").exited).code, 1);
  assert.equal(life.task.process("b").status, "running");
  assert.equal(life.task.status, "running");
  assert.equal(await stateOf(b.heard()), "pending");
});
