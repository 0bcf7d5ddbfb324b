/**
 * The body of a message that is sent, as a sink of an output stream. What the guest writes before it first waits is kept:
 * most bodies are complete by then, and go out in one piece without a stream.
 */

import type { Wait } from "../component/host/poll.ts";
import type { Errno, Sink } from "../component/host/streams.ts";
import { ERRNO } from "./error_code.ts";
import { type Event, NOT_READY } from "./waiting.ts";

/** How much is kept until it goes out. */
const MOST_BYTES = 1 << 16;

/** How the body ended: "open": it has not. */
type State = "open" | "complete" | "failed" | "unwanted";

export class BodySink implements Sink, Event {
  readonly isNetwork = true;
  #state: State = "open";
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #kept = 0;
  /** All that was ever written. */
  written = 0;
  #changed: PromiseWithResolvers<void> | undefined;

  get complete(): boolean {
    return this.#state === "complete";
  }

  /** Takes the whole of a complete body. */
  take(): Uint8Array<ArrayBuffer> {
    const [first = new Uint8Array()] = this.#chunks;
    if (this.#chunks.length <= 1) return first;
    const whole = new Uint8Array(this.#kept);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /** What is written from now on, and was before. Called once, instead of take(). */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      pull: async (controller) => {
        while (this.#chunks.length === 0 && this.#state === "open") await this.arrived();
        const chunks = this.#chunks;
        this.#chunks = [];
        this.#kept = 0;
        this.#wake();
        for (const chunk of chunks) controller.enqueue(chunk);
        if (this.#state === "complete") controller.close();
        else if (this.#state === "failed") controller.error(new Error("the guest did not finish"));
      },
      cancel: () => this.end("unwanted"),
    }, { highWaterMark: 0 });
  }

  /** Without effect when it has ended already. */
  end(state: Exclude<State, "open">): void {
    if (this.#state !== "open") return;
    this.#state = state;
    this.#wake();
  }

  room(): number | Errno {
    if (this.#state !== "open") return -ERRNO.EPIPE;
    return Math.max(0, MOST_BYTES - this.#kept);
  }

  /** `bytes` are the sink's from now on. */
  write(bytes: Uint8Array): Errno {
    if (this.#state !== "open") return -ERRNO.EPIPE;
    this.#chunks.push(bytes as Uint8Array<ArrayBuffer>);
    this.#kept += bytes.length;
    this.written += bytes.length;
    this.#wake();
    return 0;
  }

  wait(): Wait {
    return this.#state !== "open" || this.#kept < MOST_BYTES ? "ready" : NOT_READY;
  }

  /** The next change on either side. */
  arrived(): Promise<void> {
    this.#changed ??= Promise.withResolvers();
    return this.#changed.promise;
  }

  #wake(): void {
    this.#changed?.resolve();
    this.#changed = undefined;
  }
}
