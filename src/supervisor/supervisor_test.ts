import assert from "node:assert/strict";
import type { CreateRequest } from "./container.ts";
import { identify } from "./identity.ts";
import { readTaskState } from "./state_file.ts";
import { Supervisor, type SupervisorOptions } from "./supervisor.ts";
import type { Task } from "./task.ts";
import { Pair, stateOf } from "./testing/pair.ts";
import { AT, NO_STDIO, NOBODY } from "./testing/process.ts";
import { Recorder } from "./testing/task.ts";
import { exists, TestWorkshop } from "./testing/workshop.ts";

const CRUN = { binary: "crun", root: "/run/crun", systemdCgroup: false };

/** A supervisor of containers whose runtime is a script; the test plays their monitors. */
class Subject implements AsyncDisposable {
  readonly shop = new TestWorkshop();
  readonly recorder = new Recorder();
  readonly caller = new AbortController();
  readonly supervisor: Supervisor;
  readonly #pairs: Pair[] = [];

  constructor(options: Partial<SupervisorOptions> = {}) {
    const { shop, recorder: observer } = this;
    shop.config(["sh"]);
    shop.script("bin/crun", 'echo "$*" >> called');
    const { workshop } = shop;
    const address = "unix:///task.sock";
    const hasMember = () => true;
    const released = () => {};
    this.supervisor = new Supervisor({
      ...{ address, hasMember, workshop, observer, released },
      ...options,
    });
  }

  folder(id = "web"): string {
    return `${this.shop.tasks}/${id}`;
  }

  create(change: Partial<CreateRequest> = {}): Promise<Task> {
    const { bundle } = this.shop;
    const request = { id: "web", bundle, rootfs: [], paths: NO_STDIO, checkpoint: "" };
    return this.supervisor.create({ ...request, ...change }, this.caller.signal);
  }

  /** The monitor that a create waits for connects, and says `lines`. */
  async monitor(...lines: string[]): Promise<Pair> {
    await this.shop.lines("args");
    const pair = await Pair.connect();
    this.#pairs.push(pair);
    this.supervisor.monitor(pair.near, "web");
    await pair.far.write(lines.map((line) => `${line}\n`).join(""));
    return pair;
  }

  /** The task "web", which was created or runs. */
  async made(started = true): Promise<{ task: Task; monitor: Pair }> {
    const creating = this.create();
    const monitor = await this.monitor(`ready ${NOBODY}`);
    const task = await creating;
    await this.shop.endLauncher();
    assert.match(await monitor.far.read() ?? "", /^watch-memory .*\/cgroups\/web$/);
    if (started) {
      await task.start(this.caller.signal);
      assert.equal(await monitor.far.read(), "start");
    }
    return { task, monitor };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.#pairs) pair[Symbol.dispose]();
    await this.shop[Symbol.asyncDispose]();
  }
}

Deno.test("Supervisor leads a container from its creation to its deletion", async () => {
  await using subject = new Subject();
  const { supervisor, recorder } = subject;
  const { task, monitor } = await subject.made();
  assert.equal(supervisor.get("web"), task);
  const { init, control, paused } = readTaskState(subject.folder())!;
  assert.deepEqual([init, control, paused], [
    identify(NOBODY),
    subject.shop.workshop.control,
    false,
  ]);
  await monitor.far.write(`exit 3 ${AT}\n`);
  await task.init.exited;
  assert.equal((await supervisor.delete(task)).code, 3);
  assert.throws(() => supervisor.get("web"), {
    kind: "NotFound",
    message: "find task web: no such task",
  });
  assert.equal(exists(subject.folder()), false);
  assert.deepEqual(recorder.events, [
    ...["created web 0", "started web", `exited web/web ${NOBODY} 3`, "deleted web 3"],
  ]);
});

