import assert from "node:assert/strict";
import { ShimError } from "../errdefs/mod.ts";
import {
  type Init,
  type MethodType,
  Status,
  task as taskV2,
  TaskV3,
  ZERO_TIMESTAMP,
} from "../proto/mod.ts";
import * as cgroupsV2 from "../proto/cgroups_v2.ts";
import type { CreateRequest, Workshop } from "../supervisor/create.ts";
import type { Exit } from "../supervisor/monitor.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { Task } from "../supervisor/task.ts";
import { Container, Recorder } from "../supervisor/testing/container.ts";
import { Client } from "../ttrpc/mod.ts";
import { TestServer } from "../ttrpc/testing/sockets.ts";
import { taskServices } from "./service.ts";

/** A supervisor of one task, "web", whose monitor the test plays. */
class TestSupervisor extends Supervisor {
  readonly task: Task;
  readonly requests: CreateRequest[] = [];

  constructor(container: Container, recorder: Recorder) {
    super({ namespace: "default", workshop: {} as Workshop, observer: recorder });
    this.task = new Task(container.parts, recorder);
  }

  override get(id: string): Task {
    return id === "web" ? this.task : super.get(id);
  }

  override create(request: CreateRequest): Promise<Task> {
    this.requests.push(request);
    if (request.id === "web") return Promise.resolve(this.task);
    return Promise.reject(new ShimError("AlreadyExists", `create task ${request.id}: it exists`));
  }

  override async delete(task: Task): Promise<Exit> {
    return await task.beginDelete();
  }
}

/** A server of the Task service, and a client. */
class Shim implements AsyncDisposable {
  readonly supervisor: TestSupervisor;
  readonly recorder = new Recorder();
  shutDowns = 0;
  readonly #server: TestServer;
  #client: Client | undefined;

  private constructor(readonly container: Container) {
    this.supervisor = new TestSupervisor(container, this.recorder);
    this.#server = new TestServer(taskServices(this.supervisor, () => this.shutDowns++));
  }

  static async start(): Promise<Shim> {
    const shim = new Shim(await Container.create("web", 7));
    shim.#client = await Client.connect(shim.#server.path);
    return shim;
  }

  /** Calls a method, of version 2 unless told otherwise. */
  async call<Q extends object, R extends object>(
    pick: (methods: typeof taskV2.Task.methods) => MethodType<Q, R>,
    message: Init<Q>,
    service: string = taskV2.Task.name,
  ): Promise<R> {
    const method = pick(taskV2.Task.methods);
    const names = Object.keys(taskV2.Task.methods) as (keyof typeof taskV2.Task.methods)[];
    const name = names.find((name) => Object.is(taskV2.Task.methods[name], method))!;
    return method.response.decode(
      await this.#client!.call(service, name, method.request.encode(message)),
    );
  }

  async exit(code: number): Promise<void> {
    await this.container.says(`exit ${code} 1700000000 5`);
    await this.supervisor.task.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.close();
    await this.#client?.ended;
    await this.#server[Symbol.asyncDispose]();
    this.container[Symbol.dispose]();
  }
}

const WEB = { id: "web" };
const EXITED_AT = { seconds: 1700000000n, nanos: 5 };

