/** The supervisor: which tasks there are, how they are made and how they go. */

import { ShimError } from "../errdefs/mod.ts";
import { askSupervisor, type ControlHandlers } from "./control.ts";
import { cleanTask, endOrphan } from "./clean.ts";
import { type CreateRequest, createWasmTask, type Workshop } from "./create.ts";
import type { LineConnection } from "./lines.ts";
import { type Exit, Monitor, SIGKILL } from "./monitor.ts";
import { taskFolder } from "./places.ts";
import { readTaskState } from "./state_file.ts";
import { type Observer, Task } from "./task.ts";

/** How long after a `start` its Create may come before the group counts as unused. */
const LEASE_MS = 10_000;
/** How long a forked container may take to set itself up. */
const SET_UP_TIMEOUT_MS = 30_000;

export interface SupervisorOptions {
  namespace: string;
  workshop: Workshop;
  observer: Observer;
}

export class Supervisor implements ControlHandlers {
  /** By id; null from the beginning of a Create to its end. */
  readonly #tasks = new Map<string, Task | null>();
  /** Creates that wait for their monitor, by id. */
  readonly #expected = new Map<string, PromiseWithResolvers<LineConnection>>();
  /** Ids that a `start` was answered for, until their Create; with the time in ms when that was. */
  readonly #leases = new Map<string, number>();

  constructor(readonly options: SupervisorOptions) {}

  /** @throws ShimError NotFound */
  get(id: string): Task {
    const task = this.#tasks.get(id);
    if (!task) throw new ShimError("NotFound", `find task ${id}: no such task`);
    return task;
  }

  /** No task, and none to be expected. */
  get unused(): boolean {
    const oldest = Date.now() - LEASE_MS;
    return this.#tasks.size === 0 && ![...this.#leases.values()].some((at) => at > oldest);
  }

  /** @throws ShimError AlreadyExists; or what was wrong with the container, of which nothing is left then. */
  async create(request: CreateRequest, signal: AbortSignal): Promise<Task> {
    const { id } = request;
    if (this.#tasks.has(id)) throw new ShimError("AlreadyExists", `create task ${id}: it exists`);
    this.#tasks.set(id, null);
    this.#leases.delete(id);
    const { namespace, workshop } = this.options;
    const { log } = workshop;
    const folder = taskFolder(namespace, id);
    try {
      await this.#removeStale(id);
      const parts = await createWasmTask(
        workshop,
        request,
        folder,
        () => this.#expect(id, signal),
      );
      const task = new Task(parts, this.options.observer);
      this.#tasks.set(id, task);
      this.options.observer.created(task, request.rootfs);
      log.info("task created", { id, pid: task.pid });
      task.exited.then(({ code }) => log.info("task exited", { id, pid: task.pid, status: code }));
      return task;
    } catch (error) {
      this.#tasks.delete(id);
      log.warn("create failed", { id, error: ShimError.from(error).message });
      throw error;
    } finally {
      this.#expected.delete(id);
    }
  }

  /** The monitor of `id`, when it connects. */
  async #expect(id: string, signal: AbortSignal): Promise<Monitor> {
    const expected = Promise.withResolvers<LineConnection>();
    this.#expected.set(id, expected);
    const late = () =>
      expected.reject(
        new ShimError("DeadlineExceeded", `create task ${id}: no answer of its monitor`),
      );
    const timer = setTimeout(late, SET_UP_TIMEOUT_MS);
    signal.addEventListener("abort", late);
    try {
      return new Monitor(await expected.promise);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", late);
    }
  }

  /** Remove a task that has ended or was never started. @returns how it ended. */
  async delete(task: Task): Promise<Exit> {
    const exit = await task.beginDelete();
    try {
      await cleanTask(this.options.workshop, taskFolder(this.options.namespace, task.id));
    } catch (error) {
      task.abortDelete();
      throw ShimError.from(error);
    }
    this.#tasks.delete(task.id);
    this.options.observer.deleted(task, exit);
    this.options.workshop.log.debug("task deleted", { id: task.id });
    return exit;
  }

  zygote(connection: LineConnection): void {
    this.options.workshop.zygote.connected(connection);
  }

  monitor(connection: LineConnection, id: string): void {
    const expected = this.#expected.get(id);
    if (expected) expected.resolve(connection);
    else connection[Symbol.dispose](); // its Create has given up: it ends its init
  }

  start(id: string): boolean {
    this.#leases.set(id, Date.now());
    return true;
  }

  async deleteTask(id: string): Promise<string> {
    this.#leases.delete(id);
    const task = this.#tasks.get(id);
    if (!task) {
      // What a Create in progress has made, it removes itself; else it is of a supervisor before this one.
      const ended = task === null ? { pid: 0, exit: null } : await this.#removeOrphan(id);
      return deletedLine(ended.pid, ended.exit);
    }
    if (task.status === "running") await task.kill(SIGKILL);
    await task.exited;
    return deletedLine(task.pid, await this.delete(task));
  }

  /**
   * What a supervisor that was killed has left of a container of the same name.
   * @throws ShimError AlreadyExists: its supervisor lives.
   */
  async #removeStale(id: string): Promise<void> {
    const { namespace, workshop } = this.options;
    const state = readTaskState(taskFolder(namespace, id));
    if (!state) return;
    if (state.control !== workshop.control && await askSupervisor(state.control, "ping") === "ok") {
      throw new ShimError("AlreadyExists", `create task ${id}: another supervisor has it`);
    }
    workshop.log.warn("removing what is left of an earlier container", { id });
    await this.#removeOrphan(id);
  }

  async #removeOrphan(id: string): Promise<{ pid: number; exit: Exit | null }> {
    const folder = taskFolder(this.options.namespace, id);
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
