/** The body of a message that is received, as a source of an input stream. */

import type { Wait } from "../component/host/poll.ts";
import type { Errno, Source } from "../component/host/streams.ts";
import { ERRNO } from "./error_code.ts";
import { type Event, NOT_READY, type Timer } from "./waiting.ts";

const NOTHING = new Uint8Array();

/** Takes one chunk at a time, when it is asked for. */
export class BodySource implements Source, Event {
  readonly isNetwork = true;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #chunk = NOTHING;
  #at = 0;
  #ended: boolean;
  #errno: number | undefined;
  #pending: Promise<void> | undefined;

  /** @param betweenMs the longest to wait for a chunk; undefined: for ever */
  constructor(
    body: ReadableStream<Uint8Array> | null,
    readonly betweenMs?: number,
  ) {
    this.#reader = body?.getReader();
    this.#ended = !body;
  }

  get #has(): boolean {
    return this.#at < this.#chunk.length;
  }

  wait(): Wait {
    if (this.#has || this.#ended || this.#errno !== undefined) return "ready";
    void this.arrived(); // whoever asks wants it to come
    return NOT_READY;
  }

  read(size: number): Uint8Array | null | Errno {
    if (this.#has) {
      const part = this.#chunk.subarray(this.#at, this.#at + size);
      this.#at += part.length;
      return part;
    }
    if (this.#errno !== undefined) return -this.#errno;
    if (this.#ended) return null;
    void this.arrived();
    return NOTHING;
  }

  arrived(): Promise<void> {
    return this.#pending ??= this.#pull().finally(() => this.#pending = undefined);
  }

  async #pull(): Promise<void> {
    if (this.#has || this.#ended || !this.#reader) return;
    let timer: Timer | undefined;
    try {
      const next = this.#reader.read();
      const late = this.betweenMs === undefined ? undefined : new Promise<"late">((resolve) => {
        timer = setTimeout(() => resolve("late"), this.betweenMs);
      });
      const read = await (late ? Promise.race([next, late]) : next);
      if (read === "late") {
        this.#errno = ERRNO.ETIMEDOUT;
        next.catch(() => {});
        this.#reader.cancel().catch(() => {});
      } else if (read.done) this.#ended = true;
      else {
        this.#chunk = read.value as Uint8Array<ArrayBuffer>;
        this.#at = 0;
      }
    } catch {
      this.#errno ??= ERRNO.ECONNRESET;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Nobody wants the rest. */
  close(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    if (!this.#ended) reader?.cancel().catch(() => {});
    this.#ended = true;
  }
}
