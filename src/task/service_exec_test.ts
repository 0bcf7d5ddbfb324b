import assert from "node:assert/strict";
import { Status } from "../proto/mod.ts";
import { ProcessDetails } from "../proto/runc_options.ts";
import { AT } from "../supervisor/testing/process.ts";
import { Shim } from "./testing/shim.ts";

const WEB = { id: "web" };
const SHELL = { id: "web", execId: "sh" };
const EXITED_AT = { seconds: 1700000000n, nanos: 5 };

const any = (text: string) => ({ typeUrl: "type", value: new TextEncoder().encode(text) });

Deno.test("Task service leads an exec through its life", async () => {
  await using shim = await Shim.running();
  const { life } = shim;
  const state = () => shim.call((task) => task.State, SHELL);
  await shim.call((task) => task.Exec, { ...SHELL, stdout: "/out", spec: any("{}") });
  const first = await state();
  assert.deepEqual([first.id, first.execId, first.status, first.pid, first.stdout], [
    ...["web", "sh", Status.CREATED, 0, "/out"],
  ]);
  const wait = shim.call((task) => task.Wait, SHELL);
  assert.equal((await shim.call((task) => task.Start, SHELL)).pid, 101);
  const second = await state();
  assert.deepEqual([second.status, second.pid], [Status.RUNNING, 101]);
  await shim.call((task) => task.Kill, { ...SHELL, signal: 15 });
  const monitor = life.container.execs.get("sh")!;
  assert.deepEqual([await monitor.heard(), await monitor.heard()], ["start", "kill 15"]);
  await monitor.says(`exit 143 ${AT}`);
  assert.deepEqual({ ...await wait }, { exitStatus: 143, exitedAt: EXITED_AT });
  const last = await state();
  assert.deepEqual([last.status, last.exitStatus, last.exitedAt], [Status.STOPPED, 143, EXITED_AT]);
  const deleted = await shim.call((task) => task.Delete, SHELL);
  assert.deepEqual({ ...deleted }, { pid: 101, exitStatus: 143, exitedAt: EXITED_AT });
  await assert.rejects(state(), { kind: "NotFound" });
  assert.equal((await shim.call((task) => task.State, WEB)).status, Status.RUNNING);
});

Deno.test("Task service hands the specification of an Exec on", async () => {
  await using shim = await Shim.running();
  await assert.rejects(shim.call((task) => task.Exec, { ...SHELL, spec: any("refused") }), {
    kind: "InvalidArgument",
    message: "process.args: refused",
  });
  await shim.call((task) => task.Exec, { ...SHELL, spec: any("{}") });
  await assert.rejects(shim.call((task) => task.Exec, { ...SHELL, spec: any("{}") }), {
    kind: "AlreadyExists",
  });
  await assert.rejects(shim.call((task) => task.Exec, { id: "web", execId: "../x" }), {
    kind: "InvalidArgument",
  });
});

Deno.test("Task service removes an exec's files with it", async () => {
  await using shim = await Shim.running();
  const folder = `${shim.tasks}/web/execs`;
  Deno.mkdirSync(`${folder}/sh`, { recursive: true });
  Deno.writeTextFileSync(`${folder}/sh/process.json`, "{}");
  Deno.mkdirSync(`${folder}/other`);
  await shim.call((task) => task.Exec, { ...SHELL, spec: any("{}") });
  await shim.call((task) => task.Delete, SHELL);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["other"]);
});

Deno.test("Task service says that it does not know an exec", async () => {
  await using shim = await Shim.running();
  const exec = { id: "web", execId: "e" };
  const calls = [
    shim.call((task) => task.State, exec),
    shim.call((task) => task.Start, exec),
    shim.call((task) => task.Wait, exec),
    shim.call((task) => task.Kill, { ...exec, signal: 9 }),
    shim.call((task) => task.Delete, exec),
    shim.call((task) => task.ResizePty, exec),
    shim.call((task) => task.CloseIO, { ...exec, stdin: true }),
    shim.call((task) => task.CloseIO, exec),
  ];
  for (const call of calls) {
    await assert.rejects(call, {
      kind: "NotFound",
      message: "find exec e of task web: no such exec",
    });
  }
});

