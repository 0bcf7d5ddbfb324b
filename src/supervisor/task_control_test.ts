import assert from "node:assert/strict";
import { AT } from "./testing/process.ts";
import { stateOf } from "./testing/pair.ts";
import { Life } from "./testing/task.ts";

/** A task that is paused, with an exec "sh". */
async function paused(): Promise<Life> {
  const life = await Life.running();
  await life.exec("sh");
  await life.task.pause();
  return life;
}

Deno.test("Task.pause() pauses all of its processes, and resume() lets them go on", async () => {
  using life = await Life.running();
  const { task, container, events } = life;
  const shell = await life.exec("sh");
  life.addExec("later");
  await task.pause();
  assert.equal(task.status, "paused");
  assert.equal(task.statusOf(task.process("sh")), "paused");
  assert.equal(task.statusOf(task.process("later")), "created");
  await shell.says(`exit 0 ${AT}`);
  await task.process("sh").exited;
  assert.equal(task.statusOf(task.process("sh")), "stopped");
  await task.resume();
  assert.equal(task.status, "running");
  assert.deepEqual(container.actions, ["start", "exec sh", "pause", "resume"]);
  assert.deepEqual(events.slice(-3), ["paused web", "exited web/sh 101 0", "resumed web"]);
});

type Action = "pause" | "resume" | "update";

const REFUSALS: ["created" | "running" | "paused" | "stopped", Action, message: string][] = [
  ["created", "pause", "pause task web: it is created"],
  ["paused", "pause", "pause task web: it is paused"],
  ["stopped", "pause", "pause task web: it is stopped"],
  ["created", "resume", "resume task web: it is created"],
  ["running", "resume", "resume task web: it is running"],
  ["stopped", "resume", "resume task web: it is stopped"],
  ["stopped", "update", "update task web: it is stopped"],
];

for (const [state, action, message] of REFUSALS) {
  Deno.test(`Task that is ${state} refuses ${action}`, async () => {
    using life = state === "created" ? await Life.create() : await Life.running();
    if (state === "paused") await life.task.pause();
    if (state === "stopped") await life.exit(0);
    const before = [[...life.container.actions], [...life.events], life.task.status];
    const act = action === "update" ? life.task.update("{}") : life.task[action]();
    await assert.rejects(act, { kind: "FailedPrecondition", message });
    assert.deepEqual([life.container.actions, life.events, life.task.status], before);
  });
}

Deno.test("Task that cannot be paused runs, and one that cannot be resumed is paused", async () => {
  using life = await Life.running();
  const { task, container } = life;
  container.doing = () => Promise.reject(new Error("busy"));
  await assert.rejects(task.pause(), /^Error: busy$/);
  assert.equal(task.status, "running");
  container.doing = () => Promise.resolve();
  await task.pause();
  container.doing = () => Promise.reject(new Error("busy"));
  await assert.rejects(task.resume(), /^Error: busy$/);
  assert.equal(task.status, "paused");
  assert.deepEqual(life.events, ["started web", "paused web"]);
});

Deno.test("Task.kill() of a paused one by SIGKILL lets it go on, so that it ends", async () => {
  using life = await paused();
  const { task, container } = life;
  await task.kill(9, false);
  assert.equal(await life.init.heard(), "kill 9");
  assert.equal(container.actions.at(-1), "resume");
  assert.equal(task.status, "running");
  assert.equal(life.events.at(-1), "paused web", "nobody has resumed it");
});

Deno.test("Task.kill() of a paused one by another signal leaves it paused", async () => {
  using life = await paused();
  await life.task.kill(15, false);
  assert.equal(await life.init.heard(), "kill 15");
  assert.equal(life.container.actions.at(-1), "pause");
  assert.equal(life.task.status, "paused");
});

Deno.test("Task.kill() of all signals those that run", async () => {
  using life = await Life.running();
  const { task, container } = life;
  await life.exec("a");
  const ended = await life.exec("b");
  await ended.says(`exit 0 ${AT}`);
  await task.process("b").exited;
  life.addExec("c");
  await task.kill(15, true);
  assert.equal(container.actions.at(-1), "signal 15 7,101");
  assert.equal(await stateOf(life.init.heard()), "pending", "by its container alone");
});

Deno.test("Task.kill() of all by SIGKILL is that of init, when it has a pid namespace", async () => {
  using own = await Life.running();
  await own.task.kill(9, true);
  assert.equal(await own.init.heard(), "kill 9");
  assert.deepEqual(own.container.actions, ["start"]);
  using shared = await Life.running();
  shared.container.ownPidNamespace = false;
  await shared.task.kill(9, true);
  assert.deepEqual(shared.container.actions, ["start", "signal 9 7"]);
});

Deno.test("Task.kill() of all of a paused one by SIGKILL lets them go on", async () => {
  using life = await paused();
  life.container.ownPidNamespace = false;
  await life.task.kill(9, true);
  assert.deepEqual(life.container.actions.slice(-2), ["signal 9 7,101", "resume"]);
});

Deno.test("Task.kill() of what does not run is refused, with all or without", async () => {
  for (const all of [false, true]) {
    using created = await Life.create();
    await assert.rejects(created.task.kill(9, all), {
      kind: "FailedPrecondition",
      message: "kill task web: it is created",
    });
    using stopped = await Life.running();
    await stopped.exit(0);
    await assert.rejects(stopped.task.kill(9, all), {
      kind: "NotFound",
      message: "kill task web: process already finished",
    });
    assert.deepEqual(stopped.container.actions, ["start"]);
  }
});

Deno.test("Task.update() hands checked resources on, as they are, in any state but stopped", async () => {
  const resources = '{"memory": {"limit": 9007199254740993}}';
  using created = await Life.create();
  await created.task.update(resources);
  assert.deepEqual(created.container.actions, [`update ${resources}`]);
  using frozen = await paused();
  await frozen.task.update(resources);
  assert.equal(frozen.container.actions.at(-1), `update ${resources}`);
});

Deno.test.each([
  ['{"memory":{"limit":-2}}', "memory.limit: -2: must be at least -1"],
  ['{"cpu":{"shares":-5}}', "cpu.shares: -5: must be at least 0"],
  ['{"cpu":{"quota":-2}}', "cpu.quota: -2: must be at least -1"],
  ['{"pids":{"limit":-10}}', "pids.limit: -10: must be at least -1"],
  ['{"pids":{"limit":"10"}}', 'pids.limit: "10": not an integer'],
  ["[]", "parse resources: not an object"],
])("Task.update() rejects %s", async (resources, message) => {
  using life = await Life.running();
  await assert.rejects(life.task.update(resources), { kind: "InvalidArgument", message });
  assert.deepEqual(life.container.actions, ["start"]);
});

Deno.test("Task.update() rejects what is no JSON", async () => {
  using life = await Life.running();
  for (const resources of ["", "{"]) {
    await assert.rejects(life.task.update(resources), {
      kind: "InvalidArgument",
      message: /^parse resources: /,
    });
  }
});
