/** Reading directories for wasi:filesystem. */

import { O } from "../../../linux/system.ts";
import type { Calls } from "./calls.ts";
import { type FilesystemCode, filesystemCode, filesystemResult } from "./codes.ts";
import { Resource, type Scope } from "./resource.ts";
import { err, ok, type Result } from "./result.ts";
import { type DescriptorType, descriptorType } from "./stat.ts";

export interface DirectoryEntry {
  type: DescriptorType;
  name: string;
}

/** dirent of WASI preview 1: u64 next cookie, u64 inode, u32 size of the name, u8 type; the name after HEAD_BYTES. */
const NAME_SIZE_AT = 16;
const TYPE_AT = 20;
const HEAD_BYTES = 24;

const BUFFER_BYTES = 1 << 15;

/** File types of WASI preview 1. */
const TYPES: Record<number, DescriptorType> = {
  1: "block-device",
  2: "character-device",
  3: "directory",
  4: "regular-file",
  6: "socket",
  7: "symbolic-link",
};

export class DirectoryEntryStream extends Resource {
  readonly #ahead = new Uint8Array(BUFFER_BYTES);
  readonly #entries = new Uint8Array(BUFFER_BYTES);
  #at = 0;
  #end = 0;
  #cookie = 0n;
  #last = false;

  /** @param fd of the directory, the stream's own */
  constructor(scope: Scope, readonly calls: Calls, readonly fd: number) {
    super(scope);
  }

  /** Without "." and "..". */
  readDirectoryEntry(): Result<DirectoryEntry | undefined, FilesystemCode> {
    for (;;) {
      const entry = this.#next();
      if (typeof entry === "number") return err(filesystemCode(-entry));
      if (entry?.name !== "." && entry?.name !== "..") return ok(entry);
    }
  }

  #next(): DirectoryEntry | undefined | number {
    for (;;) {
      const entries = this.#entries.subarray(this.#at, this.#end);
      const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
      const size = entries.length < HEAD_BYTES
        ? Infinity
        : HEAD_BYTES + view.getUint32(NAME_SIZE_AT, true);
      if (size <= entries.length) {
        this.#at += size;
        this.#cookie = view.getBigUint64(0, true);
        const name = new TextDecoder().decode(entries.subarray(HEAD_BYTES, size));
        return { type: TYPES[entries[TYPE_AT]] ?? this.#typeOf(name), name };
      }
      if (this.#last) return undefined;
      // What is cut off comes again.
      const count = this.calls.readdir(this.fd, this.#ahead, this.#cookie, this.#entries);
      if (count < 0) return count;
      [this.#at, this.#end, this.#last] = [0, count, count < BUFFER_BYTES];
    }
  }

  #typeOf(name: string): DescriptorType {
    const stat = this.calls.statAt(this.fd, name, 0);
    return typeof stat === "number" ? "unknown" : descriptorType(stat);
  }

  protected override release(): void {
    this.calls.close(this.fd);
  }
}

/** A stream of the entries of the directory `fd`, by a descriptor of its own, which begins at the beginning. */
export function openEntries(
  scope: Scope,
  calls: Calls,
  fd: number,
): Result<DirectoryEntryStream, FilesystemCode> {
  const own = calls.open(fd, ".", O.DIRECTORY, 0, 0);
  if (own < 0) return filesystemResult(own, undefined as never);
  return ok(new DirectoryEntryStream(scope, calls, own));
}