Deno.test("Task service says of each pid which exec it is", async () => {
  await using shim = await Shim.running();
  await shim.life.exec("sh");
  shim.life.addExec("later");
  Deno.writeTextFileSync(`${shim.life.container.cgroupFolder}/cgroup.procs`, "7\n101\n8\n");
  const { processes } = await shim.call((task) => task.Pids, WEB);
  assert.deepEqual(processes.map(({ pid, info }) => [pid, info?.typeUrl]), [
    [7, undefined],
    [101, "containerd.runc.v1.ProcessDetails"],
    [8, undefined],
  ]);
  assert.equal(ProcessDetails.decode(processes[1].info!.value).execId, "sh");
});

Deno.test("Task service pauses and resumes", async () => {
  await using shim = await Shim.running();
  const { life } = shim;
  await life.exec("sh");
  const status = async (message: { id: string; execId?: string }) =>
    (await shim.call((task) => task.State, message)).status;
  await shim.call((task) => task.Pause, WEB);
  assert.deepEqual([await status(WEB), await status(SHELL)], [Status.PAUSED, Status.PAUSED]);
  await assert.rejects(shim.call((task) => task.Exec, { id: "web", execId: "b" }), {
    kind: "FailedPrecondition",
  });
  await shim.call((task) => task.Resume, WEB);
  assert.deepEqual([await status(WEB), await status(SHELL)], [Status.RUNNING, Status.RUNNING]);
  assert.deepEqual(life.container.actions.slice(-2), ["pause", "resume"]);
});

Deno.test("Task service hands an Update's resources on", async () => {
  await using shim = await Shim.running();
  const update = (text: string) =>
    shim.call((task) => task.Update, { id: "web", resources: any(text) });
  await update('{"pids":{"limit":5}}');
  assert.equal(shim.life.container.actions.at(-1), 'update {"pids":{"limit":5}}');
  await assert.rejects(update('{"pids":{"limit":-5}}'), {
    kind: "InvalidArgument",
    message: "pids.limit: -5: must be at least -1",
  });
  await assert.rejects(shim.call((task) => task.Update, WEB), { kind: "InvalidArgument" });
});

Deno.test("Task service signals all", async () => {
  await using shim = await Shim.running();
  await shim.life.exec("sh");
  await shim.call((task) => task.Kill, { id: "web", signal: 15, all: true });
  assert.equal(shim.life.container.actions.at(-1), "signal 15 7,101");
});

Deno.test("Task service tells a terminal of its size, and refuses where there is none", async () => {
  await using shim = await Shim.start({ terminal: true });
  const { life } = shim;
  await shim.call((task) => task.ResizePty, { id: "web", width: 80, height: 24 });
  assert.equal(await life.init.heard(), "resize 80 24");
  await assert.rejects(shim.call((task) => task.ResizePty, { id: "web", width: 65536 }), {
    kind: "InvalidArgument",
    message: "resize task web: width: 65536",
  });
  await life.start();
  await life.exec("sh");
  await assert.rejects(shim.call((task) => task.ResizePty, { ...SHELL, width: 80, height: 24 }), {
    kind: "FailedPrecondition",
    message: "resize exec sh of task web: terminal: false",
  });
});

Deno.test("Task service closes stdin when that is asked for", async () => {
  await using shim = await Shim.running();
  const monitor = await shim.life.exec("sh");
  await shim.call((task) => task.CloseIO, WEB);
  await shim.call((task) => task.Kill, { id: "web", signal: 10 });
  await shim.call((task) => task.CloseIO, { id: "web", stdin: true });
  const { init } = shim.life;
  assert.deepEqual([await init.heard(), await init.heard()], ["kill 10", "close-stdin"]);
  await shim.call((task) => task.Kill, { ...SHELL, signal: 10 });
  await shim.call((task) => task.CloseIO, { ...SHELL, stdin: true });
  assert.deepEqual([await monitor.heard(), await monitor.heard()], ["kill 10", "close-stdin"]);
});
