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
      bundle: task.parts.bundle,
      rootfs,
      io: task.parts.paths,
      checkpoint: "",
      pid: task.pid,
    });
  }

  started(task: Task): void {
    this.publisher.publish(events.TaskStart, { containerId: task.id, pid: task.pid });
  }

  oomKilled(task: Task): void {
    this.publisher.publish(events.TaskOOM, { containerId: task.id });
  }

  exited(task: Task, exit: Exit): void {
    this.publisher.publish(events.TaskExit, {
      containerId: task.id,
      id: task.id,
      pid: task.pid,
      exitStatus: exit.code,
      exitedAt: timestamp(exit),
    });
  }

  deleted(task: Task, exit: Exit): void {
    this.publisher.publish(events.TaskDelete, {
      containerId: task.id,
      id: "",
      pid: task.pid,
      exitStatus: exit.code,
      exitedAt: timestamp(exit),
    });
  }
}

/** google.protobuf.Timestamp of an exit. */
export function timestamp({ at }: Exit): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(at.seconds), nanos: at.nanos };
}
