import assert from "node:assert/strict";
import type { Publisher } from "../containerd/events.ts";
import { Task } from "../supervisor/task.ts";
import { TestContainer } from "../supervisor/testing/container.ts";
import { AT, NO_STDIO, TestProcess } from "../supervisor/testing/process.ts";
import { TaskEvents, timestamp } from "./events.ts";

const EXIT = { code: 3, at: { seconds: 1700000000, nanos: 5 } };
const EXITED_AT = { seconds: 1700000000n, nanos: 5 };

const never = () => new AbortController().signal;

/** Keeps what is published: the message's name, and the message. */
function publisher() {
  const published: [name: string, message: unknown][] = [];
  const publish = (type: { name: string }, message: unknown) => {
    published.push([type.name.replace("containerd.events.", ""), message]);
  };
  return { published, observer: new TaskEvents({ publish } as unknown as Publisher) };
}

Deno.test("timestamp() is the exit's time", () => {
  assert.deepEqual(timestamp(EXIT), EXITED_AT);
});

Deno.test("TaskEvents publishes containerd's events of a container", async () => {
  using container = new TestContainer("web");
  using init = await TestProcess.create(7);
  const { published, observer } = publisher();
  const paths = { ...NO_STDIO, stdout: "/out" };
  const task = new Task(container, paths, init.launched, observer);
  const rootfs = [{ type: "bind", source: "/r", options: ["ro"] }];
  observer.created(task, rootfs);
  await task.start(never());
  await init.says("oom");
  await task.pause();
  await task.resume();
  await init.says(`exit 3 ${AT}`);
  await task.init.exited;
  observer.deleted(task, EXIT);
  const oom = published.findIndex(([name]) => name === "TaskOOM");
  assert.deepEqual(published.splice(oom, 1), [["TaskOOM", { containerId: "web" }]]);
  const exited = { containerId: "web", pid: 7, exitStatus: 3, exitedAt: EXITED_AT };
  assert.deepEqual(published, [
    ["TaskCreate", {
      containerId: "web",
      bundle: "/bundles/web",
      rootfs,
      io: paths,
      checkpoint: "",
      pid: 7,
    }],
    ["TaskStart", { containerId: "web", pid: 7 }],
    ["TaskPaused", { containerId: "web" }],
    ["TaskResumed", { containerId: "web" }],
    ["TaskExit", { ...exited, id: "web" }],
    ["TaskDelete", { ...exited, id: "" }],
  ]);
});

Deno.test("TaskEvents publishes containerd's events of an exec", async () => {
  using container = new TestContainer("web");
  using init = await TestProcess.create(7);
  const { published, observer } = publisher();
  const task = new Task(container, NO_STDIO, init.launched, observer);
  await task.start(never());
  task.addExec({ execId: "sh", paths: NO_STDIO, spec: "" });
  await task.startExec("sh", never());
  await container.execs.get("sh")!.says(`exit 3 ${AT}`);
  await task.process("sh").exited;
  assert.deepEqual(published.slice(1), [
    ["TaskExecAdded", { containerId: "web", execId: "sh" }],
    ["TaskExecStarted", { containerId: "web", execId: "sh", pid: 101 }],
    ["TaskExit", {
      containerId: "web",
      id: "sh",
      pid: 101,
      exitStatus: 3,
      exitedAt: EXITED_AT,
    }],
  ]);
});
