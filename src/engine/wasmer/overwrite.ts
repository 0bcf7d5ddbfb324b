/**
 * Writing over what a file holds. Wasmer's file system in memory puts what is written in the middle of a file before what was
 * there: so the file is cut off first, and gets its end back after.
 */

import { ERRNO } from "../preview1/errno.ts";
import type { Functions } from "./library.ts";

type Write = Functions[string];

/** fdstat: u8 type, u16 flags at 2. filestat: u64 size at 32. */
const STAT = { fdflags: 2, size: 32 } as const;
const APPEND = 1;
/**
 * Their functions answer in the guest's memory: what is at its begin is kept aside for that. A vector, the count of bytes or
 * a stat, then data.
 */
const SCRATCH = { vector: 0, result: 16, data: 96, bytes: 1 << 15 } as const;

/** fd_write and fd_pwrite for files, given theirs. */
export function overwriting(
  theirs: Functions,
  memory: () => WebAssembly.Memory | undefined,
): { fd_write: Write; fd_pwrite: Write } {
  const files = new Files(theirs, memory);
  return {
    fd_write: (fd, vectors, count, sizeAt) =>
      files.write(
        fd,
        files.position(fd),
        vectors,
        count,
        () => theirs.fd_write(fd, vectors, count, sizeAt),
      ),
    fd_pwrite: (fd, vectors, count, offset, sizeAt) =>
      files.write(
        fd,
        offset as bigint,
        vectors,
        count,
        () => theirs.fd_pwrite(fd, vectors, count, offset, sizeAt),
      ),
  };
}

class Files {
  constructor(readonly theirs: Functions, readonly memory: () => WebAssembly.Memory | undefined) {}

  /** `write`, which writes the `vectors` at `offset` (undefined: at the end). */
  write(
    fd: number | bigint,
    offset: bigint | undefined,
    vectors: number | bigint,
    count: number | bigint,
    write: () => number,
  ): number {
    const size = this.#stat(
      fd,
      "fd_filestat_get",
      (view, at) => view.getBigUint64(at + STAT.size, true),
    );
    const written = this.#sizeOf(Number(vectors) >>> 0, Number(count) >>> 0);
    if (offset === undefined || size === undefined || written === undefined) return write();
    if (written === 0 || offset >= size) return write();
    const covered = this.#read(fd, offset, Number(size - offset));
    if (!covered || this.theirs.fd_filestat_set_size(fd, offset)) return write();
    const failed = write();
    const rest = failed ? covered : covered.subarray(written);
    this.#append(fd, failed ? offset : offset + BigInt(written), rest);
    // Theirs keeps the size of a file apart, and does not change it in fd_pwrite.
    const end = failed ? size : offset + BigInt(written);
    this.theirs.fd_filestat_set_size(fd, end > size ? end : size);
    return failed;
  }

  /** Where fd_write would write; undefined: at the end, or it is no file. */
  position(fd: number | bigint): bigint | undefined {
    const flags = this.#stat(
      fd,
      "fd_fdstat_get",
      (view, at) => view.getUint16(at + STAT.fdflags, true),
    );
    if (flags === undefined || flags & APPEND) return undefined;
    return this.#stat(fd, "fd_tell", (view, at) => view.getBigUint64(at, true));
  }

  #stat<T>(
    fd: number | bigint,
    name: string,
    take: (view: DataView, at: number) => T,
  ): T | undefined {
    return this.#scratch(() => {
      if (this.theirs[name](fd, SCRATCH.result) !== ERRNO.SUCCESS) return undefined;
      return take(new DataView(this.memory()!.buffer), SCRATCH.result);
    });
  }

  /** The bytes of the guest's vectors; undefined when they are not inside of its memory. */
  #sizeOf(vectors: number, count: number): number | undefined {
    const buffer = this.memory()!.buffer;
    if (vectors + 8 * count > buffer.byteLength) return undefined;
    const view = new DataView(buffer);
    let size = 0;
    for (let index = 0; index < count; index++) {
      const at = view.getUint32(vectors + 8 * index, true);
      const part = view.getUint32(vectors + 8 * index + 4, true);
      if (at + part > buffer.byteLength) return undefined;
      size += part;
    }
    return size;
  }

  #read(fd: number | bigint, offset: bigint, size: number): Uint8Array | undefined {
    const content = new Uint8Array(size);
    for (let done = 0; done < size;) {
      const count = this.#transfer(
        fd,
        "fd_pread",
        offset + BigInt(done),
        Math.min(size - done, SCRATCH.bytes),
        (data) => {
          content.set(data, done);
        },
      );
      if (count === undefined || count === 0) return undefined;
      done += count;
    }
    return content;
  }

  #append(fd: number | bigint, offset: bigint, content: Uint8Array): void {
    for (let done = 0; done < content.length;) {
      const part = content.subarray(done, done + SCRATCH.bytes);
      const count = this.#transfer(
        fd,
        "fd_pwrite",
        offset + BigInt(done),
        part.length,
        () => {},
        part,
      );
      if (count === undefined || count === 0) return;
      done += count;
    }
  }

  #transfer(
    fd: number | bigint,
    name: "fd_pread" | "fd_pwrite",
    offset: bigint,
    size: number,
    take: (data: Uint8Array) => void,
    given?: Uint8Array,
  ): number | undefined {
    return this.#scratch(() => {
      const bytes = new Uint8Array(this.memory()!.buffer);
      const view = new DataView(bytes.buffer);
      view.setUint32(SCRATCH.vector, SCRATCH.data, true);
      view.setUint32(SCRATCH.vector + 4, size, true);
      if (given) bytes.set(given, SCRATCH.data);
      if (this.theirs[name](fd, SCRATCH.vector, 1, offset, SCRATCH.result)) return undefined;
      const count = view.getUint32(SCRATCH.result, true);
      take(bytes.subarray(SCRATCH.data, SCRATCH.data + count));
      return count;
    });
  }

  /** `use` of the begin of memory, which is as it was after; undefined when there is not as much. */
  #scratch<T>(use: () => T): T | undefined {
    const size = SCRATCH.data + SCRATCH.bytes;
    const buffer = this.memory()!.buffer;
    if (buffer.byteLength < size) return undefined;
    const bytes = new Uint8Array(buffer);
    const kept = bytes.slice(0, size);
    try {
      return use();
    } finally {
      bytes.set(kept);
    }
  }
}
