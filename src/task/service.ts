/**
 * The Task service of containerd's runtime v2: decode, ask the supervisor, encode.
 * https://github.com/containerd/containerd/blob/main/docs/runtime-v2.md
 *
 * The v2 and v3 services differ in name alone.
 */

import { ShimError } from "../errdefs/mod.ts";
import { Status as WireStatus, task as taskV2, TaskV3, ZERO_TIMESTAMP } from "../proto/mod.ts";
import { implement, type Methods, type Service } from "../ttrpc/mod.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { Status, Task } from "../supervisor/task.ts";
import { timestamp } from "./events.ts";
import { encodeStats } from "./stats.ts";

const STATUS: Record<Status, WireStatus> = {
  created: WireStatus.CREATED,
  running: WireStatus.RUNNING,
  stopped: WireStatus.STOPPED,
};

/** The services of `supervisor`. `shutDown` is called when containerd asks and no task is left. */
export function taskServices(supervisor: Supervisor, shutDown: () => void): Service[] {
  const methods = taskMethods(supervisor, shutDown);
  return [implement(taskV2.Task, methods), implement(TaskV3, methods)];
}

function taskMethods(supervisor: Supervisor, shutDown: () => void): Methods<typeof taskV2.Task> {
  return {
    async Create(request, { signal }) {
      const { stdin, stdout, stderr, terminal } = request;
      const task = await supervisor.create({
        id: request.id,
        bundle: request.bundle,
        rootfs: request.rootfs,
        paths: { stdin, stdout, stderr, terminal },
        checkpoint: request.checkpoint,
      }, signal);
      return { pid: task.pid };
    },

    async Start(request) {
      const task = find(supervisor, request);
      await task.start();
      return { pid: task.pid };
    },

    State(request) {
      const task = find(supervisor, request);
      const { bundle, paths } = task.parts;
      return {
        id: task.id,
        bundle,
        pid: task.pid,
        status: STATUS[task.status],
        ...paths,
        exitStatus: task.exit?.code ?? 0,
        exitedAt: task.exit ? timestamp(task.exit) : ZERO_TIMESTAMP,
        execId: request.execId,
      };
    },

    async Wait(request) {
      const exit = await find(supervisor, request).exited;
      return { exitStatus: exit.code, exitedAt: timestamp(exit) };
    },

    async Kill(request) {
      await find(supervisor, request).kill(request.signal);
      return {};
    },

    async Delete(request) {
      const task = find(supervisor, request);
      const exit = await supervisor.delete(task);
      return { pid: task.pid, exitStatus: exit.code, exitedAt: timestamp(exit) };
    },

    Pids(request) {
      const task = find(supervisor, request);
      return { processes: task.processes().map((pid) => ({ pid })) };
    },

    CloseIO(request) {
      const task = find(supervisor, request);
      if (request.stdin) task.parts.stdio.closeStdin();
      return {};
    },

    async Stats(request) {
      return { stats: await encodeStats(find(supervisor, request).parts.cgroup.stats()) };
    },

    Connect(request) {
      return { shimPid: Deno.pid, taskPid: supervisor.get(request.id).pid, version: "v2" };
    },

    Shutdown() {
      shutDown();
      return {};
    },
  };
}

/** The task that a request is about. @throws ShimError NotFound; also for an exec, of which there are none. */
function find(supervisor: Supervisor, request: { id: string; execId?: string }): Task {
  const task = supervisor.get(request.id);
  if (request.execId) {
    throw new ShimError(
      "NotFound",
      `find exec ${request.execId} of task ${request.id}: no such exec`,
    );
  }
  return task;
}
