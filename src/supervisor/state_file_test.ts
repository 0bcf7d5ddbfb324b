import assert from "node:assert/strict";
import { createTaskState, readTaskState, type TaskState, writeTaskState } from "./state_file.ts";

const STATE: TaskState = {
  bundle: "/run/containerd/io.containerd.runtime.v2.task/default/web",
  control: "/run/denowasi/groups/0/control.sock",
  paths: { stdin: "", stdout: "/out", stderr: "", terminal: false },
  rootfs: null,
  cgroup: "/default/web",
  limits: null,
  runtime: { binary: "/usr/bin/crun", root: "/run/crun", systemdCgroup: false },
  init: { pid: 7, startTime: "1234" },
  paused: true,
};

/** A folder, and below it that of a task that is not there yet. */
class Tasks implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "denowasi-tasks-" });
  readonly task = `${this.path}/default/web`;

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test("createTaskState() makes folders and file for root alone", () => {
  using tasks = new Tasks();
  createTaskState(tasks.task, STATE);
  assert.deepEqual(readTaskState(tasks.task), STATE);
  const mode = (path: string) => Deno.statSync(path).mode! & 0o777;
  assert.equal(mode(`${tasks.path}/default`), 0o700);
  assert.equal(mode(tasks.task), 0o700);
  assert.equal(mode(`${tasks.task}/state.json`), 0o600);
  assert.deepEqual([...Deno.readDirSync(tasks.task)].map(({ name }) => name), ["state.json"]);
});

Deno.test("createTaskState() refuses a container that is there, and leaves it", () => {
  using tasks = new Tasks();
  createTaskState(tasks.task, STATE);
  assert.throws(
    () => createTaskState(tasks.task, { ...STATE, bundle: "/" }),
    Deno.errors.AlreadyExists,
  );
  assert.deepEqual(readTaskState(tasks.task), STATE);
});

Deno.test("writeTaskState() replaces the state, never in place", () => {
  using tasks = new Tasks();
  createTaskState(tasks.task, STATE);
  using before = Deno.openSync(`${tasks.task}/state.json`);
  writeTaskState(tasks.task, { ...STATE, rootfs: "/r" });
  assert.equal(readTaskState(tasks.task)?.rootfs, "/r");
  const old = new Uint8Array(4096);
  const size = before.readSync(old)!;
  assert.deepEqual(JSON.parse(new TextDecoder().decode(old.subarray(0, size))), STATE);
});

Deno.test("writeTaskState() is not in the way of what a writer that was killed has left", () => {
  using tasks = new Tasks();
  createTaskState(tasks.task, STATE);
  Deno.writeTextFileSync(`${tasks.task}/state.json.new`, '{"bund');
  assert.deepEqual(readTaskState(tasks.task), STATE);
  writeTaskState(tasks.task, { ...STATE, cgroup: null });
  assert.equal(readTaskState(tasks.task)?.cgroup, null);
});

Deno.test("readTaskState() answers null without a state, or one that was cut short anywhere", () => {
  using tasks = new Tasks();
  assert.equal(readTaskState(tasks.task), null);
  createTaskState(tasks.task, STATE);
  const text = JSON.stringify(STATE);
  for (let size = 0; size < text.length; size++) {
    Deno.writeTextFileSync(`${tasks.task}/state.json`, text.slice(0, size));
    assert.equal(readTaskState(tasks.task), null, `${size} characters`);
  }
});
