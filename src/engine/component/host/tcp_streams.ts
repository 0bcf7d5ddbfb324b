/** The two directions of a TCP connection, over a descriptor that does not block. */

import { POLL } from "../../../linux/system.ts";
import { readWith } from "./descriptors.ts";
import type { OpenFile } from "./files.ts";
import type { Wait } from "./poll.ts";
import type { Errno, Sink, Source } from "./streams.ts";

const EAGAIN = -11;

/** How much may be taken that has not been sent. */
const ROOM = 1 << 16;

abstract class TcpEnd {
  readonly isNetwork = true;

  constructor(readonly file: OpenFile) {}

  close(): void {
    this.file.release();
  }
}

export class TcpSource extends TcpEnd implements Source {
  wait(): Wait {
    return { fd: this.file.fd, events: POLL.IN };
  }

  read(size: number): Uint8Array | null | Errno {
    const { calls, fd } = this.file;
    return readWith(size, (buffer) => calls.receive(fd, buffer));
  }
}

/** What the kernel does not take at once is kept, and there is no room until it has gone. */
export class TcpSink extends TcpEnd implements Sink {
  #kept = new Uint8Array();

  wait(): Wait {
    return { fd: this.file.fd, events: POLL.OUT };
  }

  room(): number | Errno {
    const flushed = this.flushed();
    return typeof flushed === "number" ? flushed : flushed ? ROOM : 0;
  }

  write(bytes: Uint8Array): Errno {
    const sent = this.#kept.length > 0 ? 0 : this.#send(bytes);
    if (sent < 0) return sent;
    if (sent < bytes.length) this.#keep(bytes.subarray(sent));
    return 0;
  }

  flushed(): boolean | Errno {
    if (this.#kept.length === 0) return true;
    const sent = this.#send(this.#kept);
    if (sent < 0) return sent;
    this.#kept = this.#kept.subarray(sent);
    return this.#kept.length === 0;
  }

  /** Copied: they are the guest's. */
  #keep(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#kept.length + bytes.length);
    all.set(this.#kept);
    all.set(bytes, this.#kept.length);
    this.#kept = all;
  }

  /** How many bytes have gone, which may be 0; or a negative errno. */
  #send(bytes: Uint8Array): number {
    const { calls, fd } = this.file;
    for (let at = 0;;) {
      const count = calls.send(fd, at === 0 ? bytes : bytes.subarray(at));
      if (count === EAGAIN) return at;
      if (count < 0) return count;
      at += count;
      if (at >= bytes.length) return at;
    }
  }
}
