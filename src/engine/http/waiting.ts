/**
 * wasi:io where there is an event loop: the calls of the synchronous host that would hold the process up answer promises
 * instead, which suspend their guest alone.
 */

import { Pollable, type Subject, type Wait } from "../component/host/poll.ts";
import type { Scope } from "../component/host/resource.ts";
import type { Calls } from "../component/host/calls.ts";
import { DONE, err, ok, type Result } from "../component/host/result.ts";
import { InputStream, OutputStream, type StreamError } from "../component/host/streams.ts";
import type { HostInterfaces } from "../linker/link.ts";
import { CLOCK } from "../../linux/system.ts";

export type Timer = ReturnType<typeof setTimeout>;

/** Never: of what the event loop makes ready, which ppoll(2) cannot wait for. */
export const NOT_READY: Wait = { atNs: 2n ** 63n - 1n };

/** A subject that the event loop makes ready; its wait() is "ready" or NOT_READY. */
export interface Event extends Subject {
  /** Settled when wait() may be "ready". */
  arrived(): Promise<void>;
}

/** How often to look at a descriptor: at first, and at most. */
const FIRST_LOOK_MS = 1;
const LAST_LOOK_MS = 20;
/** The longest that setTimeout() takes. */
const MOST_MS = 2 ** 31 - 1;
const NS_PER_MS = 1e6;
const ZEROES_BYTES = 1 << 16;

const isEvent = (subject: Subject): subject is Event => "arrived" in subject;

/** Ends when one of the `subjects` may be ready. */
async function until(calls: Calls, subjects: readonly Subject[]): Promise<void> {
  const timers: Timer[] = [];
  const sleep = (ms: number) =>
    new Promise<void>((resolve) => timers.push(setTimeout(resolve, Math.min(ms, MOST_MS))));
  try {
    await Promise.race(subjects.map((subject) => {
      if (isEvent(subject)) return subject.arrived();
      const wait = subject.wait();
      if (wait === "ready") return undefined;
      if ("fd" in wait) return watch(calls, subject, sleep);
      return sleep(Math.max(0, Number(wait.atNs - calls.clockTime(CLOCK.MONOTONIC)) / NS_PER_MS));
    }));
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

/** A descriptor of the guest's: looked at now and again, since the event loop is Deno's own. */
async function watch(calls: Calls, subject: Subject, sleep: (ms: number) => Promise<void>) {
  for (let ms = FIRST_LOOK_MS; !isReady(calls, subject); ms = Math.min(2 * ms, LAST_LOOK_MS)) {
    await sleep(ms);
  }
}

function isReady(calls: Calls, subject: Subject): boolean {
  return subject.wait() === "ready" || new Pollable(nobody, calls, subject).ready();
}

/** Resources that no guest holds. */
const nobody = { add() {}, remove() {} } as unknown as Scope;

/** Functions to put in place of the synchronous host's, and which of them may answer a promise. */
export function waitingInterfaces(calls: Calls, scope: Scope): HostInterfaces {
  const subscribe = (stream: InputStream | OutputStream): Pollable => {
    const subject = stream.subject;
    const wait = () => stream.closed ? "ready" as const : subject.wait();
    const arrived = isEvent(subject) ? { arrived: () => subject.arrived() } : {};
    return new Pollable(scope, calls, { wait, ...arrived });
  };

  async function block(pollable: Pollable): Promise<void> {
    while (!pollable.ready()) await until(calls, [pollable.subject]);
  }

  function readyOf(list: readonly Pollable[]): number[] {
    return list.flatMap((pollable, index) => pollable.ready() ? [index] : []);
  }

  async function poll(list: readonly Pollable[]): Promise<number[]> {
    for (;;) {
      const ready = readyOf(list);
      if (ready.length > 0) return ready;
      await until(calls, list.map(({ subject }) => subject));
    }
  }

  /** @returns a promise only when there is nothing yet */
  function read(
    stream: InputStream,
    size: bigint,
  ): Result<Uint8Array, StreamError> | Promise<Result<Uint8Array, StreamError>> {
    const taken = stream.take(size, !isEvent(stream.subject) && stream.subject.wait() === "ready");
    if (!(taken instanceof Uint8Array)) return err(taken);
    if (taken.length > 0 || size === 0n) return ok(taken);
    return until(calls, [stream.subject]).then(() => read(stream, size));
  }

  function flush(
    stream: OutputStream,
  ): Result<undefined, StreamError> | Promise<Result<undefined, StreamError>> {
    if (stream.closed) return stream.flush();
    const flushed = stream.sink.flushed?.() ?? true;
    if (flushed === true) return DONE;
    if (typeof flushed === "number") return stream.flush();
    return until(calls, [stream.subject]).then(() => flush(stream));
  }

  /** All of `bytes`, as room is made for them. */
  function write(
    stream: OutputStream,
    bytes: Uint8Array,
  ): Result<undefined, StreamError> | Promise<Result<undefined, StreamError>> {
    const room = stream.room();
    if (typeof room !== "number") return err(room);
    const failed = stream.put(room < bytes.length ? bytes.subarray(0, room) : bytes);
    if (failed) return err(failed);
    if (room >= bytes.length) return flush(stream);
    return until(calls, [stream.subject]).then(() => write(stream, bytes.subarray(room)));
  }

  async function writeZeroes(
    stream: OutputStream,
    size: bigint,
  ): Promise<Result<undefined, StreamError>> {
    for (let left = Number(size); left > 0; left -= ZEROES_BYTES) {
      const written = await write(stream, new Uint8Array(Math.min(left, ZEROES_BYTES)));
      if (written.tag === "err") return written;
    }
    return DONE;
  }

  async function splice(
    to: OutputStream,
    from: InputStream,
    size: bigint,
  ): Promise<Result<bigint, StreamError>> {
    for (;;) {
      const room = to.room();
      if (typeof room !== "number") return err(room);
      if (room === 0) await until(calls, [to.subject]);
      else {
        const taken = await read(from, size < room ? size : BigInt(room));
        if (taken.tag === "err") return taken;
        const failed = to.put(taken.val);
        return failed ? err(failed) : ok(BigInt(taken.val.length));
      }
    }
  }

  return {
    "wasi:io/poll": {
      Pollable,
      "[method]pollable.block": (pollable: Pollable) =>
        pollable.ready() ? undefined : block(pollable),
      poll: (list: Pollable[]) => {
        if (list.length === 0) throw new WebAssembly.RuntimeError("poll: the list is empty");
        const ready = readyOf(list);
        return ready.length > 0 ? ready : poll(list);
      },
    },
    "wasi:io/streams": {
      InputStream,
      OutputStream,
      "[method]input-stream.subscribe": subscribe,
      "[method]output-stream.subscribe": subscribe,
      "[method]input-stream.blocking-read": read,
      "[method]input-stream.blocking-skip": async (stream: InputStream, size: bigint) => {
        const taken = await read(stream, size);
        return taken.tag === "ok" ? ok(BigInt(taken.val.length)) : taken;
      },
      "[method]output-stream.blocking-flush": flush,
      "[method]output-stream.blocking-write-and-flush": write,
      "[method]output-stream.blocking-write-zeroes-and-flush": writeZeroes,
      "[method]output-stream.blocking-splice": splice,
    },
  };
}

/** What waitingInterfaces() gives that may answer a promise. */
export function suspends(interfaceName: string, name: string): boolean {
  if (interfaceName === "wasi:io/poll") return name === "poll" || name.endsWith(".block");
  return interfaceName === "wasi:io/streams" && /\.blocking-/.test(name);
}
