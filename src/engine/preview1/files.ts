/** Functions on descriptors: fd_*. https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md */

import { O, STAT_MODE, STAT_SIZE } from "../../linux/system.ts";
import { Entries } from "./entries.ts";
import { ERRNO, errno } from "./errno.ts";
import { fdFlags, openFlags, SYNC_FLAGS } from "./fdflags.ts";
import { RIGHT, rightsOf } from "./rights.ts";
import type { Functions, State } from "./state.ts";

const WHENCE = { SET: 0, CUR: 1, END: 2 } as const;
/** POSIX_FADV_* for each advice of WASI. */
const ADVICE = [0, 2, 1, 3, 4, 5];
/** The bytes of structures. */
const SIZE = { fdstat: 24, prestat: 8 } as const;

export function files({ system, memory, table }: State) {
  return {
    fd_advise(fd: number, offset: bigint, size: bigint, advice: number) {
      const file = table.find(fd, RIGHT.FD_ADVISE);
      if (typeof file === "number") return file;
      const native = ADVICE[advice];
      return native === undefined
        ? ERRNO.INVAL
        : errno(system.advise(file.host, offset, size, native));
    },

    fd_allocate(fd: number, offset: bigint, size: bigint) {
      const file = table.find(fd, RIGHT.FD_ALLOCATE);
      if (typeof file === "number") return file;
      return errno(system.allocate(file.host, offset, size));
    },

    fd_close(fd: number) {
      const file = table.find(fd, 0);
      return typeof file === "number" ? file : errno(table.close(fd));
    },

    fd_datasync(fd: number) {
      const file = table.find(fd, RIGHT.FD_DATASYNC);
      return typeof file === "number" ? file : errno(system.datasync(file.host));
    },

    fd_fdstat_get(fd: number, at: number) {
      const file = table.find(fd, 0);
      if (typeof file === "number") return file;
      if (!memory.fresh().has(at >>>= 0, SIZE.fdstat)) return ERRNO.FAULT;
      const flags = system.getFlags(file.host);
      if (flags < 0) return errno(flags);
      memory.bytes.fill(0, at, at + SIZE.fdstat);
      memory.view.setUint8(at, file.type);
      memory.view.setUint16(at + 2, fdFlags(flags) & ~SYNC_FLAGS | file.sync, true);
      memory.view.setUint32(at + 8, file.base, true);
      memory.view.setUint32(at + 16, file.inheriting, true);
      return ERRNO.SUCCESS;
    },

    /** What is written is synchronized as the file was opened, for Linux cannot change that: it may be left out here. */
    fd_fdstat_set_flags(fd: number, flags: number) {
      const file = table.find(fd, RIGHT.FD_FDSTAT_SET_FLAGS);
      if (typeof file === "number") return file;
      const wanted = openFlags(flags);
      if (wanted < 0) return ERRNO.INVAL;
      if (flags & SYNC_FLAGS & ~file.sync) return ERRNO.NOTSUP;
      return errno(system.setFlags(file.host, wanted & (O.APPEND | O.NONBLOCK)));
    },

    fd_fdstat_set_rights(fd: number, base: bigint, inheriting: bigint) {
      const file = table.find(fd, 0);
      if (typeof file === "number") return file;
      const [own, below] = [rightsOf(base), rightsOf(inheriting)];
      if (own & ~file.base || below & ~file.inheriting) return ERRNO.NOTCAPABLE;
      file.base = own;
      file.inheriting = below;
      return ERRNO.SUCCESS;
    },

    fd_filestat_get(fd: number, at: number) {
      const file = table.find(fd, RIGHT.FD_FILESTAT_GET);
      if (typeof file === "number") return file;
      if (!memory.fresh().has(at >>>= 0, STAT_SIZE)) return ERRNO.FAULT;
      const result = system.fstat(file.host, memory.bytes, at);
      if (result < 0) return errno(result);
      memory.view.setUint32(at + STAT_MODE, file.type, true);
      return ERRNO.SUCCESS;
    },

    fd_filestat_set_size(fd: number, size: bigint) {
      const file = table.find(fd, RIGHT.FD_FILESTAT_SET_SIZE);
      return typeof file === "number" ? file : errno(system.truncate(file.host, size));
    },

    fd_filestat_set_times(fd: number, accessedNs: bigint, modifiedNs: bigint, which: number) {
      const file = table.find(fd, RIGHT.FD_FILESTAT_SET_TIMES);
      if (typeof file === "number") return file;
      return errno(system.futimens(file.host, accessedNs, modifiedNs, which >>> 0));
    },

    fd_pread(fd: number, at: number, count: number, offset: bigint, countAt: number) {
      const file = table.find(fd, RIGHT.FD_READ | RIGHT.FD_SEEK);
      if (typeof file === "number") return file;
      if (!memory.fresh().has(countAt >>>= 0, 4)) return ERRNO.FAULT;
      const { bytes, size } = memory;
      const result = system.preadv(file.host, bytes, size, at >>> 0, count >>> 0, offset);
      return memory.answer(countAt, result);
    },

    fd_prestat_get(fd: number, at: number) {
      const file = table.find(fd, 0);
      if (typeof file === "number") return file;
      // wasi-libc goes through the descriptors until the first EBADF.
      if (file.preopen === undefined) return ERRNO.BADF;
      if (!memory.fresh().has(at >>>= 0, SIZE.prestat)) return ERRNO.FAULT;
      memory.view.setUint32(at, 0, true); // a directory
      memory.view.setUint32(at + 4, file.preopen.length, true);
      return ERRNO.SUCCESS;
    },

    fd_prestat_dir_name(fd: number, at: number, size: number) {
      const file = table.find(fd, 0);
      if (typeof file === "number") return file;
      if (file.preopen === undefined) return ERRNO.BADF;
      const { length } = file.preopen;
      if (size >>> 0 < length) return ERRNO.NAMETOOLONG;
      if (!memory.fresh().has(at >>>= 0, length)) return ERRNO.FAULT;
      memory.bytes.set(file.preopen, at);
      return ERRNO.SUCCESS;
    },

    fd_pwrite(fd: number, at: number, count: number, offset: bigint, countAt: number) {
      const file = table.find(fd, RIGHT.FD_WRITE | RIGHT.FD_SEEK);
      if (typeof file === "number") return file;
      if (!memory.fresh().has(countAt >>>= 0, 4)) return ERRNO.FAULT;
      const { bytes, size } = memory;
      const result = system.pwritev(file.host, bytes, size, at >>> 0, count >>> 0, offset);
      return memory.answer(countAt, result);
    },

    fd_read(fd: number, at: number, count: number, countAt: number) {
      const file = table.find(fd, RIGHT.FD_READ);
      if (typeof file === "number") return file;
      if (!memory.fresh().has(countAt >>>= 0, 4)) return ERRNO.FAULT;
      const { bytes, size } = memory;
      return memory.answer(countAt, system.readv(file.host, bytes, size, at >>> 0, count >>> 0));
    },

    fd_readdir(fd: number, at: number, size: number, cookie: bigint, sizeAt: number) {
      const file = table.findDirectory(fd, RIGHT.FD_READDIR);
      if (typeof file === "number") return file;
      if (!memory.fresh().has(sizeAt >>>= 0, 4)) return ERRNO.FAULT;
      if (!memory.has(at >>>= 0, size >>>= 0)) return ERRNO.FAULT;
      file.entries ??= new Entries(system);
      return file.entries.read(file.host, cookie, memory, at, size, sizeAt);
    },

    fd_renumber(from: number, to: number) {
      const file = table.find(from, 0), replaced = table.find(to, 0);
      if (typeof file === "number") return file;
      return typeof replaced === "number" ? replaced : errno(table.renumber(from, to));
    },

    fd_seek(fd: number, offset: bigint, whence: number, at: number) {
      if (whence >>> 0 > WHENCE.END) return ERRNO.INVAL;
      const asks = whence === WHENCE.CUR && offset === 0n;
      const file = table.find(fd, asks ? RIGHT.FD_TELL : RIGHT.FD_SEEK);
      if (typeof file === "number") return file;
      return answerOffset(system.seek(file.host, offset, whence), at);
    },

    fd_sync(fd: number) {
      const file = table.find(fd, RIGHT.FD_SYNC);
      return typeof file === "number" ? file : errno(system.sync(file.host));
    },

    fd_tell(fd: number, at: number) {
      const file = table.find(fd, RIGHT.FD_TELL);
      if (typeof file === "number") return file;
      return answerOffset(system.seek(file.host, 0n, WHENCE.CUR), at);
    },

    fd_write(fd: number, at: number, count: number, countAt: number) {
      const file = table.find(fd, RIGHT.FD_WRITE);
      if (typeof file === "number") return file;
      if (!memory.fresh().has(countAt >>>= 0, 4)) return ERRNO.FAULT;
      const { bytes, size } = memory;
      return memory.answer(countAt, system.writev(file.host, bytes, size, at >>> 0, count >>> 0));
    },
  } satisfies Functions;

  function answerOffset(offset: bigint, at: number): number {
    if (offset < 0n) return errno(Number(offset));
    if (!memory.fresh().has(at >>>= 0, 8)) return ERRNO.FAULT;
    memory.view.setBigUint64(at, offset, true);
    return ERRNO.SUCCESS;
  }
}
