import assert from "node:assert/strict";
import { AT } from "./testing/process.ts";
import { stateOf } from "./testing/pair.ts";
import { Life } from "./testing/task.ts";
import { hastenTimers } from "./testing/timers.ts";

const never = () => new AbortController().signal;

Deno.test("Task goes from created to running to stopped, and is observed in that order", async () => {
  using life = await Life.create();
  const { task, container, events } = life;
  assert.deepEqual([task.id, task.pid, task.status], ["web", 7, "created"]);
  await life.start();
  assert.deepEqual(container.actions, ["start"]);
  assert.equal(task.status, "running");
  await task.kill(15, false);
  assert.equal(await life.init.heard(), "kill 15");
  await life.exit(143);
  assert.equal(task.status, "stopped");
  assert.deepEqual(events, ["started web", "exited web/web 7 143"]);
});

Deno.test("Task that was never started ends unobserved", async () => {
  using life = await Life.create();
  await life.exit(3);
  assert.deepEqual([life.task.status, life.events], ["stopped", []]);
});

Deno.test("Task whose container cannot be started is created, and may be started again", async () => {
  using life = await Life.create();
  life.container.doing = () => Promise.reject(new Error("crun"));
  await assert.rejects(life.task.start(never()), /^Error: crun$/);
  assert.deepEqual([life.task.status, life.events], ["created", []]);
  life.container.doing = () => Promise.resolve();
  await life.start();
  assert.deepEqual(life.events, ["started web"]);
});

Deno.test("Task whose monitor is lost before start() was started, then exited", async () => {
  using life = await Life.create();
  life.init.hangUp();
  await life.task.start(never());
  assert.equal((await life.task.init.exited).code, 137);
  assert.deepEqual(life.events, ["started web", "exited web/web 7 137"]);
});

Deno.test("Task says that it is short of memory, before its exit, and not before it runs", async () => {
  using life = await Life.create();
  await life.init.says("oom");
  assert.equal(await stateOf(life.task.init.exited), "pending");
  await life.start();
  await life.init.says("oom");
  await life.init.says("oom");
  await life.exit(137);
  assert.deepEqual(life.events, ["started web", "oom web", "oom web", "exited web/web 7 137"]);
});

Deno.test("Task.processes() are the cgroup's, then init's", async () => {
  using life = await Life.create();
  const { task, container } = life;
  Deno.writeTextFileSync(`${container.cgroupFolder}/cgroup.procs`, "7\n8\n");
  assert.deepEqual(task.processes(), [7, 8]);
  await life.start();
  assert.deepEqual(task.processes(), [7, 8]);
  await life.exit(0);
  assert.deepEqual(task.processes(), [7]);
});

Deno.test("Task.process() is init, or the exec that is named", async () => {
  using life = await Life.running();
  await life.exec("sh");
  assert.equal(life.task.process(""), life.task.init);
  assert.equal(life.task.process("sh").pid, 101);
  assert.deepEqual([...life.task.execs.keys()], ["sh"]);
  assert.throws(() => life.task.process("web"), {
    kind: "NotFound",
    message: "find exec web of task web: no such exec",
  });
});

Deno.test("Task whose init ends without a pid namespace of its own ends what is left", async () => {
  using life = await Life.running();
  const { container } = life;
  container.ownPidNamespace = false;
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const members = `${container.cgroupFolder}/cgroup.procs`;
  Deno.writeTextFileSync(members, `${child.pid}\n`);
  const ended = child.status.then(({ signal }) => {
    Deno.writeTextFileSync(members, ""); // as the kernel does
    return signal;
  });
  await life.exit(0);
  assert.equal(await ended, "SIGKILL");
  assert.deepEqual(life.events, ["started web", "exited web/web 7 0"]);
});

Deno.test("Task whose init ends with its pid namespace leaves the rest to the kernel", async () => {
  using life = await Life.running();
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  Deno.writeTextFileSync(`${life.container.cgroupFolder}/cgroup.procs`, `${child.pid}\n`);
  await life.exit(0);
  assert.equal(await stateOf(child.status), "pending");
  child.kill("SIGTERM");
  assert.equal((await child.status).signal, "SIGTERM");
});

Deno.test("Task whose init ends is observed after the execs that ended with it", async () => {
  using life = await Life.running();
  const [first, second] = [await life.exec("a"), await life.exec("b")];
  await life.init.says(`exit 137 ${AT}`);
  assert.equal(await stateOf(life.task.init.exited), "pending");
  assert.equal(life.task.status, "stopped");
  await second.says(`exit 137 ${AT}`);
  assert.equal(await stateOf(life.task.init.exited), "pending");
  await first.says(`exit 9 ${AT}`);
  await life.task.init.exited;
  assert.deepEqual(life.events.slice(-3), [
    "exited web/b 102 137",
    "exited web/a 101 9",
    "exited web/web 7 137",
  ]);
});

Deno.test("Task whose init ends does not wait for an exec for ever", async () => {
  using timers = hastenTimers();
  using life = await Life.running();
  await life.exec("stuck");
  await life.exit(0);
  assert.deepEqual(timers.delaysMs, [2000]);
  assert.equal(life.events.at(-1), "exited web/web 7 0");
  assert.equal(life.task.process("stuck").status, "running");
});

Deno.test("Task whose init ends does not wait for execs that do not run", async () => {
  using life = await Life.running();
  life.addExec("never");
  const ended = await life.exec("ended");
  await ended.says(`exit 0 ${AT}`);
  await life.task.process("ended").exited;
  await life.exit(0);
  assert.equal(life.events.at(-1), "exited web/web 7 0");
});

Deno.test("Task.adopt() makes it running, or paused, and observes its exit only", async () => {
  for (const paused of [false, true]) {
    using life = await Life.create();
    life.task.adopt({ paused });
    assert.equal(life.task.status, paused ? "paused" : "running");
    await life.exit(4);
    assert.equal(life.task.status, "stopped");
    assert.deepEqual(life.events, ["exited web/web 7 4"]);
  }
});
