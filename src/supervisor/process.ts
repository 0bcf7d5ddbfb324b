/** One process of a container, its init or one that was exec'd into it: created, running, stopped, deleted. */

import { ShimError } from "../errdefs/mod.ts";
import type { StdioPaths, Streams } from "../stdio/mod.ts";
import { endProcess, type ProcessIdentity } from "./identity.ts";
import { type Exit, KILLED, type Monitor, SIGKILL, unseenExit } from "./monitor.ts";

export type ProcessStatus = "created" | "running" | "stopped";

/** The exit code of a process that could not be started: containerd's UnknownExitStatus. */
const NOT_STARTED = 255;

/** A terminal's width and height: struct winsize, TIOCSWINSZ(2const). */
const MAX_SIZE = 0xffff;

/** A process that is there. */
export interface Launched extends ProcessIdentity {
  monitor: Monitor;
  streams: Streams;
}

export class Process {
  #status: ProcessStatus = "created";
  #launched: Launched | undefined;
  #starting: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> = Promise.resolve();
  #stdinClosed = false;
  #deleting = false;
  #exit: Exit | undefined;
  readonly #exited = Promise.withResolvers<Exit>();

  /**
   * @param name for messages: "task web"
   * @param ending called when one that was started has ended, before `exited` resolves
   */
  constructor(
    readonly name: string,
    readonly paths: StdioPaths,
    readonly ending: (exit: Exit) => void | Promise<void>,
  ) {}

  /** Its pid as the supervisor sees it, or 0 while there is no process. */
  get pid(): number {
    return this.#launched?.pid ?? 0;
  }

  get status(): ProcessStatus {
    return this.#status;
  }

  /** How it ended; undefined while it has not. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Resolves after `ending`. */
  get exited(): Promise<Exit> {
    return this.#exited.promise;
  }

  /** The process is there: from now on its end is watched. */
  attach(launched: Launched): void {
    this.#launched = launched;
    if (this.#stdinClosed) launched.monitor.closeStdin();
    this.#watch(launched);
  }

  /** What was attached is known to run: an earlier supervisor has started it. */
  adopt(): void {
    this.#status = "running";
  }

  async #watch(launched: Launched): Promise<void> {
    const exit = await launched.monitor.exited ?? await endUnseen(launched);
    // The event of the start comes before that of the end, even of a start that is asked for meanwhile.
    let seen;
    do {
      seen = this.#starting;
      await seen.catch(() => {});
    } while (seen !== this.#starting);
    const wasRunning = this.#status === "running";
    this.#status = "stopped";
    this.#exit = exit;
    this.#closing = launched.streams.close();
    this.#closing.catch(() => {}); // delete() says so
    if (wasRunning) await this.ending(exit);
    this.#exited.resolve(exit);
  }

  /**
   * Start it by `run`, which answers the process when it was not there before.
   * @param started called when it runs, before anyone learns of its end
   * @throws ShimError FailedPrecondition: it is not created; or what `run` throws
   */
  async start(run: () => Promise<Launched | void>, started: () => void): Promise<void> {
    this.#demand("start", "created");
    // Before anything is awaited: of two that race, the second must find it running.
    this.#status = "running";
    const starting = run().then(async (launched) => {
      if (launched) this.attach(launched);
      await this.#launched?.monitor.start();
      started();
    });
    this.#starting = starting;
    try {
      await starting;
    } catch (error) {
      this.#notStarted();
      throw error;
    }
  }

  #notStarted(): void {
    if (this.#launched) this.#status = "created";
    else this.#neverLaunched(NOT_STARTED);
  }

  /** There is no process, and there will be none. */
  #neverLaunched(code: number): void {
    this.#status = "stopped";
    this.#exit = unseenExit(code);
    this.#exited.resolve(this.#exit);
  }

  /**
   * Signal it.
   * @throws ShimError FailedPrecondition: not started; NotFound: it has ended
   */
  async kill(signal: number): Promise<void> {
    if (this.#status === "stopped") {
      throw new ShimError("NotFound", `kill ${this.name}: process already finished`);
    }
    this.#demand("kill", "running");
    await this.#starting.catch(() => {}); // then there is nothing to signal
    await this.#launched?.monitor.kill(signal);
  }

  /**
   * Tell its terminal of its size, in characters; 0 means unknown, and is not told.
   * @throws ShimError InvalidArgument; FailedPrecondition: it has no terminal, or has ended
   */
  async resize(width: number, height: number): Promise<void> {
    for (const [field, value] of Object.entries({ width, height })) {
      if (value > MAX_SIZE) {
        throw new ShimError("InvalidArgument", `resize ${this.name}: ${field}: ${value}`);
      }
    }
    if (!this.paths.terminal) {
      throw new ShimError("FailedPrecondition", `resize ${this.name}: terminal: false`);
    }
    if (this.#status === "stopped") {
      throw new ShimError("FailedPrecondition", `resize ${this.name}: it is stopped`);
    }
    if (width > 0 && height > 0) await this.#launched?.monitor.resize(width, height);
  }

  /** It reads end of file once the clients of its stdin have closed it, too. No failure when that was done. */
  async closeStdin(): Promise<void> {
    this.#stdinClosed = true;
    await this.#launched?.monitor.closeStdin();
  }

  /**
   * Begin its deletion: from here on nothing else may be done with it. One that was never started is killed.
   * @throws ShimError FailedPrecondition: it runs; NotFound: it is being deleted
   */
  async beginDelete(): Promise<Exit> {
    if (this.#deleting) {
      throw new ShimError("NotFound", `delete ${this.name}: it is being deleted`);
    }
    if (this.#status === "running") this.#demand("delete", "stopped");
    this.#deleting = true;
    if (!this.#launched && !this.#exit) this.#neverLaunched(KILLED);
    if (this.#status === "created") await this.#launched?.monitor.kill(SIGKILL);
    const exit = await this.exited;
    const closing = this.#closing;
    this.#closing = Promise.resolve(); // what went wrong is said once
    await closing.catch((error) => {
      this.abortDelete();
      throw error;
    });
    return exit;
  }

  /** The deletion failed: it may be tried again. */
  abortDelete(): void {
    this.#deleting = false;
  }

  #demand(action: string, status: ProcessStatus): void {
    if (this.#status === status && !this.#deleting) return;
    const seen = this.#deleting ? "being deleted" : this.#status;
    throw new ShimError("FailedPrecondition", `${action} ${this.name}: it is ${seen}`);
  }
}

/** The end of a process whose monitor was killed. */
async function endUnseen(launched: Launched): Promise<Exit> {
  await endProcess(launched);
  return unseenExit(KILLED);
}
