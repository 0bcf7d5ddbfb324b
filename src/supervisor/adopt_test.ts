import assert from "node:assert/strict";
import { adoptTasks } from "./adopt.ts";
import { identify } from "./identity.ts";
import { OciContainer } from "./oci.ts";
import type { TaskState } from "./state_file.ts";
import { Pair, stateOf } from "./testing/pair.ts";
import { AT, ENDED_AT, NOBODY } from "./testing/process.ts";
import { Recorder } from "./testing/task.ts";
import { TestWorkshop } from "./testing/workshop.ts";
import { WasmContainer } from "./wasm.ts";

const CRUN = { binary: "/usr/bin/crun", root: "/run/crun", systemdCgroup: false };
const INIT = { pid: NOBODY, startTime: "1" };

/** What an earlier supervisor has left: "web", which a test's monitor may come for. */
class Left implements AsyncDisposable {
  readonly shop = new TestWorkshop();
  readonly recorder = new Recorder();
  readonly #pairs: Pair[] = [];

  constructor(readonly state: Partial<TaskState> = { runtime: CRUN, init: INIT, cgroup: "/web" }) {
    this.shop.config(["sh"]);
    this.shop.state("web", state);
  }

  adopt(): ReturnType<typeof adoptTasks> {
    return adoptTasks(this.shop.workshop, this.recorder);
  }

  /** A monitor connects, and says that its process is there. */
  async monitor(key: string, pid = NOBODY): Promise<Pair> {
    const pair = await Pair.connect();
    this.#pairs.push(pair);
    this.shop.monitors.connected(pair.near, key);
    await pair.far.write(`ready ${pid}\n`).catch(() => {});
    return pair;
  }

  /** The monitor of "web" has written its end. */
  ended(text = `3 ${AT}\n`, id = "web"): void {
    Deno.writeTextFileSync(`${this.shop.tasks}/${id}/exit`, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.#pairs) pair[Symbol.dispose]();
    await this.shop[Symbol.asyncDispose]();
  }
}

Deno.test("adoptTasks() takes over what runs, when its monitor comes", async () => {
  await using left = new Left();
  const adopting = left.adopt();
  assert.equal(await stateOf(adopting), "pending");
  const monitor = await left.monitor("web");
  const [task, ...others] = await adopting;
  assert.deepEqual(others, []);
  assert.deepEqual([task.id, task.pid, task.status], ["web", NOBODY, "running"]);
  assert.ok(task.container instanceof OciContainer);
  assert.deepEqual([task.container.bundle, task.container.runtime.identity], [
    left.shop.bundle,
    CRUN,
  ]);
  assert.equal(task.container.cgroup.path, "/web");
  assert.deepEqual(left.recorder.events, [], "its start was told by another");
  await task.kill(15, false);
  assert.equal(await monitor.far.read(), "kill 15");
  await monitor.far.write(`exit 143 ${AT}\n`);
  assert.equal((await task.init.exited).code, 143);
  assert.deepEqual(left.recorder.events, [`exited web/web ${NOBODY} 143`]);
});

Deno.test("adoptTasks() takes over a paused one as such", async () => {
  await using left = new Left({ runtime: CRUN, init: INIT, paused: true });
  const adopting = left.adopt();
  await left.monitor("web");
  assert.equal((await adopting)[0].status, "paused");
});

Deno.test("adoptTasks() takes over a container of Wasm", async () => {
  const paths = { stdin: "", stdout: "/out", stderr: "", terminal: false };
  await using left = new Left({ init: INIT, paths });
  left.shop.config(["/app.wasm"], { ociVersion: "1.0.2" });
  const adopting = left.adopt();
  await left.monitor("web");
  const [task] = await adopting;
  assert.ok(task.container instanceof WasmContainer);
  assert.equal(task.container.ownPidNamespace, true);
  assert.deepEqual(task.init.paths, paths);
});

Deno.test("adoptTasks() takes over what has ended since, with its exit", async () => {
  await using left = new Left();
  left.ended();
  const [task] = await left.adopt();
  assert.deepEqual(await task.init.exited, { code: 3, at: ENDED_AT });
  assert.deepEqual([task.status, task.processes()], ["stopped", [NOBODY]]);
  assert.deepEqual(left.recorder.events, [`exited web/web ${NOBODY} 3`]);
});

Deno.test("adoptTasks() sees an end that comes while it waits", async () => {
  await using left = new Left();
  const adopting = left.adopt();
  assert.equal(await stateOf(adopting), "pending");
  left.ended("3 17");
  assert.equal(await stateOf(adopting), "pending", "that is no exit");
  left.ended();
  const [task] = await adopting;
  assert.equal((await task.init.exited).code, 3);
});

Deno.test("adoptTasks() spares what has the pid of one that has ended", async () => {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  await using left = new Left({ runtime: CRUN, init: identify(child.pid) });
  left.ended();
  const [task] = await left.adopt();
  await task.init.exited;
  assert.equal(await stateOf(child.status), "pending");
  child.kill("SIGTERM");
  await child.status;
});

Deno.test("adoptTasks() leaves what neither runs nor has told its end", async () => {
  await using left = new Left();
  const { now } = Date;
  let asked = 0;
  Date.now = () => now() + 500 * asked++;
  try {
    assert.deepEqual(await left.adopt(), []);
  } finally {
    Date.now = now;
  }
  assert.ok(asked > 2 && asked < 6, `${asked}`);
  const late = await left.monitor("web");
  assert.equal(await late.far.read(), "kill 9");
});

Deno.test("adoptTasks() leaves at once what is another's, was not set up, or is not known", async () => {
  await using other = new Left({ control: "/other.sock", runtime: CRUN, init: INIT });
  await using early = new Left({ init: null });
  await using cut = new Left();
  Deno.writeTextFileSync(`${cut.shop.tasks}/web/state.json`, '{"bundle":');
  await using none = new Left();
  Deno.removeSync(none.shop.tasks, { recursive: true });
  for (const left of [other, early, cut, none]) {
    const adopting = left.adopt();
    assert.equal(await stateOf(adopting), "settled");
    assert.deepEqual(await adopting, []);
    assert.deepEqual(left.shop.logged, []);
  }
});

Deno.test("adoptTasks() sends the monitors of execs away, which ends them", async () => {
  await using left = new Left();
  const adopting = left.adopt();
  const exec = await left.monitor("web/sh", NOBODY + 1);
  assert.equal(await exec.far.read(), "kill 9");
  assert.equal(await exec.far.read(), null);
  await left.monitor("web");
  const [task] = await adopting;
  assert.equal(task.execs.size, 0);
});

Deno.test("adoptTasks() takes over the others when one's bundle is broken", async () => {
  await using left = new Left();
  left.shop.state("broken", { bundle: "/none", runtime: CRUN, init: INIT });
  left.shop.state("ended", { runtime: CRUN, init: INIT });
  left.ended(`0 ${AT}\n`, "broken");
  left.ended(`0 ${AT}\n`, "ended");
  const adopting = left.adopt();
  await left.monitor("web");
  assert.deepEqual((await adopting).map(({ id }) => id).sort(), ["ended", "web"]);
  assert.ok(left.shop.logged.includes("task not adopted"), `${left.shop.logged}`);
});
