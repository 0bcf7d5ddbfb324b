/** A container's monitor, as its supervisor sees it: one connection, lines both ways. */

import { ShimError } from "../errdefs/mod.ts";
import { errnoError } from "../linux/errno.ts";
import type { LineConnection } from "./lines.ts";

/** signal(7) */
export const SIGKILL = 9;

/** The exit code that is told of an init that nobody saw ending: as SIGKILL ended it. */
export const KILLED = 128 + SIGKILL;

/** How init ended. */
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

export class Monitor {
  /** Init's pid, once its plan is performed. */
  readonly ready: Promise<number>;
  /** How init ended; null when the monitor went without saying. */
  readonly exited: Promise<Exit | null>;

  constructor(readonly connection: LineConnection) {
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
      else if (word === "exit") {
        const exit = parseExit(rest.join(" "));
        ready.reject(new ShimError("Internal", `set up the sandbox: init ended: ${line}`));
        return exit;
      }
    }
    ready.reject(new ShimError("Unavailable", "set up the sandbox: the monitor has ended"));
    return null;
  }

  start(): Promise<void> {
    return this.connection.write("start\n");
  }

  /** Signal init. No failure when it has ended. */
  async kill(signal: number): Promise<void> {
    await this.connection.write(`kill ${signal}\n`).catch(() => {});
  }
}

/** `failed ERRNO STEP`. */
function setUpError([errno, ...step]: string[]): ShimError {
  const { message, cause } = errnoError(Number(errno), `set up the sandbox: ${step.join(" ")}`);
  return new ShimError("Internal", message, { cause });
}
