/** Functions on paths below a directory: path_*. https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md */

import { AT_REMOVEDIR, HOW, O, STAT_MODE, STAT_SIZE } from "../../linux/system.ts";
import { type Descriptor, fileType, inspect, openedRights } from "./descriptors.ts";
import { ERRNO, errno } from "./errno.ts";
import { FDFLAG, openFlags, SYNC_FLAGS } from "./fdflags.ts";
import { RIGHT, rightsOf } from "./rights.ts";
import type { Functions, State } from "./state.ts";

const OFLAG = { CREAT: 1, DIRECTORY: 2, EXCL: 4, TRUNC: 8 } as const;
const OFLAGS = OFLAG.CREAT | OFLAG.DIRECTORY | OFLAG.EXCL | OFLAG.TRUNC;
const SYMLINK_FOLLOW = 1;

/** Which rights need the file to be opened for reading, when it is for writing. */
const READING = RIGHT.FD_READ | RIGHT.FD_READDIR;
/** What truncates an opened file. */
const RESIZING = RIGHT.FD_WRITE | RIGHT.FD_FILESTAT_SET_SIZE;

const SLASH = 0x2f;

export function paths({ system, memory, table }: State) {
  return {
    path_create_directory(fd: number, at: number, size: number) {
      const folder = table.findDirectory(fd, RIGHT.PATH_CREATE_DIRECTORY);
      if (typeof folder === "number") return folder;
      if (!memory.fresh().has(at >>>= 0, size >>>= 0)) return ERRNO.FAULT;
      return errno(system.mkdir(folder.host, memory.bytes, at, size, 0o777, folder.how));
    },

    path_filestat_get(fd: number, lookup: number, at: number, size: number, statAt: number) {
      const folder = table.findDirectory(fd, RIGHT.PATH_FILESTAT_GET);
      if (typeof folder === "number") return folder;
      if (lookup & ~SYMLINK_FOLLOW) return ERRNO.INVAL;
      if (!memory.fresh().has(at >>>= 0, size >>>= 0)) return ERRNO.FAULT;
      if (!memory.has(statAt >>>= 0, STAT_SIZE)) return ERRNO.FAULT;
      const { bytes, view } = memory;
      const result = system.stat(folder.host, bytes, at, size, folder.how | lookup, bytes, statAt);
      if (result < 0) return errno(result);
      view.setUint32(statAt + STAT_MODE, fileType(view.getUint32(statAt + STAT_MODE, true)), true);
      return ERRNO.SUCCESS;
    },

    path_filestat_set_times(
      fd: number,
      lookup: number,
      at: number,
      size: number,
      accessedNs: bigint,
      modifiedNs: bigint,
      which: number,
    ) {
      const folder = table.findDirectory(fd, RIGHT.PATH_FILESTAT_SET_TIMES);
      if (typeof folder === "number") return folder;
      if (lookup & ~SYMLINK_FOLLOW) return ERRNO.INVAL;
      if (!memory.fresh().has(at >>>= 0, size >>>= 0)) return ERRNO.FAULT;
      const how = folder.how | lookup;
      return errno(
        system.utimens(
          folder.host,
          memory.bytes,
          at,
          size,
          how,
          accessedNs,
          modifiedNs,
          which >>> 0,
        ),
      );
    },

    /** Links are not followed at the end of the old path, as by most hosts. */
    path_link(
      oldFd: number,
      lookup: number,
      oldAt: number,
      oldSize: number,
      newFd: number,
      newAt: number,
      newSize: number,
    ) {
      const from = table.findDirectory(oldFd, RIGHT.PATH_LINK_SOURCE);
      if (typeof from === "number") return from;
      const to = table.findDirectory(newFd, RIGHT.PATH_LINK_TARGET);
      if (typeof to === "number") return to;
      if (lookup !== 0) return ERRNO.INVAL;
      if (!memory.fresh().has(oldAt >>>= 0, oldSize >>>= 0)) return ERRNO.FAULT;
      if (!memory.has(newAt >>>= 0, newSize >>>= 0)) return ERRNO.FAULT;
      const { bytes } = memory;
      return errno(
        system.link(
          ...[from.host, bytes, oldAt, oldSize, from.how] as const,
          ...[to.host, bytes, newAt, newSize, to.how] as const,
        ),
      );
    },

    path_open(
      fd: number,
      lookup: number,
      at: number,
      size: number,
      oflags: number,
      base: bigint,
      inheriting: bigint,
      fdflags: number,
      fdAt: number,
    ) {
      const folder = table.findDirectory(
        fd,
        RIGHT.PATH_OPEN | (oflags & OFLAG.CREAT ? RIGHT.PATH_CREATE_FILE : 0),
      );
      if (typeof folder === "number") return folder;
      if (oflags & OFLAG.TRUNC && !mayTruncate(folder)) return ERRNO.NOTCAPABLE;
      const [own, below] = [rightsOf(base), rightsOf(inheriting)];
      let flags = openFlags(fdflags);
      if (flags < 0 || oflags & ~OFLAGS || lookup & ~SYMLINK_FOLLOW) return ERRNO.INVAL;
      // Linux has made this a file, and refuses it since 6.4.
      if (oflags & OFLAG.CREAT && oflags & OFLAG.DIRECTORY) return ERRNO.INVAL;
      if ((own | below) & ~folder.inheriting || !maySync(folder, fdflags)) return ERRNO.NOTCAPABLE;
      if (!memory.fresh().has(at >>>= 0, size >>>= 0)) return ERRNO.FAULT;
      if (!memory.has(fdAt >>>= 0, 4)) return ERRNO.FAULT;
      // Other rights than FD_WRITE do not matter: with those a reader, too, asks for FD_FILESTAT_SET_SIZE (Go does).
      flags |= !(own & RIGHT.FD_WRITE) ? O.RDONLY : own & READING ? O.RDWR : O.WRONLY;
      flags |= (oflags & OFLAG.CREAT ? O.CREAT : 0) | (oflags & OFLAG.EXCL ? O.EXCL : 0) |
        (oflags & OFLAG.TRUNC ? O.TRUNC : 0) | (oflags & OFLAG.DIRECTORY ? O.DIRECTORY : 0);
      const how = folder.how | lookup;
      const host = system.open(folder.host, memory.bytes, at, size, flags, 0o666, how);
      if (host < 0) return errno(host);
      const found = inspect(system, host);
      if (typeof found === "number") {
        system.close(host);
        return errno(found);
      }
      const opened = table.add({
        host,
        type: found.type,
        base: openedRights(own & found.rights, flags),
        inheriting: below,
        sync: fdflags & SYNC_FLAGS,
        how: 0,
        preopen: undefined,
        entries: undefined,
      });
      return memory.answer(fdAt, opened);
    },

    path_readlink(
      fd: number,
      at: number,
      size: number,
      targetAt: number,
      targetSize: number,
      sizeAt: number,
    ) {
      const folder = table.findDirectory(fd, RIGHT.PATH_READLINK);
      if (typeof folder === "number") return folder;
      if (!memory.fresh().has(at >>>= 0, size >>>= 0)) return ERRNO.FAULT;
      if (!memory.has(targetAt >>>= 0, targetSize >>>= 0)) return ERRNO.FAULT;
      if (!memory.has(sizeAt >>>= 0, 4)) return ERRNO.FAULT;
      const { bytes } = memory;
      const { host, how } = folder;
      return memory.answer(
        sizeAt,
        system.readlink(host, bytes, at, size, how, bytes, targetAt, targetSize),
      );
    },

    path_remove_directory(fd: number, at: number, size: number) {
      const folder = table.findDirectory(fd, RIGHT.PATH_REMOVE_DIRECTORY);
      if (typeof folder === "number") return folder;
      if (!memory.fresh().has(at >>>= 0, size >>>= 0)) return ERRNO.FAULT;
      return errno(system.unlink(folder.host, memory.bytes, at, size, AT_REMOVEDIR, folder.how));
    },

    path_rename(
      oldFd: number,
      oldAt: number,
      oldSize: number,
      newFd: number,
      newAt: number,
      newSize: number,
    ) {
      const from = table.findDirectory(oldFd, RIGHT.PATH_RENAME_SOURCE);
      if (typeof from === "number") return from;
      const to = table.findDirectory(newFd, RIGHT.PATH_RENAME_TARGET);
      if (typeof to === "number") return to;
      if (!memory.fresh().has(oldAt >>>= 0, oldSize >>>= 0)) return ERRNO.FAULT;
      if (!memory.has(newAt >>>= 0, newSize >>>= 0)) return ERRNO.FAULT;
      const { bytes } = memory;
      return errno(
        system.rename(
          ...[from.host, bytes, oldAt, oldSize, from.how] as const,
          ...[to.host, bytes, newAt, newSize, to.how] as const,
        ),
      );
    },

    /** An absolute target means something only below a root. */
    path_symlink(targetAt: number, targetSize: number, fd: number, at: number, size: number) {
      const folder = table.findDirectory(fd, RIGHT.PATH_SYMLINK);
      if (typeof folder === "number") return folder;
      if (!memory.fresh().has(at >>>= 0, size >>>= 0)) return ERRNO.FAULT;
      if (!memory.has(targetAt >>>= 0, targetSize >>>= 0)) return ERRNO.FAULT;
      const { bytes } = memory;
      const { host, how } = folder;
      if (targetSize > 0 && bytes[targetAt] === SLASH && !(how & HOW.IN_ROOT)) return ERRNO.PERM;
      return errno(system.symlink(bytes, targetAt, targetSize, host, bytes, at, size, how));
    },

    path_unlink_file(fd: number, at: number, size: number) {
      const folder = table.findDirectory(fd, RIGHT.PATH_UNLINK_FILE);
      if (typeof folder === "number") return folder;
      if (!memory.fresh().has(at >>>= 0, size >>>= 0)) return ERRNO.FAULT;
      return errno(system.unlink(folder.host, memory.bytes, at, size, 0, folder.how));
    },
  } satisfies Functions;
}

/** By its path; or as one could by opening it, which is all that Go lets its directories do. */
function mayTruncate({ base, inheriting }: Descriptor): boolean {
  return (base & RIGHT.PATH_FILESTAT_SET_SIZE) !== 0 || (inheriting & RESIZING) === RESIZING;
}

/** FD_SYNC includes opening with rsync and dsync. */
function maySync({ inheriting }: Descriptor, fdflags: number): boolean {
  if (fdflags & (FDFLAG.SYNC | FDFLAG.RSYNC)) return (inheriting & RIGHT.FD_SYNC) !== 0;
  return !(fdflags & FDFLAG.DSYNC) || (inheriting & (RIGHT.FD_SYNC | RIGHT.FD_DATASYNC)) !== 0;
}
