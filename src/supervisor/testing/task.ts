/** A task whose container and processes are the test's. */

import assert from "node:assert/strict";
import type { StdioPaths } from "../../stdio/mod.ts";
import type { Exit } from "../monitor.ts";
import type { RootfsMount } from "../rootfs.ts";
import { type Observer, Task } from "../task.ts";
import { TestContainer } from "./container.ts";
import { AT, NO_STDIO, TestProcess } from "./process.ts";

/** Keeps what it is told of, as text. */
export class Recorder implements Observer {
  readonly events: string[] = [];

  created({ id }: Task, rootfs: RootfsMount[]): void {
    this.events.push(`created ${id} ${rootfs.length}`);
  }

  started({ id }: Task): void {
    this.events.push(`started ${id}`);
  }

  execAdded({ id }: Task, execId: string): void {
    this.events.push(`exec added ${id}/${execId}`);
  }

  execStarted({ id }: Task, execId: string, pid: number): void {
    this.events.push(`exec started ${id}/${execId} ${pid}`);
  }

  paused({ id }: Task): void {
    this.events.push(`paused ${id}`);
  }

  resumed({ id }: Task): void {
    this.events.push(`resumed ${id}`);
  }

  outOfMemory({ id }: Task): void {
    this.events.push(`oom ${id}`);
  }

  exited(task: Task, id: string, pid: number, { code }: Exit): void {
    this.events.push(`exited ${task.id}/${id} ${pid} ${code}`);
  }

  deleted({ id }: Task, { code }: Exit): void {
    this.events.push(`deleted ${id} ${code}`);
  }
}

/** The task "web", its init's monitor, and what was observed. */
export class Life implements Disposable {
  readonly recorder = new Recorder();
  readonly task: Task;

  private constructor(
    readonly container: TestContainer,
    readonly init: TestProcess,
    paths: StdioPaths,
  ) {
    this.task = new Task(container, paths, init.launched, this.recorder);
  }

  static async create(paths: Partial<StdioPaths> = {}): Promise<Life> {
    const init = await TestProcess.create(7);
    return new Life(new TestContainer("web"), init, { ...NO_STDIO, ...paths });
  }

  static async running(): Promise<Life> {
    const life = await Life.create();
    await life.start();
    return life;
  }

  get events(): string[] {
    return this.recorder.events;
  }

  async start(): Promise<void> {
    await this.task.start(new AbortController().signal);
    assert.equal(await this.init.heard(), "start");
  }

  /** Init ends. */
  async exit(code: number): Promise<void> {
    await this.init.says(`exit ${code} ${AT}`);
    assert.equal((await this.task.init.exited).code, code);
  }

  addExec(execId: string, spec = ""): void {
    this.task.addExec({ execId, paths: NO_STDIO, spec });
  }

  startExec(execId: string): Promise<number> {
    return this.task.startExec(execId, new AbortController().signal);
  }

  /** Add and start one. @returns its monitor's side */
  async exec(execId: string): Promise<TestProcess> {
    this.addExec(execId);
    await this.startExec(execId);
    const process = this.container.execs.get(execId)!;
    assert.equal(await process.heard(), "start");
    return process;
  }

  [Symbol.dispose](): void {
    this.init[Symbol.dispose]();
    this.container[Symbol.dispose]();
  }
}
