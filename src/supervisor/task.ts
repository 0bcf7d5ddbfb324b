/** One container with its processes: its init, and those that were exec'd into it. */

import { ShimError } from "../errdefs/mod.ts";
import { parseResourcesText } from "../oci/mod.ts";
import type { Container, ExecRequest, Launch } from "./container.ts";
import { killProcess } from "./identity.ts";
import { type Exit, SIGKILL } from "./monitor.ts";
import { type Launched, Process, type ProcessStatus } from "./process.ts";
import type { RootfsMount } from "./rootfs.ts";
import type { StdioPaths } from "../stdio/mod.ts";

export type Status = ProcessStatus | "paused";

/** How long init's end waits for those of its execs, which it has caused. */
const EXECS_TIMEOUT_MS = 2000;

/** As containerd's identifiers: https://pkg.go.dev/github.com/containerd/containerd/v2/pkg/identifiers */
const IDENTIFIER = /^(?=.{1,76}$)[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;

/** Told of every transition, at the moment it is made, so that events keep their order. */
export interface Observer {
  created(task: Task, rootfs: RootfsMount[]): void;
  started(task: Task): void;
  execAdded(task: Task, execId: string): void;
  execStarted(task: Task, execId: string, pid: number): void;
  paused(task: Task): void;
  resumed(task: Task): void;
  outOfMemory(task: Task): void;
  /** @param id of the exec, or the container's for its init */
  exited(task: Task, id: string, pid: number, exit: Exit): void;
  deleted(task: Task, exit: Exit): void;
}

interface Exec {
  process: Process;
  launch: Launch;
}

export class Task {
  readonly init: Process;
  readonly #execs = new Map<string, Exec>();
  #paused = false;

  constructor(
    readonly container: Container,
    paths: StdioPaths,
    launched: Launched,
    readonly observer: Observer,
  ) {
    this.init = new Process(`task ${container.id}`, paths, (exit) => this.#initEnding(exit));
    launched.monitor.onOutOfMemory = () => {
      if (this.status !== "created") observer.outOfMemory(this);
    };
    this.init.attach(launched);
  }

  get id(): string {
    return this.container.id;
  }

  get pid(): number {
    return this.init.pid;
  }

  get status(): Status {
    return this.statusOf(this.init);
  }

  /** The execs' processes, by id. */
  get execs(): ReadonlyMap<string, Process> {
    return new Map([...this.#execs].map(([id, { process }]) => [id, process]));
  }

  /** The process of `execId`, or init when that is empty. @throws ShimError NotFound */
  process(execId: string): Process {
    return execId === "" ? this.init : this.#exec(execId).process;
  }

  #exec(execId: string): Exec {
    const exec = this.#execs.get(execId);
    if (exec) return exec;
    throw new ShimError("NotFound", `find exec ${execId} of task ${this.id}: no such exec`);
  }

  /** It is known to run, or to have run, perhaps paused: an earlier supervisor has started it. */
  adopt({ paused }: { paused: boolean }): void {
    this.init.adopt();
    this.#paused = paused;
  }

  /** One of its processes' status: what runs is paused with the container. */
  statusOf(process: Process): Status {
    return this.#paused && process.status === "running" ? "paused" : process.status;
  }

  async #initEnding(exit: Exit): Promise<void> {
    const { id, container, observer } = this;
    if (!container.ownPidNamespace) await container.cgroup.kill(killProcess).catch(() => {});
    await settled(this.#running().map(({ exited }) => exited), EXECS_TIMEOUT_MS);
    observer.exited(this, id, this.pid, exit);
  }

  #running(): Process[] {
    return [...this.execs.values()].filter(({ status }) => status === "running");
  }

  /**
   * Pids of its processes, as the supervisor sees them. Of one that has ended, init's: a containerd that was away takes a
   * task without any for a leftover, and its exit would be lost.
   */
  processes(): number[] {
    return this.init.status === "stopped" ? [this.pid] : this.container.cgroup.processes();
  }

  /** @throws ShimError FailedPrecondition: it is not created; or what its runtime says */
  async start(signal: AbortSignal): Promise<void> {
    await this.init.start(
      () => this.container.start(signal),
      () => this.observer.started(this),
    );
  }

  /**
   * Add a process, to be started later.
   * @throws ShimError InvalidArgument: its id or specification; AlreadyExists; FailedPrecondition: the container has
   * ended or is paused
   */
  addExec(request: ExecRequest): void {
    const { execId, paths } = request;
    if (!IDENTIFIER.test(execId)) {
      throw new ShimError(
        "InvalidArgument",
        `exec in task ${this.id}: exec_id: ${JSON.stringify(execId)}: not an identifier`,
      );
    }
    this.#demandLiving("exec in");
    if (this.#execs.has(execId)) {
      throw new ShimError(
        "AlreadyExists",
        `exec in task ${this.id}: exec_id: ${execId}: it exists`,
      );
    }
    const launch = this.container.prepareExec(request);
    const process: Process = new Process(
      `exec ${execId} of task ${this.id}`,
      paths,
      (exit) => this.observer.exited(this, execId, process.pid, exit),
    );
    this.#execs.set(execId, { process, launch });
    this.observer.execAdded(this, execId);
  }

  /** @throws ShimError as addExec; NotFound */
  async startExec(execId: string, signal: AbortSignal): Promise<number> {
    const { process, launch } = this.#exec(execId);
    this.#demandLiving("start an exec in");
    await process.start(
      () => launch(signal),
      () => this.observer.execStarted(this, execId, process.pid),
    );
    return process.pid;
  }

  /** @throws ShimError NotFound; FailedPrecondition: it runs */
  async deleteExec(execId: string): Promise<{ pid: number; exit: Exit }> {
    const { process } = this.#exec(execId);
    const exit = await process.beginDelete();
    this.#execs.delete(execId);
    return { pid: process.pid, exit };
  }

  /**
   * Signal its init, or with `all` every process.
   * @throws ShimError FailedPrecondition: not started; NotFound: it has ended
   */
  async kill(signal: number, all: boolean): Promise<void> {
    const { container, init } = this;
    // SIGKILL of process 1 is that of all in its namespace, pid_namespaces(7).
    const alone = !all || init.status !== "running" ||
      (signal === SIGKILL && container.ownPidNamespace);
    if (alone) await init.kill(signal);
    else await container.signalAll(signal, [init, ...this.#running()]);
    if (signal === SIGKILL) await this.#thaw();
  }

  /** What is frozen does not die: on version 1 not even by SIGKILL. */
  async #thaw(): Promise<void> {
    if (!this.#paused) return;
    this.#paused = false;
    await this.container.resume();
  }

  /** @throws ShimError FailedPrecondition: it does not run */
  async pause(): Promise<void> {
    this.#demandStatus("pause", "running");
    await this.container.pause();
    this.#paused = true;
    this.observer.paused(this);
  }

  /** @throws ShimError FailedPrecondition: it is not paused */
  async resume(): Promise<void> {
    this.#demandStatus("resume", "paused");
    await this.container.resume();
    this.#paused = false;
    this.observer.resumed(this);
  }

  /**
   * Change its limits.
   * @param resources JSON of OCI LinuxResources
   * @throws ShimError InvalidArgument, naming the field; FailedPrecondition: it has ended
   */
  async update(resources: string): Promise<void> {
    parseResourcesText(resources);
    if (this.status === "stopped") this.#demandStatus("update", "running");
    await this.container.update(resources);
  }

  #demandLiving(action: string): void {
    const { status } = this;
    if (status === "stopped" || status === "paused") this.#refuse(action);
  }

  #demandStatus(action: string, status: Status): void {
    if (this.status !== status) this.#refuse(action);
  }

  #refuse(action: string): never {
    throw new ShimError("FailedPrecondition", `${action} task ${this.id}: it is ${this.status}`);
  }
}

/** When all of `promises` are settled, or `timeoutMs` is over. */
async function settled(promises: Promise<unknown>[], timeoutMs: number): Promise<void> {
  if (promises.length === 0) return;
  let timer;
  const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, timeoutMs));
  await Promise.race([Promise.allSettled(promises), timeout]);
  clearTimeout(timer);
}
