/** Publishes what happens to tasks: the topics and messages of containerd's events. */

import type { Publisher } from "../containerd/events.ts";
import { events } from "../proto/mod.ts";
import type { Exit } from "../supervisor/monitor.ts";
import type { RootfsMount } from "../supervisor/rootfs.ts";
import type { Observer, Task } from "../supervisor/task.ts";

export class TaskEvents implements Observer {
  constructor(readonly publisher: Publisher) {}

  created(task: Task, rootfs: RootfsMount[]): void {
    this.publisher.publish(events.TaskCreate, {
      containerId: task.id,
      bundle: task.container.bundle,
      rootfs,
      io: task.init.paths,
      checkpoint: "",
      pid: task.pid,
    });
  }

  started({ id, pid }: Task): void {
    this.publisher.publish(events.TaskStart, { containerId: id, pid });
  }

  execAdded({ id }: Task, execId: string): void {
    this.publisher.publish(events.TaskExecAdded, { containerId: id, execId });
  }

  execStarted({ id }: Task, execId: string, pid: number): void {
    this.publisher.publish(events.TaskExecStarted, { containerId: id, execId, pid });
  }

  paused({ id }: Task): void {
    this.publisher.publish(events.TaskPaused, { containerId: id });
  }

  resumed({ id }: Task): void {
    this.publisher.publish(events.TaskResumed, { containerId: id });
  }

  outOfMemory({ id }: Task): void {
    this.publisher.publish(events.TaskOOM, { containerId: id });
  }

  exited(task: Task, id: string, pid: number, exit: Exit): void {
    this.publisher.publish(events.TaskExit, {
      containerId: task.id,
      id,
      pid,
      exitStatus: exit.code,
      exitedAt: timestamp(exit),
    });
  }

  deleted({ id, pid }: Task, exit: Exit): void {
    this.publisher.publish(events.TaskDelete, {
      containerId: id,
      id: "",
      pid,
      exitStatus: exit.code,
      exitedAt: timestamp(exit),
    });
  }
}

/** google.protobuf.Timestamp of an exit. */
export function timestamp({ at }: Exit): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(at.seconds), nanos: at.nanos };
}
