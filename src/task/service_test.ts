import assert from "node:assert/strict";
import { Status, TaskV3, ZERO_TIMESTAMP } from "../proto/mod.ts";
import * as cgroupsV2 from "../proto/cgroups_v2.ts";
import { Shim } from "./testing/shim.ts";

const WEB = { id: "web" };
const EXITED_AT = { seconds: 1700000000n, nanos: 5 };

Deno.test("Task service leads a container through its life", async () => {
  await using shim = await Shim.start();
  const { life } = shim;
  const state = () => shim.call((task) => task.State, WEB);
  const first = await state();
  assert.deepEqual([first.id, first.status, first.pid, first.bundle, first.exitStatus], [
    ...["web", Status.CREATED, 7, "/bundles/web", 0],
  ]);
  assert.deepEqual([first.exitedAt, first.execId], [ZERO_TIMESTAMP, ""]);
  assert.equal((await shim.call((task) => task.Start, WEB)).pid, 7);
  assert.equal((await state()).status, Status.RUNNING);
  const wait = shim.call((task) => task.Wait, WEB);
  await shim.call((task) => task.Kill, { id: "web", signal: 15 });
  assert.deepEqual([await life.init.heard(), await life.init.heard()], ["start", "kill 15"]);
  await shim.exit(143);
  assert.deepEqual({ ...await wait }, { exitStatus: 143, exitedAt: EXITED_AT });
  const last = await state();
  assert.deepEqual([last.status, last.exitStatus, last.exitedAt], [Status.STOPPED, 143, EXITED_AT]);
  const deleted = await shim.call((task) => task.Delete, WEB);
  assert.deepEqual({ ...deleted }, { pid: 7, exitStatus: 143, exitedAt: EXITED_AT });
  assert.deepEqual(life.events, ["started web", "exited web/web 7 143"]);
});

Deno.test("Task service hands all that a Create brings on", async () => {
  await using shim = await Shim.start();
  const mount = { type: "overlay", source: "overlay", target: "", options: ["lowerdir=/a"] };
  const options = { typeUrl: "containerd.runc.v1.Options", value: new Uint8Array([1, 2]) };
  const created = await shim.call((task) => task.Create, {
    ...{ id: "web", bundle: "/b", rootfs: [mount], checkpoint: "/c", options },
    ...{ stdin: "/in", stdout: "/out", stderr: "/err", terminal: true },
  });
  assert.equal(created.pid, 7);
  const [{ rootfs, options: passed, ...request }] = shim.supervisor.requests;
  assert.deepEqual(request, {
    id: "web",
    bundle: "/b",
    paths: { stdin: "/in", stdout: "/out", stderr: "/err", terminal: true },
    checkpoint: "/c",
  });
  assert.deepEqual(rootfs.map((each) => ({ ...each })), [mount]);
  assert.deepEqual([passed?.typeUrl, [...passed!.value]], [options.typeUrl, [1, 2]]);
});

Deno.test("Task service tells the streams of State", async () => {
  const paths = { stdin: "/in", stdout: "/out", stderr: "", terminal: true };
  await using shim = await Shim.start(paths);
  const { stdin, stdout, stderr, terminal } = await shim.call((task) => task.State, WEB);
  assert.deepEqual({ stdin, stdout, stderr, terminal }, paths);
});

Deno.test("Task service answers the kinds of what is refused", async () => {
  await using shim = await Shim.start();
  const refused = async (call: Promise<unknown>, kind: string, message?: RegExp) => {
    await assert.rejects(call, { kind, ...(message && { message }) });
  };
  await refused(
    shim.call((task) => task.State, { id: "none" }),
    "NotFound",
    /^find task none: no such task$/,
  );
  await refused(shim.call((task) => task.Create, { id: "other" }), "AlreadyExists");
  await refused(shim.call((task) => task.Kill, { id: "web", signal: 15 }), "FailedPrecondition");
  await refused(shim.call((task) => task.Pause, WEB), "FailedPrecondition");
  await refused(shim.call((task) => task.Resume, WEB), "FailedPrecondition");
  await shim.call((task) => task.Start, WEB);
  await refused(shim.call((task) => task.Start, WEB), "FailedPrecondition");
  await refused(shim.call((task) => task.Delete, WEB), "FailedPrecondition");
  await shim.exit(0);
  await refused(shim.call((task) => task.Kill, { id: "web", signal: 9 }), "NotFound");
});