Deno.test("Task service leads a container through its life", async () => {
  await using shim = await Shim.start();
  const state = () => shim.call((task) => task.State, WEB);
  const rootfs = [{ type: "overlay", source: "overlay", target: "", options: ["lowerdir=/a"] }];
  const created = await shim.call((task) => task.Create, {
    id: "web",
    bundle: "/b",
    rootfs,
    stdout: "/out",
  });
  assert.equal(created.pid, 7);
  assert.deepEqual(
    shim.supervisor.requests.map(({ id, bundle, paths, checkpoint, rootfs }) => {
      return { id, bundle, paths, checkpoint, options: rootfs[0].options };
    }),
    [{
      id: "web",
      bundle: "/b",
      paths: { stdin: "", stdout: "/out", stderr: "", terminal: false },
      checkpoint: "",
      options: ["lowerdir=/a"],
    }],
  );
  const first = await state();
  assert.deepEqual([first.status, first.pid, first.bundle, first.exitStatus], [
    Status.CREATED,
    7,
    "/bundles/web",
    0,
  ]);
  assert.deepEqual(first.exitedAt, ZERO_TIMESTAMP);
  assert.equal((await shim.call((task) => task.Start, WEB)).pid, 7);
  assert.equal((await state()).status, Status.RUNNING);
  const wait = shim.call((task) => task.Wait, WEB);
  await shim.call((task) => task.Kill, { id: "web", signal: 15 });
  assert.deepEqual([await shim.container.heard(), await shim.container.heard()], [
    "start",
    "kill 15",
  ]);
  await shim.exit(143);
  assert.deepEqual({ ...await wait }, { exitStatus: 143, exitedAt: EXITED_AT });
  const last = await state();
  assert.deepEqual([last.status, last.exitStatus, last.exitedAt], [Status.STOPPED, 143, EXITED_AT]);
  const deleted = await shim.call((task) => task.Delete, WEB);
  assert.deepEqual({ ...deleted }, { pid: 7, exitStatus: 143, exitedAt: EXITED_AT });
  assert.deepEqual(shim.recorder.events, ["started web", "exited web 143"]);
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
  await shim.call((task) => task.Start, WEB);
  await refused(shim.call((task) => task.Start, WEB), "FailedPrecondition");
  await refused(shim.call((task) => task.Delete, WEB), "FailedPrecondition");
  await shim.exit(0);
  await refused(shim.call((task) => task.Kill, { id: "web", signal: 9 }), "NotFound");
});

Deno.test("Task service knows no execs", async () => {
  await using shim = await Shim.start();
  const exec = { id: "web", execId: "e" };
  const calls = [
    shim.call((task) => task.State, exec),
    shim.call((task) => task.Start, exec),
    shim.call((task) => task.Wait, exec),
    shim.call((task) => task.Kill, { ...exec, signal: 9 }),
    shim.call((task) => task.Delete, exec),
    shim.call((task) => task.CloseIO, { ...exec, stdin: true }),
  ];
  for (const call of calls) {
    await assert.rejects(call, {
      kind: "NotFound",
      message: "find exec e of task web: no such exec",
    });
  }
});

Deno.test("Task service answers Unimplemented to the rest", async () => {
  await using shim = await Shim.start();
  const calls = [
    shim.call((task) => task.Exec, { id: "web", execId: "e" }),
    shim.call((task) => task.Pause, WEB),
    shim.call((task) => task.Resume, WEB),
    shim.call((task) => task.Checkpoint, WEB),
    shim.call((task) => task.ResizePty, WEB),
    shim.call((task) => task.Update, WEB),
  ];
  for (const call of calls) await assert.rejects(call, { kind: "Unimplemented" });
});

Deno.test("Task service answers Pids, Stats and Connect", async () => {
  await using shim = await Shim.start();
  const { cgroup } = shim.container;
  Deno.writeTextFileSync(`${cgroup}/cgroup.procs`, "7\n8\n");
  Deno.writeTextFileSync(`${cgroup}/pids.current`, "2\n");
  const { processes } = await shim.call((task) => task.Pids, WEB);
  assert.deepEqual(processes.map(({ pid }) => pid), [7, 8]);
  const { stats } = await shim.call((task) => task.Stats, WEB);
  assert.equal(stats?.typeUrl, "io.containerd.cgroups.v2.Metrics");
  assert.equal(cgroupsV2.Metrics.decode(stats.value).pids?.current, 2n);
  const connected = await shim.call((task) => task.Connect, WEB);
  assert.deepEqual({ ...connected }, { shimPid: Deno.pid, taskPid: 7, version: "v2" });
});

Deno.test("Task service hands Shutdown on", async () => {
  await using shim = await Shim.start();
  await shim.call((task) => task.Shutdown, WEB);
  assert.equal(shim.shutDowns, 1);
});

Deno.test("Task service of version 3 is the same", async () => {
  await using shim = await Shim.start();
  const { status } = await shim.call((task) => task.State, WEB, TaskV3.name);
  assert.equal(status, Status.CREATED);
  assert.equal(TaskV3.name, "containerd.task.v3.Task");
});

Deno.test("Task service answers every one who waits, and others meanwhile", async () => {
  await using shim = await Shim.start();
  await shim.call((task) => task.Start, WEB);
  const waits = Array.from({ length: 20 }, () => shim.call((task) => task.Wait, WEB));
  assert.equal((await shim.call((task) => task.State, WEB)).status, Status.RUNNING);
  await shim.exit(5);
  assert.deepEqual(
    (await Promise.all(waits)).map(({ exitStatus }) => exitStatus),
    Array(20).fill(5),
  );
});
