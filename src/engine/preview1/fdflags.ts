/** Flags of open files: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#fdflags */

import { O } from "../../linux/system.ts";

export const FDFLAG = { APPEND: 1, DSYNC: 2, NONBLOCK: 4, RSYNC: 8, SYNC: 16 } as const;
export const SYNC_FLAGS = FDFLAG.DSYNC | FDFLAG.RSYNC | FDFLAG.SYNC;

/** O_* for fdflags; -1: there is no such flag. Linux has O_RSYNC as O_SYNC. */
export function openFlags(flags: number): number {
  if (flags & ~(FDFLAG.APPEND | FDFLAG.NONBLOCK | SYNC_FLAGS)) return -1;
  return (flags & FDFLAG.APPEND ? O.APPEND : 0) |
    (flags & FDFLAG.NONBLOCK ? O.NONBLOCK : 0) |
    (flags & FDFLAG.DSYNC ? O.DSYNC : 0) |
    (flags & (FDFLAG.SYNC | FDFLAG.RSYNC) ? O.SYNC : 0);
}

/** fdflags for O_*. */
export function fdFlags(flags: number): number {
  return (flags & O.APPEND ? FDFLAG.APPEND : 0) |
    (flags & O.NONBLOCK ? FDFLAG.NONBLOCK : 0) |
    ((flags & O.SYNC) === O.SYNC ? FDFLAG.SYNC : flags & O.DSYNC ? FDFLAG.DSYNC : 0);
}