Deno.test("Task service knows none of its methods for a task that is not there", async () => {
  await using shim = await Shim.start();
  const none = { id: "none" };
  const calls = [
    ...[shim.call((t) => t.State, none), shim.call((t) => t.Start, none)],
    ...[shim.call((t) => t.Exec, { ...none, execId: "e" }), shim.call((t) => t.Wait, none)],
    ...[shim.call((t) => t.Kill, none), shim.call((t) => t.Delete, none)],
    ...[shim.call((t) => t.Pause, none), shim.call((t) => t.Resume, none)],
    ...[shim.call((t) => t.Update, none), shim.call((t) => t.Pids, none)],
    ...[shim.call((t) => t.ResizePty, none), shim.call((t) => t.CloseIO, none)],
    ...[shim.call((t) => t.Stats, none)],
  ];
  for (const call of calls) await assert.rejects(call, { kind: "NotFound" });
});

Deno.test("Task service answers Pids, Stats and Connect", async () => {
  await using shim = await Shim.start();
  const { cgroupFolder } = shim.life.container;
  Deno.writeTextFileSync(`${cgroupFolder}/cgroup.procs`, "7\n8\n");
  Deno.writeTextFileSync(`${cgroupFolder}/pids.current`, "2\n");
  const { processes } = await shim.call((task) => task.Pids, WEB);
  assert.deepEqual(processes.map(({ pid, info }) => [pid, info]), [[7, undefined], [8, undefined]]);
  const { stats } = await shim.call((task) => task.Stats, WEB);
  assert.equal(stats?.typeUrl, "io.containerd.cgroups.v2.Metrics");
  assert.equal(cgroupsV2.Metrics.decode(stats.value).pids?.current, 2n);
  const early = await shim.call((task) => task.Connect, { id: "none" });
  assert.deepEqual({ ...early }, { shimPid: Deno.pid, taskPid: 0, version: "v2" });
  const connected = await shim.call((task) => task.Connect, WEB);
  assert.deepEqual({ ...connected }, { shimPid: Deno.pid, taskPid: 7, version: "v2" });
});

Deno.test("Task service hands Shutdown on", async () => {
  await using shim = await Shim.start();
  await shim.call((task) => task.Shutdown, WEB);
  assert.equal(shim.shutDowns, 1);
});

Deno.test("Task service answers Unimplemented to Checkpoint", async () => {
  await using shim = await Shim.running();
  await assert.rejects(shim.call((task) => task.Checkpoint, WEB), {
    kind: "Unimplemented",
    message: "checkpoint task web: not supported",
  });
});

Deno.test("Task service of version 3 is the same", async () => {
  await using shim = await Shim.start();
  const { status } = await shim.call((task) => task.State, WEB, TaskV3.name);
  assert.equal(status, Status.CREATED);
  assert.equal(TaskV3.name, "containerd.task.v3.Task");
});

Deno.test("Task service answers every one who waits, and others meanwhile", async () => {
  await using shim = await Shim.running();
  const waits = Array.from({ length: 20 }, () => shim.call((task) => task.Wait, WEB));
  assert.equal((await shim.call((task) => task.State, WEB)).status, Status.RUNNING);
  await shim.exit(5);
  assert.deepEqual(
    (await Promise.all(waits)).map(({ exitStatus }) => exitStatus),
    Array(20).fill(5),
  );
});
