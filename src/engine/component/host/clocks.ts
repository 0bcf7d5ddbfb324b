/**
 * wasi:clocks: clock_gettime(2).
 * https://github.com/WebAssembly/WASI/tree/v0.2.8/wasip2/clocks
 */

import { CLOCK } from "../../../linux/system.ts";
import type { Calls } from "./calls.ts";
import { lowerPlain } from "./lower.ts";
import { Pollable } from "./poll.ts";
import type { Scope } from "./resource.ts";

const NS_PER_S = 1_000_000_000n;
const MOST_NS = 2n ** 63n - 1n;

export interface Datetime {
  seconds: bigint;
  /** 0-999,999,999 */
  nanoseconds: number;
}

/** A time in ns since 1970, or a span in ns; what is before 1970 is 1970. */
export function datetime(ns: bigint): Datetime {
  if (ns < 0n) return { seconds: 0n, nanoseconds: 0 };
  return { seconds: ns / NS_PER_S, nanoseconds: Number(ns % NS_PER_S) };
}

export function clocks(calls: Calls, scope: Scope) {
  const at = (ns: bigint) => {
    const wait = { atNs: ns < MOST_NS ? ns : MOST_NS };
    return new Pollable(scope, calls, { wait: () => wait });
  };
  const now = () => calls.clockTime(CLOCK.MONOTONIC);
  return {
    "wasi:clocks/monotonic-clock": {
      now: lowerPlain(now),
      resolution: () => calls.clockResolution(CLOCK.MONOTONIC),
      subscribeInstant: at,
      subscribeDuration: (ns: bigint) => at(now() + ns),
    },
    "wasi:clocks/wall-clock": {
      now: () => datetime(calls.clockTime(CLOCK.REALTIME)),
      resolution: () => datetime(calls.clockResolution(CLOCK.REALTIME)),
    },
    "wasi:clocks/timezone": {
      display: () => ({ utcOffset: 0, name: "UTC", inDaylightSavingTime: false }),
      utcOffset: () => 0,
    },
  };
}
