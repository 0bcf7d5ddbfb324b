/** Reading a directory with cookies that are small. */

import { READDIR_SIZE, type System } from "../../linux/system.ts";
import { ERRNO, errno } from "./errno.ts";
import type { Memory } from "./memory.ts";

/** A dirent: next cookie, inode, size of the name, type; then the name. */
const DIRENT = { size: 24, next: 0, nameSize: 16 } as const;

/**
 * The entries of one open directory. The kernel's cookies take 63 bits, and wasi-libc's telldir has a `long` of 32:
 * the guest's are the count of entries up to there.
 */
export class Entries {
  /** What System.readdir has read ahead. */
  readonly #ahead = new Uint8Array(READDIR_SIZE);
  /** The kernel's cookie after 1, 2, 3... entries, as many as were read. */
  #places = new BigInt64Array(64);
  #known = 0;

  constructor(readonly system: System) {}

  /**
   * Put what comes after `cookie` of the open directory `host` into the `size` bytes at `at`, which have been checked,
   * and their count at `sizeAt`.
   * @returns an errno: INVAL for a cookie that was not given
   */
  read(
    host: number,
    cookie: bigint,
    memory: Memory,
    at: number,
    size: number,
    sizeAt: number,
  ): number {
    if (cookie < 0n || cookie > this.#known) return ERRNO.INVAL;
    const first = Number(cookie);
    const place = first === 0 ? 0n : this.#places[first - 1];
    const { bytes, view } = memory;
    const used = this.system.readdir(host, this.#ahead, READDIR_SIZE, place, bytes, at, size);
    if (used < 0) return errno(used);
    const end = at + used;
    for (let number = first + 1; end - at >= 8; number++) {
      const next = view.getBigInt64(at + DIRENT.next, true);
      view.setBigInt64(at + DIRENT.next, BigInt(number), true);
      if (end - at < DIRENT.size) break;
      at += DIRENT.size + view.getUint32(at + DIRENT.nameSize, true);
      if (at <= end) this.#know(number, next); // else it was cut off, and comes again
    }
    return memory.answer(sizeAt, used);
  }

  #know(number: number, place: bigint): void {
    if (number > this.#places.length) {
      const places = new BigInt64Array(2 * this.#places.length);
      places.set(this.#places);
      this.#places = places;
    }
    this.#places[number - 1] = place;
    this.#known = Math.max(this.#known, number);
  }
}