Deno.test("Supervisor.create() of an id that is there, or in the making, is refused", async () => {
  await using subject = new Subject();
  const creating = subject.create();
  const refusal = { kind: "AlreadyExists", message: "create task web: it exists" };
  await assert.rejects(subject.create(), refusal);
  assert.throws(() => subject.supervisor.get("web"), { kind: "NotFound" });
  await subject.monitor(`ready ${NOBODY}`);
  await creating;
  await assert.rejects(subject.create(), refusal);
});

Deno.test("Supervisor.create() that fails leaves nothing, and may be tried again", async () => {
  await using subject = new Subject();
  const mount = { type: "bind", source: "/r", options: [] };
  const creating = subject.create({ rootfs: [mount] });
  creating.catch(() => {});
  await subject.monitor("refused 1", "exit 1 1 2");
  await assert.rejects(creating, { message: "oci runtime create: exit status 1" });
  await subject.shop.endLauncher();
  assert.equal(exists(subject.folder()), false);
  assert.deepEqual(subject.shop.unmounted, [`${subject.shop.bundle}/rootfs`]);
  assert.match((await subject.shop.lines("called")).join(), /delete --force web/);
  assert.deepEqual(subject.recorder.events, []);
  await subject.made();
});

Deno.test("Supervisor.create() refuses what it cannot do, and leaves nothing", async () => {
  await using subject = new Subject();
  await assert.rejects(subject.create({ checkpoint: "/c" }), {
    kind: "Unimplemented",
    message: "checkpoint: /c: restoring is not supported",
  });
  await assert.rejects(subject.create({ bundle: "/none" }));
  subject.shop.config(["/app.wasm"]);
  await assert.rejects(subject.create(), {
    kind: "NotFound",
    // No containerd is there to be asked for an image.
    message: /^find process\.args\[0\] in the rootfs: \/app\.wasm: no such file; containers\.v1/,
  });
  assert.deepEqual([...Deno.readDirSync(subject.shop.tasks)], []);
});

Deno.test("Supervisor.create() removes what a supervisor that was killed has left", async () => {
  await using subject = new Subject();
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  subject.shop.state("web", {
    control: "/gone.sock",
    rootfs: "/b/rootfs",
    init: identify(child.pid),
  });
  Deno.writeTextFileSync(`${subject.folder()}/exit`, "137 1 2\n");
  await subject.made();
  assert.equal((await child.status).signal, "SIGKILL");
  assert.deepEqual(subject.shop.unmounted, ["/b/rootfs"]);
});

Deno.test("Supervisor.delete() that fails may be tried again", async () => {
  await using subject = new Subject();
  const { task, monitor } = await subject.made();
  await monitor.far.write(`exit 3 ${AT}\n`);
  await task.init.exited;
  const { native } = subject.shop.workshop;
  Deno.writeTextFileSync(
    `${subject.folder()}/state.json`,
    JSON.stringify({ ...readTaskState(subject.folder()), rootfs: "/b/rootfs" }),
  );
  const { dw_unmount_all } = native;
  Object.assign(native, { dw_unmount_all: () => -16 });
  await assert.rejects(subject.supervisor.delete(task), {
    kind: "FailedPrecondition",
    message: "unmount /b/rootfs: EBUSY: device or resource busy",
  });
  assert.equal(subject.supervisor.get("web"), task);
  Object.assign(native, { dw_unmount_all });
  assert.equal((await subject.supervisor.delete(task)).code, 3);
});

Deno.test("Supervisor.setPaused() is kept for a later supervisor", async () => {
  await using subject = new Subject();
  const { task } = await subject.made();
  const paused = () => readTaskState(subject.folder())?.paused;
  await subject.supervisor.setPaused(task, true);
  assert.deepEqual([task.status, paused()], ["paused", true]);
  await assert.rejects(subject.supervisor.setPaused(task, true), { kind: "FailedPrecondition" });
  await subject.supervisor.setPaused(task, false);
  assert.deepEqual([task.status, paused()], ["running", false]);
});

