/** The supervisor: which tasks there are, how they are made and how they go. */

import type { Compilation } from "../engine/compilation.ts";
import { ShimError } from "../errdefs/mod.ts";
import { adoptTasks } from "./adopt.ts";
import { cleanTask, endOrphan } from "./clean.ts";
import { type CreateRequest, execFolder, type Workshop } from "./container.ts";
import { askSupervisor, type ControlHandlers } from "./control.ts";
import { createContainer } from "./create.ts";
import type { LineConnection } from "./lines.ts";
import { type Exit, SIGKILL } from "./monitor.ts";
import { readTaskState, type TaskState, writeTaskState } from "./state_file.ts";
import { type Observer, Task } from "./task.ts";

/** How long after a `start` its Create may come before the group counts as unused. */
const LEASE_MS = 10_000;

export interface SupervisorOptions {
  /** Where it serves tasks: what a `start` prints. */
  address: string;
  /** Whether the container `id` belongs to the group, as its bundle's config.json says. */
  hasMember: (bundle: string, id: string) => boolean;
  workshop: Workshop;
  observer: Observer;
  /** containerd is done with a container of which it has lost the connection, perhaps the last one. */
  released: () => void;
}

export class Supervisor implements ControlHandlers {
  /** By id; null from the beginning of a Create to its end. */
  readonly #tasks = new Map<string, Task | null>();
  /** Ids that a `start` was answered for, until their Create; with the time in ms when that was. */
  readonly #leases = new Map<string, number>();

  /** Until then it is not known which tasks there are. */
  #adopted: Promise<void> = Promise.resolve();

  constructor(readonly options: SupervisorOptions) {}

  /** The task, once it is created. */
  find(id: string): Task | undefined {
    return this.#tasks.get(id) ?? undefined;
  }

  /** @throws ShimError NotFound */
  get(id: string): Task {
    const task = this.find(id);
    if (!task) throw new ShimError("NotFound", `find task ${id}: no such task`);
    return task;
  }

  /** No task, and none to be expected. */
  get unused(): boolean {
    const oldest = Date.now() - LEASE_MS;
    return this.#tasks.size === 0 && ![...this.#leases.values()].some((at) => at > oldest);
  }

  /** Take over what an earlier supervisor of the group has left. Before anything is created. */
  adopt(): Promise<void> {
    return this.#adopted = this.#adopt();
  }

  async #adopt(): Promise<void> {
    for (const task of await adoptTasks(this.options.workshop, this.options.observer)) {
      this.#tasks.set(task.id, task);
      this.#logExit(task);
    }
  }

  /** @throws ShimError AlreadyExists; or what was wrong with the container, of which nothing is left then. */
  async create(request: CreateRequest, signal: AbortSignal): Promise<Task> {
    const { id, paths } = request;
    if (this.#tasks.has(id)) throw new ShimError("AlreadyExists", `create task ${id}: it exists`);
    this.#tasks.set(id, null);
    this.#leases.delete(id);
    const { workshop, observer } = this.options;
    const { log } = workshop;
    try {
      await this.#removeStale(id);
      const made = await createContainer(workshop, request, this.#folder(id), signal);
      const task = new Task(made.container, paths, made.launched, observer);
      this.#tasks.set(id, task);
      observer.created(task, request.rootfs);
      log.info("task created", { id, pid: task.pid });
      this.#logExit(task);
      return task;
    } catch (error) {
      this.#tasks.delete(id);
      log.warn("create failed", { id, error: ShimError.from(error).message });
      throw error;
    }
  }

  #folder(id: string): string {
    return `${this.options.workshop.tasks}/${id}`;
  }

  #logExit({ id, pid, init }: Task): void {
    init.exited.then(({ code }) =>
      this.options.workshop.log.info("task exited", { id, pid, status: code })
    );
  }

  /** Pause it, or resume it, so that a later supervisor knows. */
  async setPaused(task: Task, paused: boolean): Promise<void> {
    await (paused ? task.pause() : task.resume());
    const state = readTaskState(this.#folder(task.id));
    if (state) writeTaskState(this.#folder(task.id), { ...state, paused } satisfies TaskState);
  }

  /** Remove a task that has ended or was never started. @returns how it ended. */
  async delete(task: Task): Promise<Exit> {
    const exit = await task.init.beginDelete();
    try {
      await cleanTask(this.options.workshop, this.#folder(task.id));
    } catch (error) {
      task.init.abortDelete();
      throw ShimError.from(error);
    }
    this.#tasks.delete(task.id);
    this.options.observer.deleted(task, exit);
    this.options.workshop.log.debug("task deleted", { id: task.id });
    return exit;
  }

  /** Remove an exec that has ended or was never started. */
  async deleteExec(task: Task, execId: string): Promise<{ pid: number; exit: Exit }> {
    const ended = await task.deleteExec(execId);
    const folder = execFolder(this.#folder(task.id), execId);
    await Deno.remove(folder, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // it was never started
    });
    return ended;
  }

  zygote(connection: LineConnection, compilation: Compilation): void {
    this.options.workshop.zygotes.connected(connection, compilation);
  }

  monitor(connection: LineConnection, key: string): void {
    this.options.workshop.monitors.connected(connection, key);
  }

  start(id: string, hasZygote: boolean, bundle: string): string {
    const { address, workshop, hasMember } = this.options;
    if (!hasMember(bundle, id)) return "refused";
    this.expect(id);
    const wantsZygote = hasZygote && workshop.zygotes.expect();
    return `address ${address}${wantsZygote ? ` ${workshop.control}` : ""}`;
  }

  /** A `start` was answered for the container `id`: its Create will come. */
  expect(id: string): void {
    this.#leases.set(id, Date.now());
  }

  async deleteTask(id: string): Promise<string> {
    await this.#adopted;
    this.#leases.delete(id);
    const task = this.#tasks.get(id);
    if (!task) {
      // What a Create in progress has made, it removes itself; else it is of a supervisor before this one.
      const ended = task === null ? { pid: 0, exit: null } : await this.#removeOrphan(id);
      return deletedLine(ended.pid, ended.exit);
    }
    if (task.init.status === "running") await task.kill(SIGKILL, true);
    if (task.init.status !== "created") await task.init.exited;
    return deletedLine(task.pid, await this.delete(task));
  }

  released(): void {
    this.options.released();
  }

  /**
   * What a supervisor that was killed has left of a container of the same name.
   * @throws ShimError AlreadyExists: its supervisor lives.
   */
  async #removeStale(id: string): Promise<void> {
    const { workshop } = this.options;
    const state = readTaskState(this.#folder(id));
    if (!state) return;
    if (state.control !== workshop.control && await askSupervisor(state.control, "ping") === "ok") {
      throw new ShimError("AlreadyExists", `create task ${id}: another supervisor has it`);
    }
    workshop.log.warn("removing what is left of an earlier container", { id });
    await this.#removeOrphan(id);
  }

  async #removeOrphan(id: string): Promise<{ pid: number; exit: Exit | null }> {
    const folder = this.#folder(id);
    const ended = await endOrphan(folder);
    await cleanTask(this.options.workshop, folder);
    return ended;
  }
}

function deletedLine(pid: number, exit: Exit | null): string {
  return exit
    ? `deleted ${pid} ${exit.code} ${exit.at.seconds} ${exit.at.nanos}`
    : `deleted ${pid}`;
}
