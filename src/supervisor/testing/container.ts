/** A container that does nothing but keep what it is asked for. */

import { type Cgroup, Cgroups } from "../../cgroups/mod.ts";
import { ShimError } from "../../errdefs/mod.ts";
import type { Container, ExecRequest, Launch } from "../container.ts";
import type { Process } from "../process.ts";
import { TestProcess } from "./process.ts";

export class TestContainer implements Container, Disposable {
  readonly actions: string[] = [];
  /** What an action does besides being kept. */
  doing: (action: string) => Promise<void> = () => Promise.resolve();
  ownPidNamespace = true;
  readonly bundle: string;
  readonly cgroup: Cgroup;
  /** The folder of its cgroup, a plain one. */
  readonly cgroupFolder: string;
  /** Processes to exec, by id: made when they are not there, the first with the pid 101. */
  readonly execs = new Map<string, TestProcess>();
  readonly #root = Deno.makeTempDirSync({ prefix: "denowasi-cgroup-" });

  constructor(readonly id: string) {
    this.bundle = `/bundles/${id}`;
    this.cgroupFolder = `${this.#root}/${id}`;
    Deno.mkdirSync(this.cgroupFolder);
    const layout = { version: 2, hierarchies: [{ controllers: [], root: this.#root }] } as const;
    this.cgroup = new Cgroups(layout).at(`/${id}`);
  }

  #act(action: string): Promise<void> {
    this.actions.push(action);
    return this.doing(action);
  }

  start(): Promise<void> {
    return this.#act("start");
  }

  /** Refuses a specification that is "refused". */
  prepareExec({ execId, spec }: ExecRequest): Launch {
    if (spec === "refused") throw new ShimError("InvalidArgument", "process.args: refused");
    return async () => {
      await this.#act(`exec ${execId}`);
      const process = this.execs.get(execId) ?? await TestProcess.create(101 + this.execs.size);
      this.execs.set(execId, process);
      return process.launched;
    };
  }

  pause(): Promise<void> {
    return this.#act("pause");
  }

  resume(): Promise<void> {
    return this.#act("resume");
  }

  update(resources: string): Promise<void> {
    return this.#act(`update ${resources}`);
  }

  signalAll(signal: number, known: Process[]): Promise<void> {
    return this.#act(`signal ${signal} ${known.map(({ pid }) => pid)}`);
  }

  [Symbol.dispose](): void {
    for (const process of this.execs.values()) process[Symbol.dispose]();
    Deno.removeSync(this.#root, { recursive: true });
  }
}
