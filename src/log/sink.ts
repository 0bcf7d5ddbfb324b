/** Where log lines go: a pipe that nobody may be reading. */

/** Writes some of `bytes` at once and answers how many, or throws. */
export type WriteSync = (bytes: Uint8Array) => number;

const encoder = new TextEncoder();

/**
 * Writes lines without ever waiting or throwing: a reader that is slow or gone must not stop a
 * container. What does not fit is dropped and counted, and the next line that gets through says how
 * many were. A line that fits in part is completed before another one starts.
 */
export class Sink {
  #dropped = 0;
  #rest: Uint8Array = new Uint8Array();

  constructor(readonly writeSync: WriteSync) {}

  /** Writes `line`, which holds no newline, and a newline. */
  write(line: string): void {
    this.#rest = this.#push(this.#rest);
    if (this.#rest.length > 0) {
      this.#dropped++;
      return;
    }
    const suffix = this.#dropped > 0 ? ` dropped=${this.#dropped}` : "";
    const bytes = encoder.encode(`${line}${suffix}\n`);
    const rest = this.#push(bytes);
    if (rest.length === bytes.length) {
      this.#dropped++;
      return;
    }
    this.#rest = rest;
    this.#dropped = 0;
  }

  /** Writes what it can of `bytes` and answers the rest. */
  #push(bytes: Uint8Array): Uint8Array {
    try {
      while (bytes.length > 0) {
        const count = this.writeSync(bytes);
        if (count === 0) break;
        bytes = bytes.subarray(count);
      }
    } catch {
      // EAGAIN, EPIPE: counted by the caller; there is nobody to tell.
    }
    return bytes;
  }
}
