/** The zygote, as its supervisor sees it: started when it is needed, and again when it has died. */

import { isKind, ShimError } from "../errdefs/mod.ts";
import { encodePlan } from "../linux/plan_codec.ts";
import type { Op, SandboxPlan } from "../linux/plan.ts";
import { MessageReader, MessageWriter } from "../linux/wire.ts";
import type { Guest } from "../engine/mod.ts";
import type { Compilation } from "../engine/compilation.ts";
import type { LineConnection } from "./lines.ts";

export interface ServedRequest {
  /** Performed instead of `plan.init`. */
  init: Op[];
  /** An array of struct sock_filter, which the runtime loads before the program runs. */
  lock: Uint8Array;
  /** Why it cannot be served; empty: it can. */
  refusal: string;
}

/** One process of a container for the zygote to fork: its init, or one exec'd into it. */
export interface ForkRequest {
  /** As the monitor names it: docs/architecture.md. */
  key: string;
  /** The module: a file below `root`, a host path. */
  root: string;
  module: string;
  /** Hex of the SHA-256 that it must have; empty: any. */
  digest: string;
  /** Bytes of each of its memories at most; 0: no limit. */
  memoryLimit: number;
  plan: SandboxPlan;
  guest: Guest;
  /** How it is set up when its module is a program that is served, in a runtime of its own; it may be one. */
  served?: ServedRequest;
  /** The monitor's arguments, 64 at most, without --pid, --status and --start, which the zygote adds. */
  monitor: readonly string[];
}

/** How the zygote is started. */
export interface ZygoteOptions {
  /** The unpacked archive. */
  runtime: string;
  /** Where it finds its supervisor. */
  controlSocket: string;
  /** Its name. */
  engine: string;
  compilation: Compilation;
}

/** What became of a request: with "large" nothing, since the module is not for a zygote that compiles all of it. */
export type Forked = "ok" | "large";

/** One zygote, from its start to its end. */
interface Generation {
  /** Absent when the launcher has started it. */
  process?: Deno.ChildProcess;
  connection: PromiseWithResolvers<LineConnection>;
  /** Whether `connection` has come. */
  isConnected: boolean;
  /** Hex of the SHA-256 of what it has compiled, as far as that was asked for. */
  compiled: Set<string>;
}

/** How long one that the launcher has started may take to connect. */
const CONNECT_TIMEOUT_MS = 10_000;