Deno.test("Supervisor.deleteTask() ends what runs, and tells how", async () => {
  await using subject = new Subject();
  const { monitor } = await subject.made();
  const deleting = subject.supervisor.deleteTask("web");
  assert.equal(await monitor.far.read(), "kill 9");
  assert.equal(await stateOf(deleting), "pending");
  await monitor.far.write("exit 137 17 5\n");
  assert.equal(await deleting, `deleted ${NOBODY} 137 17 5`);
  assert.equal(exists(subject.folder()), false);
  assert.equal(await subject.supervisor.deleteTask("web"), "deleted 0");
});

Deno.test("Supervisor.deleteTask() ends what was not started", async () => {
  await using subject = new Subject();
  const { monitor } = await subject.made(false);
  const deleting = subject.supervisor.deleteTask("web");
  assert.equal(await monitor.far.read(), "kill 9");
  await monitor.far.write("exit 137 17 5\n");
  assert.equal(await deleting, `deleted ${NOBODY} 137 17 5`);
  assert.deepEqual(subject.recorder.events, ["created web 0", "deleted web 137"]);
});

Deno.test("Supervisor.deleteTask() of one in the making leaves that to its Create", async () => {
  await using subject = new Subject();
  const creating = subject.create();
  assert.equal(await subject.supervisor.deleteTask("web"), "deleted 0");
  assert.equal(exists(subject.folder()), true);
  await subject.monitor(`ready ${NOBODY}`);
  await creating;
});

Deno.test("Supervisor.deleteTask() cleans up after an earlier supervisor", async () => {
  await using subject = new Subject();
  subject.shop.state("old", { init: { pid: Deno.pid, startTime: "1" } });
  Deno.writeTextFileSync(`${subject.folder("old")}/exit`, "5 1 2\n");
  assert.equal(await subject.supervisor.deleteTask("old"), `deleted ${Deno.pid} 5 1 2`);
  assert.equal(exists(subject.folder("old")), false);
});

Deno.test("Supervisor.deleteTask() waits until it is known what was taken over", async () => {
  await using subject = new Subject();
  const { supervisor, shop, recorder } = subject;
  shop.state("old", { init: { pid: NOBODY, startTime: "1" }, cgroup: "/old", runtime: CRUN });
  Deno.writeTextFileSync(`${subject.folder("old")}/exit`, `5 ${AT}\n`);
  const adopting = supervisor.adopt();
  assert.equal(await supervisor.deleteTask("old"), `deleted ${NOBODY} 5 ${AT}`);
  await adopting;
  assert.equal(supervisor.unused, true);
  assert.deepEqual(recorder.events.at(-1), "deleted old 5");
});

Deno.test("Supervisor.start() is expected to be followed by a Create", async () => {
  await using subject = new Subject();
  const { supervisor } = subject;
  const { now } = Date;
  assert.equal(supervisor.unused, true);
  assert.equal(supervisor.start("web", false, "/b"), "address unix:///task.sock");
  assert.equal(supervisor.unused, false);
  Date.now = () => now() + 10_001;
  try {
    assert.equal(supervisor.unused, true);
  } finally {
    Date.now = now;
  }
  await supervisor.deleteTask("web");
  assert.equal(supervisor.unused, true);
});

Deno.test("Supervisor.start() answers with a control socket when a zygote is needed", async () => {
  await using subject = new Subject();
  const { supervisor, shop: { workshop } } = subject;
  const [address, more] = ["address unix:///task.sock", workshop.control];
  assert.equal(supervisor.start("web", true, "/b"), `${address} ${more}`);
  assert.equal(supervisor.start("web", false, "/b"), address);
  Object.assign(workshop.zygotes, { expect: () => false });
  assert.equal(supervisor.start("web", true, "/b"), address);
});

Deno.test("Supervisor.start() refuses what is not of the group, and expects nothing", async () => {
  const asked: string[] = [];
  const hasMember = (bundle: string, id: string) => asked.push(`${bundle} ${id}`) < 0;
  await using subject = new Subject({ hasMember });
  assert.equal(subject.supervisor.start("web", true, "/b"), "refused");
  assert.deepEqual([asked, subject.supervisor.unused], [["/b web"], true]);
});
