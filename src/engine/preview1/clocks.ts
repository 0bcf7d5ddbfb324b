/** Functions on clocks: clock_*. https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md */

import { CLOCK } from "../../linux/system.ts";
import { ERRNO, errno } from "./errno.ts";
import type { Functions, State } from "./state.ts";

/** CLOCK_* for each clock id. */
export const CLOCKS: readonly number[] = [
  ...[CLOCK.REALTIME, CLOCK.MONOTONIC, CLOCK.PROCESS_CPUTIME, CLOCK.THREAD_CPUTIME],
];

export function clocks({ system, memory }: State) {
  return {
    clock_res_get(id: number, at: number) {
      const clock = CLOCKS[id];
      if (clock === undefined) return ERRNO.INVAL;
      if (!memory.fresh().has(at >>>= 0, 8)) return ERRNO.FAULT;
      return errno(system.clockResolution(clock, memory.bytes, at));
    },

    clock_time_get(id: number, _precision: bigint, at: number) {
      const clock = CLOCKS[id];
      if (clock === undefined) return ERRNO.INVAL;
      if (!memory.fresh().has(at >>>= 0, 8)) return ERRNO.FAULT;
      return errno(system.clockTime(clock, memory.bytes, at));
    },
  } satisfies Functions;
}
