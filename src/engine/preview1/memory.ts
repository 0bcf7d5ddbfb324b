/** A guest's memory. */

import { ERRNO, errno } from "./errno.ts";

const NONE = new Uint8Array(0);

/**
 * Views of a guest's memory, made again only when it has grown: `fresh` before any other use in a call.
 * Addresses and sizes are unsigned (`>>> 0` of what the guest passes).
 */
export class Memory {
  bytes: Uint8Array<ArrayBuffer> = NONE;
  view = new DataView(NONE.buffer);
  /** As a parameter of System's functions. */
  size = 0n;
  #memory: WebAssembly.Memory | undefined;
  #shared = false;

  /** Use `memory`; undefined: a guest without one, every address of which is a fault. */
  attach(memory: WebAssembly.Memory | undefined): void {
    this.#memory = memory;
    this.#shared = memory !== undefined && !(memory.buffer instanceof ArrayBuffer);
    this.#renew();
  }

  /** Itself, as large as the memory is now: growing detaches a buffer, or with a shared one makes another. */
  fresh(): this {
    if (this.bytes.length === 0 || this.#shared) this.#renew();
    return this;
  }

  #renew(): void {
    const buffer = (this.#memory?.buffer ?? NONE.buffer) as ArrayBuffer;
    if (this.bytes.buffer === buffer && this.bytes.length === buffer.byteLength) return;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.size = BigInt(buffer.byteLength);
  }

  /** Whether all of the `size` bytes at `at` are the guest's. */
  has(at: number, size: number): boolean {
    return at + size <= this.bytes.length;
  }

  /** A copy of them. */
  copy(at: number, size: number): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(at, at + size);
  }

  /** Put the u32 that a call answered at `at`, which has been checked; or say what its negative errno means. */
  answer(at: number, result: number): number {
    if (result < 0) return errno(result);
    this.view.setUint32(at, result, true);
    return ERRNO.SUCCESS;
  }
}
