/** poll_oneoff. https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#poll_oneoff */

import { CLOCK, POLL, type System } from "../../linux/system.ts";
import { CLOCKS } from "./clocks.ts";
import { ERRNO, errno } from "./errno.ts";
import { RIGHT } from "./rights.ts";
import type { Functions, State } from "./state.ts";

/** Kinds of subscriptions and of events. */
const TYPE = { CLOCK: 0, FD_READ: 1, FD_WRITE: 2 } as const;
const ABSTIME = 1;
const HANGUP = 1;

/** Structures: sizes, and offsets of fields. */
const SUBSCRIPTION = { size: 48, type: 8, fd: 16, clock: 16, timeout: 24, flags: 40 } as const;
const EVENT = { size: 32, error: 8, type: 10, bytes: 16, flags: 24 } as const;
const POLLFD = { size: 8, events: 4, seen: 6 } as const;

const EINTR = -4;
/** More than a century. */
const LONGEST_NS = 1n << 62n;

/** What is waited for: the number of the subscription, and what it means. */
interface Timer {
  index: number;
  clock: number;
  deadlineNs: bigint;
}
interface Waiting {
  index: number;
  host: number;
  type: number;
}
/** What has happened. */
interface Event {
  index: number;
  type: number;
  error: number;
  bytes: number;
  flags: number;
}

export function poll({ system, memory, table }: State) {
  return {
    poll_oneoff(subscriptionsAt: number, eventsAt: number, count: number, countAt: number) {
      count >>>= 0;
      if (count === 0) return ERRNO.INVAL;
      if (!memory.fresh().has(subscriptionsAt >>>= 0, count * SUBSCRIPTION.size)) {
        return ERRNO.FAULT;
      }
      if (!memory.has(eventsAt >>>= 0, count * EVENT.size)) return ERRNO.FAULT;
      if (!memory.has(countAt >>>= 0, 4)) return ERRNO.FAULT;
      // The two arrays may be the same memory.
      const given = memory.copy(subscriptionsAt, count * SUBSCRIPTION.size);
      const view = new DataView(given.buffer);
      const timers: Timer[] = [], files: Waiting[] = [], events: Event[] = [];
      for (let index = 0; index < count; index++) {
        const at = index * SUBSCRIPTION.size;
        const type = given[at + SUBSCRIPTION.type];
        if (type > TYPE.FD_WRITE) return ERRNO.INVAL;
        const waited = type === TYPE.CLOCK ? timer(view, index, at) : file(view, index, at, type);
        if (typeof waited === "number") {
          events.push({ index, type, error: waited, bytes: 0, flags: 0 });
        } else if ("deadlineNs" in waited) timers.push(waited);
        else files.push(waited);
      }
      const failed = wait(system, timers, files, events);
      if (failed < 0) return errno(failed);
      events.sort((a, b) => a.index - b.index);
      events.forEach(({ index, type, error, bytes, flags }, which) => {
        const at = eventsAt + which * EVENT.size;
        const userdata = index * SUBSCRIPTION.size;
        memory.bytes.fill(0, at, at + EVENT.size);
        memory.bytes.set(given.subarray(userdata, userdata + 8), at);
        memory.view.setUint16(at + EVENT.error, error, true);
        memory.view.setUint8(at + EVENT.type, type);
        memory.view.setUint32(at + EVENT.bytes, bytes, true);
        memory.view.setUint16(at + EVENT.flags, flags, true);
      });
      memory.view.setUint32(countAt, events.length, true);
      return ERRNO.SUCCESS;
    },
  } satisfies Functions;

  /** Clocks of spent time stand still while one waits. */
  function timer(view: DataView, index: number, at: number): Timer | number {
    const clock = CLOCKS[view.getUint32(at + SUBSCRIPTION.clock, true)];
    const flags = view.getUint16(at + SUBSCRIPTION.flags, true);
    if (clock === undefined || flags & ~ABSTIME) return ERRNO.INVAL;
    if (clock !== CLOCK.REALTIME && clock !== CLOCK.MONOTONIC) return ERRNO.NOTSUP;
    const timeoutNs = view.getBigUint64(at + SUBSCRIPTION.timeout, true);
    if (flags & ABSTIME) return { index, clock, deadlineNs: timeoutNs };
    // A duration does not depend on what time it is.
    const deadlineNs = nowNs(system, CLOCK.MONOTONIC) + timeoutNs;
    return { index, clock: CLOCK.MONOTONIC, deadlineNs };
  }

  function file(view: DataView, index: number, at: number, type: number): Waiting | number {
    const right = type === TYPE.FD_READ ? RIGHT.FD_READ : RIGHT.FD_WRITE;
    const found = table.find(
      view.getUint32(at + SUBSCRIPTION.fd, true),
      RIGHT.POLL_FD_READWRITE | right,
    );
    return typeof found === "number" ? found : { index, host: found.host, type };
  }
}

/** Wait until there is an event, unless there is one. 0 or a negative errno of Linux. */
function wait(system: System, timers: Timer[], files: Waiting[], events: Event[]): number {
  const polled = new DataView(new ArrayBuffer(files.length * POLLFD.size));
  files.forEach(({ host, type }, which) => {
    const at = which * POLLFD.size;
    polled.setInt32(at, host, true);
    const wanted = type === TYPE.FD_READ ? POLL.IN | POLL.RDHUP : POLL.OUT;
    polled.setInt16(at + POLLFD.events, wanted, true);
  });
  do {
    const timeoutNs = events.length > 0 ? 0n : remainingNs(system, timers);
    const result = system.poll(polled, files.length, timeoutNs);
    if (result === EINTR) continue;
    if (result < 0) return result;
    files.forEach((waited, which) => {
      const seen = polled.getInt16(which * POLLFD.size + POLLFD.seen, true);
      if (seen !== 0) events.push(fileEvent(system, waited, seen));
    });
    for (const { index, clock, deadlineNs } of timers) {
      if (nowNs(system, clock) < deadlineNs) continue;
      events.push({ index, type: TYPE.CLOCK, error: ERRNO.SUCCESS, bytes: 0, flags: 0 });
    }
  } while (events.length === 0);
  return 0;
}

/** Until the first of `timers`; negative: there is none. */
function remainingNs(system: System, timers: Timer[]): bigint {
  if (timers.length === 0) return -1n;
  let least = LONGEST_NS;
  for (const { clock, deadlineNs } of timers) {
    const remaining = deadlineNs - nowNs(system, clock);
    if (remaining < least) least = remaining;
  }
  return least < 0n ? 0n : least;
}

/** How much can be written is not known: a byte can. */
function fileEvent(system: System, { index, host, type }: Waiting, seen: number): Event {
  const error = seen & POLL.NVAL ? ERRNO.BADF : ERRNO.SUCCESS;
  const reading = type === TYPE.FD_READ;
  const ended = POLL.HUP | (reading ? POLL.RDHUP : POLL.ERR);
  const flags = seen & ended ? HANGUP : 0;
  const bytes = reading ? Math.max(system.available(host), 0) : flags ? 0 : 1;
  return { index, type, error, bytes, flags };
}

const time = new BigUint64Array(1);
const timeBytes = new Uint8Array(time.buffer);

function nowNs(system: System, clock: number): bigint {
  system.clockTime(clock, timeBytes, 0);
  return time[0];
}
