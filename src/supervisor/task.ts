/** One container's life: created, running, stopped, deleted. */

import { ShimError } from "../errdefs/mod.ts";
import { type Exit, KILLED, type Monitor, SIGKILL } from "./monitor.ts";
import type { Cgroup } from "../cgroups/mod.ts";
import type { Stdio, StdioPaths } from "../stdio/mod.ts";
import type { RootfsMount } from "./rootfs.ts";

export type Status = "created" | "running" | "stopped";

/** What Create made for a task. */
export interface TaskParts {
  id: string;
  bundle: string;
  /** Init's pid, as the supervisor sees it. */
  pid: number;
  paths: StdioPaths;
  monitor: Monitor;
  stdio: Stdio;
  cgroup: Cgroup;
}

/** Told of every transition, at the moment it is made, so that events keep their order. */
export interface Observer {
  created(task: Task, rootfs: RootfsMount[]): void;
  started(task: Task): void;
  oomKilled(task: Task): void;
  exited(task: Task, exit: Exit): void;
  deleted(task: Task, exit: Exit): void;
}

export class Task {
  #status: Status = "created";
  #deleting = false;
  #exit: Exit | undefined;
  /** Resolves after the exit was observed. */
  readonly exited: Promise<Exit>;

  constructor(readonly parts: TaskParts, readonly observer: Observer) {
    this.exited = this.#watch();
  }

  get id(): string {
    return this.parts.id;
  }

  get pid(): number {
    return this.parts.pid;
  }

  get status(): Status {
    return this.#status;
  }

  /** How it ended; undefined while it has not. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  async #watch(): Promise<Exit> {
    const { monitor, cgroup, stdio } = this.parts;
    const exit = await monitor.exited ?? { code: KILLED, at: now() };
    const wasRunning = this.#status === "running";
    this.#status = "stopped";
    this.#exit = exit;
    stdio.close();
    if (wasRunning) {
      if (cgroup.oomKills() > 0) this.observer.oomKilled(this);
      this.observer.exited(this, exit);
    }
    return exit;
  }

  /**
   * Pids of its processes, as the supervisor sees them. Of one that has ended, init's: a containerd that was away takes a
   * task without any for a leftover, and its exit would be lost.
   */
  processes(): number[] {
    return this.#status === "stopped" ? [this.pid] : this.parts.cgroup.processes();
  }

  /** @throws ShimError FailedPrecondition: it is not created; Unavailable: its monitor was killed. */
  async start(): Promise<void> {
    this.#demand("start", "created");
    // Before anything is awaited: of two that race, the second must find it running.
    this.#status = "running";
    const written = this.parts.monitor.start();
    // Before the event loop turns: the exit is read later, so its event cannot overtake this one.
    this.observer.started(this);
    try {
      await written;
    } catch (cause) {
      throw new ShimError("Unavailable", `start task ${this.id}: its monitor has ended`, { cause });
    }
  }

  /**
   * Signal it.
   * @throws ShimError FailedPrecondition: not started; NotFound: it has ended.
   */
  async kill(signal: number): Promise<void> {
    if (this.#status === "stopped") {
      throw new ShimError("NotFound", `kill task ${this.id}: process already finished`);
    }
    this.#demand("kill", "running");
    await this.parts.monitor.kill(signal);
  }

  /**
   * Begin its deletion: from here on nothing else may be done with it. One that was never started is killed.
   * @throws ShimError FailedPrecondition: it runs; NotFound: it is being deleted.
   */
  async beginDelete(): Promise<Exit> {
    if (this.#deleting) {
      throw new ShimError("NotFound", `delete task ${this.id}: it is being deleted`);
    }
    if (this.#status === "running") this.#demand("delete", "stopped");
    this.#deleting = true;
    if (this.#status === "created") await this.parts.monitor.kill(SIGKILL);
    return await this.exited;
  }

  /** The deletion failed: it may be tried again. */
  abortDelete(): void {
    this.#deleting = false;
  }

  #demand(action: string, status: Status): void {
    if (this.#status === status && !this.#deleting) return;
    const seen = this.#deleting ? "being deleted" : this.#status;
    throw new ShimError("FailedPrecondition", `${action} task ${this.id}: it is ${seen}`);
  }
}

function now(): Exit["at"] {
  const ms = Date.now();
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 };
}
