/** The open files of a guest. */

import { O, S_IF, STAT_MODE, STAT_SIZE, type System } from "../../linux/system.ts";
import type { Entries } from "./entries.ts";
import { ERRNO } from "./errno.ts";
import { APPLICABLE, RIGHT } from "./rights.ts";

/** File types: https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#filetype */
export const FILETYPE = {
  UNKNOWN: 0,
  BLOCK_DEVICE: 1,
  CHARACTER_DEVICE: 2,
  DIRECTORY: 3,
  REGULAR_FILE: 4,
  SOCKET_DGRAM: 5,
  SOCKET_STREAM: 6,
  SYMBOLIC_LINK: 7,
} as const;

const BY_FORMAT: Readonly<Record<number, number>> = {
  [S_IF.BLK]: FILETYPE.BLOCK_DEVICE,
  [S_IF.CHR]: FILETYPE.CHARACTER_DEVICE,
  [S_IF.DIR]: FILETYPE.DIRECTORY,
  [S_IF.REG]: FILETYPE.REGULAR_FILE,
  [S_IF.SOCK]: FILETYPE.SOCKET_STREAM,
  [S_IF.LNK]: FILETYPE.SYMBOLIC_LINK,
};

/** The file type of a mode, inode(7). WASI has none for a pipe. */
export function fileType(mode: number): number {
  return BY_FORMAT[mode & S_IF.MT] ?? FILETYPE.UNKNOWN;
}

const [SOL_SOCKET, SO_TYPE, SOCK_DGRAM] = [1, 3, 2];

/** One open file. */
export interface Descriptor {
  /** Of this process. */
  readonly host: number;
  readonly type: number;
  /** Rights, of it and of what is opened below it. */
  base: number;
  inheriting: number;
  /** FDFLAG.DSYNC, RSYNC and SYNC, which cannot be changed. */
  readonly sync: number;
  /** How paths below it are looked up, but for links at their end. */
  readonly how: number;
  /** The name it was given as a preopened directory, in UTF-8. */
  readonly preopen: Uint8Array<ArrayBuffer> | undefined;
  /** Once a directory has been read. */
  entries: Entries | undefined;
}

/** Descriptors by their numbers. Each owns its descriptor of the host. */
export class Table {
  #files: (Descriptor | undefined)[] = [];
  /** Below it every number is taken. */
  #free = 0;

  constructor(readonly system: System) {}

  /** The descriptor `fd` when it has all of `rights`; else an errno. */
  find(fd: number, rights: number): Descriptor | number {
    const file = this.#files[fd >>> 0];
    if (file === undefined) return ERRNO.BADF;
    return (file.base & rights) === rights ? file : ERRNO.NOTCAPABLE;
  }

  /** The same for a directory; another file is ENOTDIR whatever its rights. */
  findDirectory(fd: number, rights: number): Descriptor | number {
    const file = this.#files[fd >>> 0];
    if (file === undefined) return ERRNO.BADF;
    if (file.type !== FILETYPE.DIRECTORY) return ERRNO.NOTDIR;
    return (file.base & rights) === rights ? file : ERRNO.NOTCAPABLE;
  }

  /** The same for a socket. */
  findSocket(fd: number, rights: number): Descriptor | number {
    const file = this.#files[fd >>> 0];
    if (file === undefined) return ERRNO.BADF;
    const { type } = file;
    if (type !== FILETYPE.SOCKET_STREAM && type !== FILETYPE.SOCKET_DGRAM) return ERRNO.NOTSOCK;
    return (file.base & rights) === rights ? file : ERRNO.NOTCAPABLE;
  }

  /** Take the lowest free number for `file`. */
  add(file: Descriptor): number {
    while (this.#files[this.#free] !== undefined) this.#free++;
    this.#files[this.#free] = file;
    return this.#free++;
  }

  /** Have `file` at `fd`, which is free. */
  put(fd: number, file: Descriptor): void {
    this.#files[fd] = file;
  }

  /** 0 or a negative errno of Linux. `fd` must be open. */
  close(fd: number): number {
    const file = this.#files[fd >>> 0]!;
    this.#files[fd >>> 0] = undefined;
    this.#free = Math.min(this.#free, fd >>> 0);
    return release(this.system, file);
  }

  /** `to`, which must be open as `from` must, becomes what `from` was. */
  renumber(from: number, to: number): number {
    if (from >>> 0 === to >>> 0) return 0;
    const moved = this.#files[from >>> 0]!;
    const result = release(this.system, this.#files[to >>> 0]!);
    this.#files[to >>> 0] = moved;
    this.#files[from >>> 0] = undefined;
    this.#free = Math.min(this.#free, from >>> 0);
    return result;
  }

  /** Close all but standard streams. */
  clear(): void {
    for (const file of this.#files) {
      if (file !== undefined && file.host > 2) this.system.close(file.host);
    }
    this.#files = [];
    this.#free = 0;
  }
}

/** The process's own standard streams keep their numbers: what would come there next might be written to. */
function release(system: System, { host }: Descriptor): number {
  return host <= 2 ? system.vacate(host) : system.close(host);
}

const stat = new Uint8Array(STAT_SIZE);
const statView = new DataView(stat.buffer);
const option = new Int32Array(1);

/** The type of the open file `host` and the rights that make sense for it; or a negative errno of Linux. */
export function inspect(system: System, host: number): { type: number; rights: number } | number {
  const failed = system.fstat(host, stat, 0);
  if (failed < 0) return failed;
  const type = fileType(statView.getUint32(STAT_MODE, true));
  switch (type) {
    case FILETYPE.REGULAR_FILE:
      return { type, rights: APPLICABLE.FILE };
    case FILETYPE.DIRECTORY:
      return { type, rights: APPLICABLE.DIRECTORY };
    case FILETYPE.CHARACTER_DEVICE:
      return { type, rights: system.isatty(host) ? APPLICABLE.TERMINAL : APPLICABLE.DEVICE };
    case FILETYPE.BLOCK_DEVICE:
      return { type, rights: APPLICABLE.DEVICE };
    case FILETYPE.SOCKET_STREAM: {
      const size = system.getsockopt(host, SOL_SOCKET, SO_TYPE, option, option.byteLength);
      const datagrams = size > 0 && option[0] === SOCK_DGRAM;
      return {
        type: datagrams ? FILETYPE.SOCKET_DGRAM : FILETYPE.SOCKET_STREAM,
        rights: APPLICABLE.SOCKET,
      };
    }
    default:
      return { type, rights: APPLICABLE.PIPE };
  }
}

/** Of `rights`, those that a file opened with `flags` (O) can have. */
export function openedRights(rights: number, flags: number): number {
  const access = flags & O.ACCMODE;
  if (access === O.RDONLY) {
    return rights & ~(RIGHT.FD_WRITE | RIGHT.FD_ALLOCATE | RIGHT.FD_FILESTAT_SET_SIZE);
  }
  return access === O.WRONLY ? rights & ~RIGHT.FD_READ : rights;
}
