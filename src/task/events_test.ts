import assert from "node:assert/strict";
import type { Publisher } from "../containerd/events.ts";
import { Task } from "../supervisor/task.ts";
import { Container, NO_STDIO } from "../supervisor/testing/container.ts";
import { TaskEvents, timestamp } from "./events.ts";

const EXIT = { code: 3, at: { seconds: 1700000000, nanos: 5 } };
const EXITED_AT = { seconds: 1700000000n, nanos: 5 };

Deno.test("timestamp() is the exit's time", () => {
  assert.deepEqual(timestamp(EXIT), EXITED_AT);
});

Deno.test("TaskEvents publishes containerd's events", async () => {
  using container = await Container.create("web", 7);
  const published: unknown[][] = [];
  const publisher = {
    publish: (type: { name: string }, message: unknown) => published.push([type.name, message]),
  };
  const observer = new TaskEvents(publisher as unknown as Publisher);
  const task = new Task(container.parts, observer);
  const rootfs = [{ type: "bind", source: "/r", options: ["ro"] }];
  observer.created(task, rootfs);
  await task.start();
  await container.says("exit 3 1700000000 5");
  await task.exited;
  observer.deleted(task, EXIT);
  observer.oomKilled(task);
  assert.deepEqual(published, [
    ["containerd.events.TaskCreate", {
      containerId: "web",
      bundle: "/bundles/web",
      rootfs,
      io: NO_STDIO,
      checkpoint: "",
      pid: 7,
    }],
    ["containerd.events.TaskStart", { containerId: "web", pid: 7 }],
    ["containerd.events.TaskExit", {
      containerId: "web",
      id: "web",
      pid: 7,
      exitStatus: 3,
      exitedAt: EXITED_AT,
    }],
    ["containerd.events.TaskDelete", {
      containerId: "web",
      id: "",
      pid: 7,
      exitStatus: 3,
      exitedAt: EXITED_AT,
    }],
    ["containerd.events.TaskOOM", { containerId: "web" }],
  ]);
});
