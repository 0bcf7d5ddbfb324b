/**
 * WASI preview 1 over system calls: wasi_snapshot_preview1, version 0.1.
 * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md
 *
 * Where the text is silent it does as wasi-libc expects and wasmtime does. Paths cannot leave a preopened directory,
 * with or without a mount namespace around it. All calls are synchronous.
 */

import { errnoError } from "../../linux/errno.ts";
import { cString } from "../../linux/native.ts";
import { HOW, O, type System } from "../../linux/system.ts";
import type { Guest, Preopen } from "../mod.ts";
import { clocks } from "./clocks.ts";
import { FILETYPE, inspect, openedRights } from "./descriptors.ts";
import { fdFlags, SYNC_FLAGS } from "./fdflags.ts";
import { files } from "./files.ts";
import { paths } from "./paths.ts";
import { poll } from "./poll.ts";
import { processes } from "./process.ts";
import { APPLICABLE, INHERITED, RIGHT } from "./rights.ts";
import { sockets } from "./sockets.ts";
import { type Functions, State } from "./state.ts";

/** The module that guests import the functions from. */
export const NAMESPACE = "wasi_snapshot_preview1";

const FIRST_PREOPEN = 3;
/** What standard streams are not for, though a terminal's descriptors allow both. */
const NOT_WRITTEN = ~RIGHT.FD_WRITE;
const NOT_READ = ~RIGHT.FD_READ;
const EACCES = -13;

/** What a guest is given, and where its standard streams are. */
export type Preview1Guest = Pick<Guest, "args" | "env" | "preopens" | "listeners"> & {
  /** Descriptors of this process; default: 0, 1, 2. Owned by the guest from then on. */
  streams?: readonly [stdin: number, stdout: number, stderr: number];
};

/** The host of one guest at a time. */
export class Preview1 {
  readonly functions: Functions;
  readonly #state: State;
  /** The standard streams, and the flags that they came with. */
  readonly #streams: { host: number; flags: number }[] = [];

  constructor(readonly system: System) {
    const state = this.#state = new State(system);
    this.functions = {
      ...processes(state),
      ...clocks(state),
      ...files(state),
      ...paths(state),
      ...poll(state),
      ...sockets(state),
    };
  }

  /** What the guest has ended itself with, by a trap; undefined: it has not. */
  get exitCode(): number | undefined {
    return this.#state.exitCode;
  }

  /** Begin with a guest; `end` has to follow, also when this throws. @throws ShimError: a preopen cannot be opened */
  start({ args, env, preopens, listeners, streams = [0, 1, 2] }: Preview1Guest): void {
    const state = this.#state;
    state.exitCode = undefined;
    state.args = args.map(cString);
    state.env = env.map(cString);
    state.memory.attach(undefined);
    streams.forEach((host, fd) => this.#addStream(fd, host, fd === 0 ? NOT_WRITTEN : NOT_READ));
    preopens.forEach((preopen, index) => this.#addPreopen(FIRST_PREOPEN + index, preopen));
    listeners.forEach((host, index) => {
      const fd = FIRST_PREOPEN + preopens.length + index;
      this.#addStream(fd, host, APPLICABLE.SOCKET, APPLICABLE.SOCKET);
    });
  }

  /** Let the guest have `memory`, which it exports; undefined: it has none. Before, every address is a fault. */
  attach(memory: WebAssembly.Memory | undefined): void {
    this.#state.memory.attach(memory);
  }

  /**
   * Close everything of the guest's but the process's own standard streams. Others have these too, so they get the flags
   * back that they came with: a shell whose terminal does not block any more fails to read.
   */
  end(): void {
    for (const { host, flags } of this.#streams) this.system.setFlags(host, flags);
    this.#streams.length = 0;
    this.#state.table.clear();
    this.#state.memory.attach(undefined);
  }

  /** One that is not open is not there for the guest either. */
  #addStream(fd: number, host: number, rights: number, inheriting = 0): void {
    const found = inspect(this.system, host);
    const flags = this.system.getFlags(host);
    if (typeof found === "number" || flags < 0) return;
    if (fd < FIRST_PREOPEN) this.#streams.push({ host, flags });
    this.#state.table.put(fd, {
      host,
      type: found.type,
      base: openedRights(found.rights & rights, flags),
      inheriting,
      sync: fdFlags(flags) & SYNC_FLAGS,
      how: 0,
      preopen: undefined,
      entries: undefined,
    });
  }

  #addPreopen(fd: number, preopen: Preopen): void {
    const path = cString(preopen.host);
    let host = this.system.openHost(path, O.DIRECTORY);
    const readable = host !== EACCES;
    if (!readable) host = this.system.openHost(path, O.DIRECTORY | O.PATH); // what is below may be open to it
    if (host < 0) throw errnoError(-host, `open preopened directory ${preopen.host}`);
    this.#state.table.put(fd, {
      host,
      type: FILETYPE.DIRECTORY,
      base: readable ? APPLICABLE.DIRECTORY : APPLICABLE.DIRECTORY & ~RIGHT.FD_READDIR,
      inheriting: INHERITED,
      sync: 0,
      // For the guest it is the root, so that is where absolute links begin.
      how: preopen.guest === "/" ? HOW.IN_ROOT : 0,
      preopen: new TextEncoder().encode(preopen.guest),
      entries: undefined,
    });
  }
}
