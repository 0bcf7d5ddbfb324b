/** Frames over one connection. */

import { type Frame, FrameDecoder } from "./frame.ts";

const READ_BUFFER_LENGTH = 16 * 1024;

/** The part of Deno.Conn that a channel uses. */
export interface Connection {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** Reads frames from a connection and writes frames to it, whole and in the order of `send`. */
export class Channel {
  readonly #connection: Connection;
  #tail: Promise<void> = Promise.resolve();
  #failed = false;
  #closed = false;

  /** Takes ownership of `connection`. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * The frames that come, until the peer or `close` ends the connection; throws InvalidArgument at
   * bytes that are no frame. While its consumer is busy nothing is read.
   */
  async *receive(): AsyncGenerator<Frame> {
    const buffer = new Uint8Array(READ_BUFFER_LENGTH);
    const decoder = new FrameDecoder();
    for (;;) {
      const count = await this.#read(buffer);
      if (count === null) return;
      yield* decoder.push(buffer.subarray(0, count));
    }
  }

  /**
   * Writes the bytes of a frame after those before it. Resolves to whether they were written: false
   * when the connection has ended.
   */
  send(bytes: Uint8Array): Promise<boolean> {
    const sent = this.#tail.then(() => this.#write(bytes));
    this.#tail = sent.then(() => {});
    return sent;
  }

  /** Resolves when nothing sent before is left to be written. */
  flushed(): Promise<void> {
    return this.#tail;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    try {
      return await this.#connection.read(buffer);
    } catch {
      return null; // reset by the peer, or closed here
    }
  }

  async #write(bytes: Uint8Array): Promise<boolean> {
    try {
      while (bytes.length > 0 && !this.#failed) {
        bytes = bytes.subarray(await this.#connection.write(bytes));
      }
    } catch {
      this.#failed = true;
    }
    return !this.#failed;
  }
}