export class Zygote {
  #current: Generation | undefined;
  /** One request at a time: the zygote answers in order. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(readonly options: ZygoteOptions) {}

  /** The launcher can start one: whether it is needed, and waited for rather than another started. */
  expect(): boolean {
    if (this.#current) return false;
    const generation = newGeneration();
    const timer = setTimeout(
      () => this.#forget(generation, "it did not connect"),
      CONNECT_TIMEOUT_MS,
    );
    generation.connection.promise.finally(() => clearTimeout(timer)).catch(() => {});
    this.#current = generation;
    return true;
  }

  /** Start it unless it runs. Returns before it is ready. */
  start(): void {
    this.#current ??= this.#spawn();
  }

  #spawn(): Generation {
    const { runtime, controlSocket, engine, compilation } = this.options;
    const process = new Deno.Command(`${runtime}/launcher`, {
      args: ["zygote", runtime, controlSocket, engine, compilation],
      // Guests can read the environment it was started with: /proc/self/environ.
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const generation = newGeneration(process);
    process.status.then(({ code, signal }) => {
      this.#forget(generation, `it ended: ${signal ? `killed by ${signal}` : `exit ${code}`}`);
    });
    return generation;
  }

  #forget(generation: Generation, reason: string): void {
    generation.connection.reject(new ShimError("Unavailable", `start the zygote: ${reason}`));
    if (this.#current === generation) this.#current = undefined;
  }

  /** Its connection has come. */
  connected(connection: LineConnection): void {
    if (!this.#current || this.#current.isConnected) return connection[Symbol.dispose]();
    this.#current.isConnected = true;
    this.#current.connection.resolve(connection);
  }

  /**
   * Fork it. When this returns "ok", the process's monitor will connect.
   * @throws ShimError of the kind the zygote answered; Unavailable when no zygote lives long enough.
   */
  async fork(request: ForkRequest): Promise<Forked> {
    const turn = this.#turn.then(() => this.#forkNow(request));
    this.#turn = turn.catch(() => {});
    return await turn;
  }

  /** Whether it needs no more than its bytes to run the module of this SHA-256, in hex. */
  hasCompiled(digest: string): boolean {
    return this.#current?.compiled.has(digest) ?? false;
  }

  async #forkNow(request: ForkRequest): Promise<Forked> {
    const message = this.#encode(request);
    // One that was killed is found out by asking it: then a new one is asked.
    const answer = await this.#ask(message) ?? await this.#ask(message);
    if (!answer) {
      throw new ShimError("Unavailable", `start ${request.key}: the zygote ended over it, twice`);
    }
    const reader = new MessageReader(answer);
    const [, kind, text] = [reader.string(), reader.string(), reader.string()];
    if (kind === "large") return kind;
    if (kind !== "ok") throw new ShimError(isKind(kind) ? kind : "Internal", text);
    if (request.digest) this.#current?.compiled.add(request.digest);
    return kind;
  }

  /** @returns the zygote's answer, or null when it ended without one. */
  async #ask(message: Uint8Array): Promise<Uint8Array | null> {
    const generation = this.#current ??= this.#spawn();
    const connection = await generation.connection.promise;
    const answer = await exchangeFrames(connection, message).catch(() => null);
    if (!answer) {
      connection[Symbol.dispose]();
      this.#forget(generation, "its connection ended");
      end(generation);
    }
    return answer;
  }

  /** End it. Containers that it forked go on. */
  async stop(): Promise<void> {
    const generation = this.#current;
    this.#current = undefined;
    if (!generation) return;
    // Without a supervisor it ends by itself; one that boots yet, at its first look.
    const connection = await Promise.race([generation.connection.promise, undefined]);
    connection?.[Symbol.dispose]();
    end(generation);
    await generation.process?.status;
  }

  /** The fields in the order of `receive_request` in linux/native/zygote.c. */
  #encode(request: ForkRequest): Uint8Array {
    const writer = new MessageWriter()
      .bytes(request.key)
      .bytes(request.root)
      .bytes(request.module)
      .bytes(request.digest)
      .bytes(request.guest.export)
      .bytes(String(request.memoryLimit))
      .bytes(encodePlan(request.plan.monitor))
      .bytes(encodePlan(request.plan.init))
      .bytes(JSON.stringify(request.guest))
      .bytes(`${this.options.runtime}/launcher`)
      .bytes(request.served ? encodePlan(request.served.init) : "")
      .bytes(request.served?.lock ?? "")
      .bytes(request.served?.refusal ?? "")
      .u32(request.monitor.length);
    for (const argument of request.monitor) writer.bytes(argument);
    return writer.finish();
  }
}

async function exchangeFrames(
  connection: LineConnection,
  message: Uint8Array,
): Promise<Uint8Array | null> {
  const frame = new Uint8Array(4 + message.length);
  new DataView(frame.buffer).setUint32(0, message.length, true);
  frame.set(message, 4);
  await connection.write(frame);
  const head = await connection.readBytes(4);
  if (!head) return null;
  return await connection.readBytes(new DataView(head.buffer).getUint32(0, true));
}

function newGeneration(process?: Deno.ChildProcess): Generation {
  const connection = Promise.withResolvers<LineConnection>();
  connection.promise.catch(() => {}); // whoever asks sees it
  return { process, connection, isConnected: false, compiled: new Set() };
}

/** Kill its process, if it is ours and has not ended. */
function end({ process }: Generation): void {
  try {
    process?.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // "Child process has already terminated"
  }
}
