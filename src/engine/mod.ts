/** What runs WebAssembly: one interface, so that an engine is a folder here and a name. */

import type { System } from "../linux/system.ts";

/** What a module is given: everything it sees besides its sandbox. */
export interface Guest {
  /** Arguments, the first the program's name, verbatim. */
  args: string[];
  /** `NAME=value` each, verbatim. */
  env: string[];
  /** Absolute path in the container's root. */
  cwd: string;
  /** The exported function to call, without parameters. */
  export: string;
  /** Directories that it finds open, in the order of their descriptors. */
  preopens: Preopen[];
  /** Descriptors of this process that are listening sockets; they come after the preopens. */
  listeners: number[];
}

/** A directory that the guest finds open. */
export interface Preopen {
  /** Absolute path as this process sees it. */
  host: string;
  /** Its name for the guest. */
  guest: string;
}

/** What the host process offers to engines: forked children share every generator's state with the zygote. */
export interface Host {
  /** Everything that has to come from the kernel: random bytes, too. */
  readonly system: System;
}

/** How a run ended: an exit code, with what to say on stderr when it was no ordinary end. */
export interface Outcome {
  code: number;
  message: string;
}

/** Exit code of a trap, as a shell reports SIGABRT: what wasmtime's command line exits with. */
export const TRAP_EXIT_CODE = 134;

export interface Engine {
  /** The name in `containerd-shim-NAME-v1`. */
  readonly name: string;
  /**
   * Compile `code`, of the file `path`: completely, so that nothing is left to compile in a forked child.
   * @throws ShimError InvalidArgument: not valid, or it imports what this engine does not give.
   */
  compile(code: Uint8Array<ArrayBuffer>, path: string): Program | Promise<Program>;
  /** Run everything once, so that a forked child finds it loaded and compiled. */
  warmUp(): void;
}

/** What is compiled, to be run any number of times, each time anew. */
export interface Program {
  /** @throws ShimError InvalidArgument: there is no such function. */
  checkExport(name: string): void;
  /** Run to the end. Only synchronous calls: in a forked child there is no event loop. */
  run(guest: Guest): Outcome;
}
