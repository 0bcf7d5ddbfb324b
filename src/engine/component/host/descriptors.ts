/** Sources and sinks over descriptors of this process. */

import { POLL } from "../../../linux/system.ts";
import type { Calls } from "./calls.ts";
import { isReady, type Wait, waitFor } from "./poll.ts";
import type { Errno, Sink, Source } from "./streams.ts";

const EINTR = -4;
const EAGAIN = -11;

/** What a pipe or a terminal that is ready takes without waiting: PIPE_BUF of pipe(7). */
const PIPE_ROOM = 4096;

/** What is read last: a reader copies it before it reads again. */
let scratch = new Uint8Array(1 << 16);

/** A buffer of `size` bytes, the same each time. */
export function scratchOf(size: number): Uint8Array<ArrayBuffer> {
  if (scratch.length < size) scratch = new Uint8Array(size);
  return scratch.subarray(0, size);
}

/** The bytes that `read` puts into a buffer of `size`; null at the end; empty when it would wait. */
export function readWith(
  size: number,
  read: (buffer: Uint8Array<ArrayBuffer>) => number,
): Uint8Array | null | Errno {
  const buffer = scratchOf(size);
  for (;;) {
    const count = read(buffer);
    if (count > 0) return buffer.subarray(0, count);
    if (count === 0) return null;
    if (count === EAGAIN) return buffer.subarray(0, 0);
    if (count !== EINTR) return count;
  }
}

/** Write all of `bytes` with `write`, waiting for `wait` where that is needed. 0 or a negative errno. */
export function writeWith(
  calls: Calls,
  bytes: Uint8Array,
  wait: Wait,
  write: (bytes: Uint8Array, at: number) => number,
): Errno {
  for (let at = 0; at < bytes.length;) {
    const count = write(at === 0 ? bytes : bytes.subarray(at), at);
    if (count >= 0) at += count;
    else if (count === EAGAIN) waitFor(calls, wait);
    else if (count !== EINTR) return count;
  }
  return 0;
}

/** Standard input: a descriptor that others may have, too, so that its O_NONBLOCK is not ours to set. */
export class SharedSource implements Source {
  constructor(readonly calls: Calls, readonly fd: number) {}

  wait(): Wait {
    return { fd: this.fd, events: POLL.IN };
  }

  read(size: number): Uint8Array | null | Errno {
    return isReady(this.calls, this.wait()) ? this.readBlocking(size) : new Uint8Array();
  }

  readBlocking(size: number): Uint8Array | null | Errno {
    return readWith(size, (buffer) => this.calls.read(this.fd, buffer));
  }
}

/** Standard output and error. */
export class SharedSink implements Sink {
  constructor(readonly calls: Calls, readonly fd: number) {}

  wait(): Wait {
    return { fd: this.fd, events: POLL.OUT };
  }

  room(): number {
    return isReady(this.calls, this.wait()) ? PIPE_ROOM : 0;
  }

  write(bytes: Uint8Array): Errno {
    return writeWith(this.calls, bytes, this.wait(), (rest) => this.calls.write(this.fd, rest));
  }
}
