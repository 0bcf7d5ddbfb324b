import { DEADLINE_MS, waitFor, within } from "./wait.ts";

/** How a command ended. */
export interface Result {
  /** Exit code, or 128 + signal. */
  code: number;
  stdout: Uint8Array;
  stderr: Uint8Array;
  /** stdout as text. */
  out: string;
  /** stderr as text. */
  err: string;
  /** Wall time in milliseconds. */
  ms: number;
}

export interface CommandOptions {
  /** What the command reads; then end of file. "open" leaves it to `write` and `closeStdin`. */
  stdin?: Uint8Array | string | "open";
  /** Kill the command after this long; the result is then an error. Default: 10 s. */
  timeoutMs?: number;
  env?: Record<string, string>;
  /** Start with only `env` as the environment. */
  clearEnv?: boolean;
  cwd?: string;
  /** The command only waits for a child (nsenter): signals go to that. */
  signalChild?: boolean;
}

/** Collects what a stream brings. */
class Capture {
  readonly done: Promise<void>;
  #bytes = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.done = this.#read(stream);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get text(): string {
    return new TextDecoder().decode(this.#bytes);
  }

  async #read(stream: ReadableStream<Uint8Array>) {
    let room = new Uint8Array(4096);
    let length = 0;
    for await (const chunk of stream) {
      if (length + chunk.length > room.length) {
        const larger = new Uint8Array(Math.max(room.length * 2, length + chunk.length));
        larger.set(room.subarray(0, length));
        room = larger;
      }
      room.set(chunk, length);
      length += chunk.length;
      this.#bytes = room.subarray(0, length);
    }
  }
}

/** A command that runs; whoever starts it must await `result`, or `kill` it and do so. */
export class Running {
  readonly pid: number;
  /** Settles when the command has ended and its output has been read. */
  readonly result: Promise<Result>;
  readonly #argv: string[];
  readonly #child: Deno.ChildProcess;
  readonly #stdout: Capture;
  readonly #stderr: Capture;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #signalChild: boolean;

  constructor(argv: string[], options: CommandOptions = {}) {
    const { stdin = "", timeoutMs = DEADLINE_MS, signalChild = false, ...rest } = options;
    const startedAtMs = performance.now();
    this.#argv = argv;
    this.#signalChild = signalChild;
    this.#child = new Deno.Command(argv[0], {
      args: argv.slice(1),
      ...rest,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.#stdout = new Capture(this.#child.stdout);
    this.#stderr = new Capture(this.#child.stderr);
    this.#writer = this.#child.stdin.getWriter();
    this.result = this.#finish(startedAtMs, timeoutMs);
    if (stdin !== "open") this.write(stdin).then(() => this.closeStdin());
  }

  /** stdout so far, as text. */
  get out(): string {
    return this.#stdout.text;
  }

  /** stderr so far, as text. */
  get err(): string {
    return this.#stderr.text;
  }

  /** Writes to the command's stdin; a command that has gone away is no failure. */
  async write(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    if (bytes.length > 0) await this.#writer.write(bytes).catch(ignoreBrokenPipe);
  }

  /** Ends the command's stdin. */
  async closeStdin(): Promise<void> {
    await this.#writer.close().catch(ignoreBrokenPipe);
  }

  /** Waits until stdout holds `text`; fails when the command ends without it. */
  async waitForOutput(text: string, timeoutMs = DEADLINE_MS): Promise<void> {
    let ended: Result | undefined;
    this.result.then((result) => ended = result, () => {});
    await waitFor(`${this.#name} to print ${JSON.stringify(text)}`, () => {
      if (this.out.includes(text)) return true;
      if (ended) throw new Error(`${this.#name} ended with ${ended.code}: ${ended.err}`);
      return false;
    }, timeoutMs);
  }

  /** Sends a signal; a command that has ended already is no failure. */
  kill(signal: Deno.Signal = "SIGKILL"): void {
    const target = this.#signalChild ? childOf(this.pid) ?? this.pid : this.pid;
    try {
      if (target !== this.pid) Deno.kill(target, signal);
      else this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  get #name(): string {
    return `\`${this.#argv.join(" ")}\``;
  }

  async #finish(startedAtMs: number, timeoutMs: number): Promise<Result> {
    const ended = Promise.all([this.#child.status, this.#stdout.done, this.#stderr.done]);
    try {
      await within(`${this.#name} to end`, ended, timeoutMs);
    } catch (error) {
      this.kill();
      await ended;
      throw new Error(`${(error as Error).message}: ${this.out}${this.err}`);
    } finally {
      await this.#writer.close().catch(ignoreBrokenPipe);
    }
    return {
      code: (await this.#child.status).code,
      stdout: this.#stdout.bytes,
      stderr: this.#stderr.bytes,
      out: this.out,
      err: this.err,
      ms: performance.now() - startedAtMs,
    };
  }
}

/** The first child of process `pid`. */
function childOf(pid: number): number | undefined {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (/^\d+$/.test(name) && parentOf(name) === pid) return Number(name);
  }
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch (error) {
    if (hasEnded(error)) return undefined;
    throw error;
  }
}

/** Whether reading a process's /proc files failed because it has ended (ENOENT, ESRCH). */
export function hasEnded(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    // Deno gives this one neither a class nor a code.
    error instanceof Error && error.message.includes("(os error 3)");
}

/** Runs a command to its end. */
export function run(argv: string[], options: CommandOptions = {}): Promise<Result> {
  return new Running(argv, options).result;
}

/** Runs a command to its end. @throws Error with its output unless it exits with 0. */
export async function must(argv: string[], options: CommandOptions = {}): Promise<Result> {
  const result = await run(argv, options);
  if (result.code !== 0) {
    throw new Error(`\`${argv.join(" ")}\` exited with ${result.code}: ${result.out}${result.err}`);
  }
  return result;
}

/** A command may end without reading its stdin, and a stream may be closed twice. */
function ignoreBrokenPipe(error: unknown) {
  if (error instanceof Deno.errors.BrokenPipe || error instanceof TypeError) return;
  throw error;
}
