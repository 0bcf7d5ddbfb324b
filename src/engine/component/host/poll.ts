/** wasi:io/poll, by ppoll(2): what can be waited for is a descriptor or a time. */

import { CLOCK } from "../../../linux/system.ts";
import type { Calls } from "./calls.ts";
import { Resource, type Scope } from "./resource.ts";

/** struct pollfd: i32 fd, i16 events, i16 revents. */
const POLLFD_BYTES = 8;
const REVENTS_AT = 6;

/** What to wait for: a descriptor with events of poll(2), a time of CLOCK_MONOTONIC in ns, or either; or nothing. */
export type Wait = { fd: number; events: number; atNs?: bigint } | { atNs: bigint } | "ready";

/** Something that is ready or will be. */
export interface Subject {
  /** What makes it ready, as of now; it may have to wait again after that. */
  wait(): Wait;
}

export class Pollable extends Resource {
  constructor(scope: Scope, readonly calls: Calls, readonly subject: Subject) {
    super(scope);
  }

  ready(): boolean {
    return waitForAny(this.calls, [this.subject], false).length > 0;
  }

  block(): void {
    waitForAny(this.calls, [this.subject], true);
  }
}

/** poll(): the indexes of those that are ready, at least one. Traps when there is none to wait for. */
export function poll(calls: Calls, pollables: readonly Pollable[]): Uint32Array {
  if (pollables.length === 0) throw new WebAssembly.RuntimeError("poll: the list is empty");
  return Uint32Array.from(waitForAny(calls, pollables.map(({ subject }) => subject), true));
}

/** The indexes of the `subjects` that are ready, in order; waits for the first when `block`. */
export function waitForAny(
  calls: Calls,
  subjects: readonly Subject[],
  block: boolean,
): number[] {
  for (;;) {
    const waits = subjects.map((subject) => subject.wait());
    const fds = new DataView(new ArrayBuffer(POLLFD_BYTES * waits.length));
    let untilNs: bigint | undefined;
    let count = 0;
    for (const wait of waits) {
      if (wait === "ready") untilNs = 0n;
      else if (wait.atNs !== undefined) untilNs = least(untilNs, wait.atNs);
      if (wait !== "ready" && "fd" in wait) {
        fds.setInt32(POLLFD_BYTES * count, wait.fd, true);
        fds.setInt16(POLLFD_BYTES * count++ + 4, wait.events, true);
      }
    }
    if (count > 0 || block && untilNs !== 0n) ppoll(calls, fds, count, block ? untilNs : 0n);
    const nowNs = calls.clockTime(CLOCK.MONOTONIC);
    let at = 0;
    const ready = waits.flatMap((wait, index) => {
      if (wait === "ready") return [index];
      const seen = "fd" in wait && fds.getInt16(POLLFD_BYTES * at++ + REVENTS_AT, true) !== 0;
      return seen || wait.atNs !== undefined && wait.atNs <= nowNs ? [index] : [];
    });
    if (ready.length > 0 || !block) return ready;
  }
}

function least(a: bigint | undefined, b: bigint): bigint {
  return a === undefined || b < a ? b : a;
}

/** ppoll(2) until `untilNs` of CLOCK_CLOCK.MONOTONIC; undefined: for ever. A signal may end it early. */
function ppoll(calls: Calls, fds: DataView, count: number, untilNs: bigint | undefined): void {
  let timeoutNs = -1n;
  if (untilNs !== undefined) {
    const leftNs = untilNs === 0n ? 0n : untilNs - calls.clockTime(CLOCK.MONOTONIC);
    timeoutNs = leftNs > 0n ? leftNs : 0n;
  }
  calls.poll(new Uint8Array(fds.buffer as ArrayBuffer), count, timeoutNs);
}

/** Whether `wait` is over now. */
export function isReady(calls: Calls, wait: Wait): boolean {
  return waitForAny(calls, [{ wait: () => wait }], false).length > 0;
}

export function waitFor(calls: Calls, wait: Wait): void {
  waitForAny(calls, [{ wait: () => wait }], true);
}
