/**
 * The functions of preview 1 for a guest of Wasmer's WASI: of the package is what concerns files, and ours what the package
 * keeps in buffers of its own or cannot do without an event loop: standard streams, clocks, poll_oneoff, random numbers,
 * and what a guest is given as text, for an object of JavaScript keeps neither order nor duplicates.
 */

import { ERRNO } from "../preview1/errno.ts";
import type { Functions } from "./library.ts";
import { overwriting } from "./overwrite.ts";

/** Those of ours, whatever their parameters are. */
const OURS: readonly string[] = [
  ...["args_get", "args_sizes_get", "environ_get", "environ_sizes_get"],
  ...["clock_res_get", "clock_time_get", "poll_oneoff", "random_get", "sched_yield"],
  ...["proc_exit", "proc_raise", "sock_accept", "sock_recv", "sock_send", "sock_shutdown"],
];
const LAST_STREAM = 2;
const O_CREAT_OR_TRUNC = 1 | 8;
const FD_WRITE = 1n << 6n;
/** Rights of fd_read, fd_seek, fd_tell, fd_filestat_get and fd_filestat_set_size. */
const OVERWRITING = 1n << 1n | 1n << 2n | 1n << 5n | 1n << 21n | 1n << 22n;

/** Those that change files. path_open is one when it makes or cuts one off. */
const CHANGING: readonly string[] = [
  ...["fd_allocate", "fd_filestat_set_size", "fd_pwrite", "fd_write", "path_create_directory"],
  ...["path_link", "path_remove_directory", "path_rename", "path_symlink", "path_unlink_file"],
];

export interface Parts {
  theirs: Functions;
  ours: Functions;
  /** The name of preopened descriptor `fd`, in UTF-8; undefined when it is none. */
  preopen(fd: number): Uint8Array<ArrayBuffer> | undefined;
  /** The guest's memory; undefined before it is known. */
  memory(): WebAssembly.Memory | undefined;
  /** A file may have been changed. */
  changed(): void;
  /** What was changed is to be on disk. @returns an errno */
  sync(): number;
}

export function joinFunctions(parts: Parts): Functions {
  const { ours } = parts;
  const theirs = Object.hasOwn(parts.theirs, "fd_write")
    ? { ...parts.theirs, ...overwriting(parts.theirs, parts.memory) }
    : parts.theirs;
  const joined: Functions = {};
  for (const name of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    if (OURS.includes(name) || !Object.hasOwn(theirs, name)) {
      joined[name] = ours[name];
    } else {
      joined[name] = dispatch(parts, theirs[name], ours[name], CHANGING.includes(name));
    }
  }
  const { fd_renumber, path_open } = joined;
  return {
    ...joined,
    ...preopenFunctions(parts),
    // Rather than a file in the place of a stream, which are not of one kind here.
    fd_renumber: (from, to) =>
      isStream(from) === isStream(to) ? fd_renumber(from, to) : ERRNO.NOTSUP,
    path_open(fd, lookup, at, size, flags, base, ...rest) {
      if (Number(flags) & O_CREAT_OR_TRUNC) parts.changed();
      // What is written over is read: see overwrite.ts.
      const rights = BigInt(base) & FD_WRITE ? BigInt(base) | OVERWRITING : base;
      return path_open(fd, lookup, at, size, flags, rights, ...rest);
    },
    fd_sync: (fd) => isStream(fd) ? ours.fd_sync(fd) : parts.sync(),
    fd_datasync: (fd) => isStream(fd) ? ours.fd_datasync(fd) : parts.sync(),
  };
}

const isStream = (fd: number | bigint) => Number(fd) >>> 0 <= LAST_STREAM;

/** By the descriptor, which is the first parameter. Theirs must not be called without memory: they panic. */
function dispatch(
  { memory, changed }: Parts,
  theirs: Functions[string],
  ours: Functions[string],
  changing: boolean,
): Functions[string] {
  return (fd, ...rest) => {
    if (isStream(fd)) return ours(fd, ...rest);
    if (memory() === undefined) return ERRNO.FAULT;
    if (changing) changed();
    return theirs(fd, ...rest);
  };
}

/** Theirs answer names without the first slash. */
function preopenFunctions({ theirs, preopen, memory }: Parts): Functions {
  return {
    fd_prestat_get(fd, at) {
      if (isStream(fd) || memory() === undefined) return ERRNO.BADF;
      const failed = theirs.fd_prestat_get(fd, at);
      const name = preopen(Number(fd) >>> 0);
      if (failed || !name) return failed;
      new DataView(memory()!.buffer).setUint32((Number(at) >>> 0) + 4, name.length, true);
      return ERRNO.SUCCESS;
    },
    fd_prestat_dir_name(fd, at, size) {
      const name = preopen(Number(fd) >>> 0);
      if (!name || memory() === undefined) return ERRNO.BADF;
      if (Number(size) >>> 0 < name.length) return ERRNO.NAMETOOLONG;
      const bytes = new Uint8Array(memory()!.buffer);
      const start = Number(at) >>> 0;
      if (start + name.length > bytes.length) return ERRNO.FAULT;
      bytes.set(name, start);
      return ERRNO.SUCCESS;
    },
  };
}
