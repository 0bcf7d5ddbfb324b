import type { Result, Running } from "./command.ts";
import type { Daemon } from "./daemon.ts";
import type { Input } from "./cri_websocket.ts";

const PROGRAM = `${import.meta.dirname}/cri_websocket.ts`;

/** A client of an exec's or a container's streams; whoever has it must await `result`. */
export class Session {
  readonly #running: Running;

  /** @param url that Exec or Attach has answered, of an address in the daemon's network namespace */
  constructor(daemon: Daemon, url: string) {
    const flags = ["--quiet", "--no-config", "--no-check", "--allow-net"];
    this.#running = daemon.spawn([Deno.execPath(), "run", ...flags, PROGRAM, url], {
      stdin: "open",
    });
  }

  /** The process's output and exit code; 255 and a line on stderr when there was no process. */
  get result(): Promise<Result> {
    return this.#running.result;
  }

  /** stdout so far. */
  get out(): string {
    return this.#running.out;
  }

  /** Waits until stdout holds `text`. */
  waitForOutput(text: string): Promise<void> {
    return this.#running.waitForOutput(text);
  }

  write(text: string): Promise<void> {
    return this.#send({ stdin: text });
  }

  /** Resizes the terminal, in characters. */
  resize(width: number, height: number): Promise<void> {
    return this.#send({ resize: { Width: width, Height: height } });
  }

  /** Goes away, as a client whose user has closed it. */
  close(): Promise<void> {
    return this.#send({ close: true });
  }

  #send(input: Input): Promise<void> {
    return this.#running.write(`${JSON.stringify(input)}\n`);
  }
}
