/** Instances that wait for requests: made while there is nothing else to do, and no more than so many at a time. */

import type { Linked } from "../linker/link.ts";
import { dispose } from "../linker/memory.ts";
import type { Timer } from "./waiting.ts";

export interface PoolOptions {
  make: () => Linked;
  /** Whether one that has served a request serves the next. */
  reuse: boolean;
  /** How many to keep ready. */
  ready: number;
  /** How many may serve at the same time; requests wait for more. */
  most: number;
}

/** One that still holds so many handles after a request leaks them. */
const MOST_HANDLES = 1000;

export class Pool {
  readonly #idle: Linked[] = [];
  readonly #waiting: PromiseWithResolvers<Linked>[] = [];
  #busy = 0;
  #filling: Timer | undefined;

  constructor(readonly options: PoolOptions) {}

  /** One at once, or undefined: as many serve as may. Throws what making one did. */
  takeNow(): Linked | undefined {
    if (this.#busy === this.options.most) return undefined;
    const instance = this.#idle.pop() ?? this.options.make();
    this.#busy++;
    return instance;
  }

  take(): Promise<Linked> {
    const waiting = Promise.withResolvers<Linked>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Give one back. @param sound it may serve again, as far as it goes */
  give(instance: Linked, sound: boolean): void {
    this.#busy--;
    if (sound && this.options.reuse && instance.handles.size < MOST_HANDLES) {
      this.#idle.push(instance);
    } else {
      for (const item of instance.handles.drain()) dispose(item);
      this.fill();
    }
    while (this.#waiting.length > 0) {
      try {
        const next = this.takeNow();
        if (!next) return;
        this.#waiting.shift()!.resolve(next);
      } catch (error) {
        this.#waiting.shift()!.reject(error);
      }
    }
  }

  /** Make what is missing, one at a time, when the event loop has nothing else. */
  fill(): void {
    if (this.#filling !== undefined || this.#idle.length >= this.options.ready) return;
    this.#filling = setTimeout(() => {
      this.#filling = undefined;
      try {
        this.#idle.unshift(this.options.make());
      } catch {
        return; // the request that needs one is told
      }
      this.fill();
    });
  }

  close(): void {
    clearTimeout(this.#filling);
    this.#idle.length = 0;
  }
}
