/** The monitor of one process, as its supervisor sees it: one connection, lines both ways. See docs/architecture.md. */

import { ShimError } from "../errdefs/mod.ts";
import { errnoError } from "../linux/errno.ts";

/** signal(7) */
export const SIGKILL = 9;

/** The exit code that is told of a process that nobody saw ending: as SIGKILL ended it. */
export const KILLED = 128 + SIGKILL;

/** How a process ended. */
export interface Exit {
  /** 0-255, or 128 + the signal. */
  code: number;
  at: { seconds: number; nanos: number };
}

/** `CODE SECONDS NANOSECONDS`, as in the line and in the `exit` file. Null when `text` is something else. */
export function parseExit(text: string): Exit | null {
  const found = /^(\d{1,3}) (\d+) (\d{1,9})\n?$/.exec(text);
  if (!found) return null;
  const [code, seconds, nanos] = found.slice(1).map(Number);
  return { code, at: { seconds, nanos } };
}

/** The exit of a process of which only that is known: it has ended by now. */
export function unseenExit(code: number): Exit {
  const ms = Date.now();
  return { code, at: { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 } };
}

/** The monitor's command, an OCI runtime, ended without a container. */
export class RuntimeRefusal extends Error {
  /** @param code 0-255, or 128 + the signal */
  constructor(readonly code: number) {
    super(`the OCI runtime ended with ${code}`);
  }
}

/** What a monitor is connected by: a LineConnection. */
export interface Lines extends Disposable {
  read(): Promise<string | null>;
  write(data: string): Promise<void>;
}

export class Monitor {
  /** The process's pid, once it is set up. Rejects with a RuntimeRefusal or a ShimError. */
  readonly ready: Promise<number>;
  /** How the process ended; null when the monitor went without saying. */
  readonly exited: Promise<Exit | null>;
  /** Called when the kernel has killed a process of the container for want of memory. */
  onOutOfMemory: () => void = () => {};

  constructor(readonly connection: Lines) {
    const ready = Promise.withResolvers<number>();
    // Whoever waits for `ready` sees the failure; nobody has to.
    ready.promise.catch(() => {});
    this.ready = ready.promise;
    this.exited = this.#listen(ready);
  }

  async #listen(ready: PromiseWithResolvers<number>): Promise<Exit | null> {
    using connection = this.connection;
    for (let line; (line = await connection.read()) !== null;) {
      const [word, ...rest] = line.split(" ");
      if (word === "ready") ready.resolve(Number(rest[0]));
      else if (word === "failed") ready.reject(setUpError(rest));
      else if (word === "refused") ready.reject(new RuntimeRefusal(Number(rest[0])));
      else if (word === "oom") this.onOutOfMemory();
      else if (word === "exit") {
        const exit = parseExit(rest.join(" "));
        ready.reject(new ShimError("Internal", `set up the process: it ended: ${line}`));
        return exit;
      }
    }
    ready.reject(new ShimError("Unavailable", "set up the process: its monitor has ended"));
    return null;
  }

  /** Let the process run, or say that it does. No failure when it has ended, nor of the following. */
  start(): Promise<void> {
    return this.#tell("start");
  }

  /** Signal the process. */
  kill(signal: number): Promise<void> {
    return this.#tell(`kill ${signal}`);
  }

  /** Of its terminal, in characters: 1 to 65535 each. */
  resize(width: number, height: number): Promise<void> {
    return this.#tell(`resize ${width} ${height}`);
  }

  closeStdin(): Promise<void> {
    return this.#tell("close-stdin");
  }

  /** @param folder of the cgroup; on version 1, of the memory controller */
  watchMemory(folder: string): Promise<void> {
    return this.#tell(`watch-memory ${folder}`);
  }

  async #tell(line: string): Promise<void> {
    await this.connection.write(`${line}\n`).catch(() => {});
  }
}

/** `failed ERRNO STEP`. */
function setUpError([errno, ...step]: string[]): ShimError {
  const { message, cause } = errnoError(Number(errno), `set up the sandbox: ${step.join(" ")}`);
  return new ShimError("Internal", message, { cause });
}
