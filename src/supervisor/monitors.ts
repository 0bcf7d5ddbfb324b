/** Who waits for which monitor: they are started by others, and connect to the control socket. */

import { ShimError } from "../errdefs/mod.ts";
import type { LineConnection } from "./lines.ts";
import { Monitor, SIGKILL } from "./monitor.ts";

/** How long a process may take to be forked, or its monitor to be spawned. */
const CONNECT_TIMEOUT_MS = 30_000;

/** How long a process may take to be set up: an OCI runtime's command, or a sandbox. */
const SET_UP_TIMEOUT_MS = 30_000;

/** A monitor that is waited for, until disposed. */
export interface Expected extends Disposable {
  readonly monitor: Promise<Monitor>;
  /** It will not come. */
  fail(error: ShimError): void;
}

/** The key of a container's process: its init, or with `execId` one that is exec'd into it. */
export function processKey(id: string, execId?: string): string {
  return execId === undefined ? id : `${id}/${execId}`;
}

export class Monitors {
  readonly #expected = new Map<string, PromiseWithResolvers<LineConnection>>();

  /** Wait for the monitor of `key`, until `signal` is aborted or too much time has passed. */
  expect(key: string, signal: AbortSignal): Expected {
    const expected = Promise.withResolvers<LineConnection>();
    this.#expected.set(key, expected);
    const forget = () => {
      if (this.#expected.get(key) === expected) this.#expected.delete(key);
    };
    const fail = (error: ShimError) => {
      forget(); // one that comes yet is to end its process
      expected.reject(error);
    };
    const late = () =>
      fail(new ShimError("DeadlineExceeded", `set up ${key}: no answer of its monitor`));
    const timer = setTimeout(late, CONNECT_TIMEOUT_MS);
    signal.addEventListener("abort", late);
    if (signal.aborted) late();
    const monitor = expected.promise.then((connection) => new Monitor(connection));
    monitor.catch(() => {}); // whoever asks sees it
    return {
      monitor,
      fail,
      [Symbol.dispose]: () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", late);
        forget();
      },
    };
  }

  /** One has connected. One that nobody waits for is to end its process: it was given up. */
  connected(connection: LineConnection, key: string): void {
    const expected = this.#expected.get(key);
    this.#expected.delete(key);
    if (expected) return expected.resolve(connection);
    connection.write(`kill ${SIGKILL}\n`).catch(() => {}).finally(() =>
      connection[Symbol.dispose]()
    );
  }
}

/**
 * The pid of the monitor's process, when that is set up.
 * @throws RuntimeRefusal; ShimError DeadlineExceeded, or the reason for which `signal` is aborted: the process is killed
 */
export async function untilReady(
  monitor: Monitor,
  key: string,
  signal: AbortSignal,
): Promise<number> {
  const given = Promise.withResolvers<never>();
  const give = (reason: unknown) => {
    given.reject(reason);
    monitor.kill(SIGKILL);
  };
  const late = new ShimError(
    "DeadlineExceeded",
    `set up ${key}: not within ${SET_UP_TIMEOUT_MS} ms`,
  );
  const timer = setTimeout(() => give(late), SET_UP_TIMEOUT_MS);
  const abort = () => give(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([monitor.ready, given.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
