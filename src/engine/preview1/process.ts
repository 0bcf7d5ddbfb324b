/**
 * Functions on the process: args_*, environ_*, proc_*, random_get, sched_yield.
 * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md
 */

import { ERRNO, errno } from "./errno.ts";
import type { Functions, State } from "./state.ts";
import { trap } from "./trap.ts";

/** Signals of WASI: those that are ignored or only continue a process, those that stop it, and the last. */
const SIGNAL = { NONE: 0, TERM: 15, LAST: 30 } as const;
const IGNORED: readonly number[] = [0, 16, 17, 22, 27]; // none, chld, cont, urg, winch
const STOPPING: readonly number[] = [18, 19, 20, 21]; // stop, tstp, ttin, ttou
/** What a shell adds to the signal's number. */
const SIGNALLED = 128;

export function processes(state: State) {
  const { system, memory } = state;
  return {
    args_get: (pointersAt: number, textAt: number) => put(state.args, pointersAt, textAt),
    args_sizes_get: (countAt: number, sizeAt: number) => putSizes(state.args, countAt, sizeAt),
    environ_get: (pointersAt: number, textAt: number) => put(state.env, pointersAt, textAt),
    environ_sizes_get: (countAt: number, sizeAt: number) => putSizes(state.env, countAt, sizeAt),

    proc_exit(code: number) {
      state.exitCode = code & 0xff; // as a process does
      trap();
    },

    /** The guest has no handlers, so what a signal does is its default. */
    proc_raise(signal: number) {
      if (signal >>> 0 > SIGNAL.LAST) return ERRNO.INVAL;
      if (IGNORED.includes(signal)) return ERRNO.SUCCESS;
      if (STOPPING.includes(signal)) return ERRNO.NOTSUP;
      // Linux has SIGSTKFLT at 16.
      state.exitCode = SIGNALLED + (signal > SIGNAL.TERM ? signal + 1 : signal);
      trap();
      return ERRNO.SUCCESS;
    },

    random_get(at: number, size: number) {
      if (!memory.fresh().has(at >>>= 0, size >>>= 0)) return ERRNO.FAULT;
      return errno(system.random(memory.bytes, at, size));
    },

    sched_yield: () => errno(system.yield()),
  } satisfies Functions;

  function putSizes(list: readonly Uint8Array[], countAt: number, sizeAt: number): number {
    if (!memory.fresh().has(countAt >>>= 0, 4) || !memory.has(sizeAt >>>= 0, 4)) return ERRNO.FAULT;
    memory.view.setUint32(countAt, list.length, true);
    memory.view.setUint32(sizeAt, totalSize(list), true);
    return ERRNO.SUCCESS;
  }

  function put(list: readonly Uint8Array[], pointersAt: number, textAt: number): number {
    if (!memory.fresh().has(pointersAt >>>= 0, 4 * list.length)) return ERRNO.FAULT;
    if (!memory.has(textAt >>>= 0, totalSize(list))) return ERRNO.FAULT;
    for (const text of list) {
      memory.view.setUint32(pointersAt, textAt, true);
      memory.bytes.set(text, textAt);
      pointersAt += 4;
      textAt += text.length;
    }
    return ERRNO.SUCCESS;
  }
}

const totalSize = (list: readonly Uint8Array[]) =>
  list.reduce((sum, { length }) => sum + length, 0);
