/** A task of which everything is real but its processes: the test plays the monitor. */

import { Cgroups } from "../../cgroups/mod.ts";
import { Stdio } from "../../stdio/mod.ts";
import { type Exit, Monitor } from "../monitor.ts";
import type { Observer, Task, TaskParts } from "../task.ts";
import { Pair } from "./pair.ts";

export const NO_STDIO = { stdin: "", stdout: "", stderr: "", terminal: false };

/** Keeps what it is told of, as text. */
export class Recorder implements Observer {
  readonly events: string[] = [];

  created(task: Task): void {
    this.events.push(`created ${task.id}`);
  }

  started(task: Task): void {
    this.events.push(`started ${task.id}`);
  }

  oomKilled(task: Task): void {
    this.events.push(`oom ${task.id}`);
  }

  exited(task: Task, exit: Exit): void {
    this.events.push(`exited ${task.id} ${exit.code}`);
  }

  deleted(task: Task, exit: Exit): void {
    this.events.push(`deleted ${task.id} ${exit.code}`);
  }
}

/** The parts of one task, and its monitor's side of the connection. */
export class Container implements Disposable {
  /** The folder of its cgroup, a plain one. */
  readonly cgroup: string;
  readonly parts: TaskParts;
  readonly #root = Deno.makeTempDirSync({ prefix: "denowasi-cgroup-" });

  private constructor(readonly pair: Pair, id: string, pid: number) {
    this.cgroup = `${this.#root}/${id}`;
    Deno.mkdirSync(this.cgroup);
    const layout = { version: 2, hierarchies: [{ controllers: [], root: this.#root }] } as const;
    this.parts = {
      id,
      pid,
      bundle: `/bundles/${id}`,
      paths: NO_STDIO,
      monitor: new Monitor(pair.near),
      stdio: new Stdio(NO_STDIO),
      cgroup: new Cgroups(layout).at(`/${id}`),
    };
  }

  static async create(id = "web", pid = 4242): Promise<Container> {
    return new Container(await Pair.connect(), id, pid);
  }

  /** The line that the monitor is sent next. */
  heard(): Promise<string | null> {
    return this.pair.far.read();
  }

  /** The monitor says a line. */
  async says(line: string): Promise<void> {
    await this.pair.far.write(`${line}\n`);
  }

  /** The monitor ends. */
  hangUp(): void {
    this.pair.far[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.pair[Symbol.dispose]();
    Deno.removeSync(this.#root, { recursive: true });
  }
}
