/**
 * System calls for the hosts of WASI (native/system.h): synchronous, in a forked child too. Each answers its value or a
 * negative errno (errno.ts has names). A buffer is a Uint8Array with an offset and a size, neither checked here: the
 * caller must know that they are inside. 64-bit parameters are BigInt; a number there costs 100 ns.
 */

/** A path below the folder `folder`: bytes, where they begin, how many. */
const PATH = ["buffer", "u32", "u32"] as const;
/** A guest's iovecs: its memory and the size of that, where they are, how many. */
const VECTORS = ["buffer", "u64", "u32", "u32"] as const;
const BUFFER = ["buffer", "u32", "u32"] as const;

const SYSTEM = {
  // path (NUL-terminated), flags: of the host, not below anything
  openHost: { name: "dw_sys_open_host", parameters: ["buffer", "i32"], result: "i32" },
  // folder, path, flags (O), mode, how
  open: {
    name: "dw_sys_open",
    parameters: ["i32", ...PATH, "i32", "u32", "u32"],
    result: "i32",
  },
  // fd, out (STAT_SIZE bytes), at
  fstat: { name: "dw_sys_fstat", parameters: ["i32", "buffer", "u32"], result: "i32" },
  // folder, path, how, out, at
  stat: {
    name: "dw_sys_stat",
    parameters: ["i32", ...PATH, "u32", "buffer", "u32"],
    result: "i32",
  },
  // folder, path, mode, how
  mkdir: { name: "dw_sys_mkdir", parameters: ["i32", ...PATH, "u32", "u32"], result: "i32" },
  // folder, path, flags (0 or AT_REMOVEDIR), how
  unlink: { name: "dw_sys_unlink", parameters: ["i32", ...PATH, "i32", "u32"], result: "i32" },
  // folder, path, how, new folder, new path, how
  rename: {
    name: "dw_sys_rename",
    parameters: ["i32", ...PATH, "u32", "i32", ...PATH, "u32"],
    result: "i32",
  },
  // folder, path, how, new folder, new path, how
  link: {
    name: "dw_sys_link",
    parameters: ["i32", ...PATH, "u32", "i32", ...PATH, "u32"],
    result: "i32",
  },
  // target, folder, path, how
  symlink: {
    name: "dw_sys_symlink",
    parameters: [...BUFFER, "i32", ...PATH, "u32"],
    result: "i32",
  },
  // folder, path, how, out, at, capacity; the count of bytes, cut off at the capacity
  readlink: {
    name: "dw_sys_readlink",
    parameters: ["i32", ...PATH, "u32", ...BUFFER],
    result: "i32",
  },
  // folder, path, how, accessed ns, modified ns, which (TIMES)
  utimens: {
    name: "dw_sys_utimens",
    parameters: ["i32", ...PATH, "u32", "i64", "i64", "u32"],
    result: "i32",
  },
  // fd, accessed ns, modified ns, which
  futimens: { name: "dw_sys_futimens", parameters: ["i32", "i64", "i64", "u32"], result: "i32" },

  // fd, buffer, at, size; the count, 0 at the end of the file
  read: { name: "dw_sys_read", parameters: ["i32", ...BUFFER], result: "i32" },
  write: { name: "dw_sys_write", parameters: ["i32", ...BUFFER], result: "i32" },
  // ..., offset
  pread: { name: "dw_sys_pread", parameters: ["i32", ...BUFFER, "i64"], result: "i32" },
  pwrite: { name: "dw_sys_pwrite", parameters: ["i32", ...BUFFER, "i64"], result: "i32" },
  // fd, vectors; -EFAULT when any part is outside of the memory
  readv: { name: "dw_sys_readv", parameters: ["i32", ...VECTORS], result: "i32" },
  writev: { name: "dw_sys_writev", parameters: ["i32", ...VECTORS], result: "i32" },
  // ..., offset
  preadv: { name: "dw_sys_preadv", parameters: ["i32", ...VECTORS, "i64"], result: "i32" },
  pwritev: { name: "dw_sys_pwritev", parameters: ["i32", ...VECTORS, "i64"], result: "i32" },
  // fd, offset, whence (0 set, 1 current, 2 end); the new offset
  seek: { name: "dw_sys_seek", parameters: ["i32", "i64", "i32"], result: "i64" },
  truncate: { name: "dw_sys_truncate", parameters: ["i32", "i64"], result: "i32" },
  // fd, offset, size
  allocate: { name: "dw_sys_allocate", parameters: ["i32", "i64", "i64"], result: "i32" },
  // fd, offset, size, advice (POSIX_FADV_*)
  advise: { name: "dw_sys_advise", parameters: ["i32", "i64", "i64", "i32"], result: "i32" },
  sync: { name: "dw_sys_sync", parameters: ["i32"], result: "i32" },
  datasync: { name: "dw_sys_datasync", parameters: ["i32"], result: "i32" },
  // fd, ahead (READDIR_SIZE bytes, zero at first, of this fd alone), its size, cookie (0: the first), out, at, capacity
  readdir: {
    name: "dw_sys_readdir",
    parameters: ["i32", "buffer", "u32", "i64", ...BUFFER],
    result: "i32",
  },
  getFlags: { name: "dw_sys_get_flags", parameters: ["i32"], result: "i32" },
  setFlags: { name: "dw_sys_set_flags", parameters: ["i32", "i32"], result: "i32" },
  dup: { name: "dw_sys_dup", parameters: ["i32"], result: "i32" },
  close: { name: "dw_sys_close", parameters: ["i32"], result: "i32" },
  // fd, whose number stays taken; what is done with it answers EBADF
  vacate: { name: "dw_sys_vacate", parameters: ["i32"], result: "i32" },
  isatty: { name: "dw_sys_isatty", parameters: ["i32"], result: "i32" },
  // fd; bytes that can be read at once
  available: { name: "dw_sys_available", parameters: ["i32"], result: "i32" },

  // pollfds (i32 fd, i16 events, i16 seen), count, timeout ns (negative: for ever); -EINTR too
  poll: { name: "dw_sys_poll", parameters: ["buffer", "u32", "i64"], result: "i32" },
  // clock (CLOCK), out (u64 ns), at
  clockTime: { name: "dw_sys_clock_time", parameters: ["i32", "buffer", "u32"], result: "i32" },
  clockResolution: {
    name: "dw_sys_clock_resolution",
    parameters: ["i32", "buffer", "u32"],
    result: "i32",
  },
  // ns; -EINTR too
  sleep: { name: "dw_sys_sleep", parameters: ["u64"], result: "i32" },
  yield: { name: "dw_sys_yield", parameters: [], result: "i32" },
  random: { name: "dw_sys_random", parameters: [...BUFFER], result: "i32" },
} as const;

/** Addresses are the bytes of a struct sockaddr; where one is answered, ADDRESS_SIZE bytes or null. */
const SOCKETS = {
  // domain, type, protocol
  socket: { name: "dw_sys_socket", parameters: ["i32", "i32", "i32"], result: "i32" },
  // fd, address, size
  bind: { name: "dw_sys_bind", parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { name: "dw_sys_connect", parameters: ["i32", "buffer", "u32"], result: "i32" },
  // fd, backlog
  listen: { name: "dw_sys_listen", parameters: ["i32", "i32"], result: "i32" },
  // fd, flags (0 or SOCK_NONBLOCK), address or null
  accept: { name: "dw_sys_accept", parameters: ["i32", "i32", "buffer"], result: "i32" },
  // fd, buffer, flags (MSG_*), address or null, its size
  send: {
    name: "dw_sys_send",
    parameters: ["i32", ...BUFFER, "i32", "buffer", "u32"],
    result: "i32",
  },
  // fd, buffer, flags, address or null
  receive: {
    name: "dw_sys_receive",
    parameters: ["i32", ...BUFFER, "i32", "buffer"],
    result: "i32",
  },
  // fd, vectors, flags, truncated (u32, whether a datagram was cut off)
  receivev: {
    name: "dw_sys_receivev",
    parameters: ["i32", ...VECTORS, "i32", "buffer"],
    result: "i32",
  },
  // fd, how (0 read, 1 write, 2 both)
  shutdown: { name: "dw_sys_shutdown", parameters: ["i32", "i32"], result: "i32" },
  // fd, level, option, value, capacity; the size of the value
  getsockopt: {
    name: "dw_sys_getsockopt",
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  // fd, level, option, value, size
  setsockopt: {
    name: "dw_sys_setsockopt",
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  // fd, address, capacity; the size of the address
  getsockname: { name: "dw_sys_getsockname", parameters: ["i32", "buffer", "u32"], result: "i32" },
  getpeername: { name: "dw_sys_getpeername", parameters: ["i32", "buffer", "u32"], result: "i32" },
} as const;

export type System = Deno.DynamicLibrary<typeof SYSTEM & typeof SOCKETS>["symbols"];

/** Bind the calls of libdenowasi.so at `path`: 5 ms, so once, before any fork. */
export const openSystem = (path: string): System =>
  Deno.dlopen(path, { ...SYSTEM, ...SOCKETS }).symbols;

const ARM = Deno.build.arch === "aarch64";

/** Flags of open(2): asm-generic/fcntl.h, and what arm64 has of its own. */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  ACCMODE: 3,
  CREAT: 0o100,
  EXCL: 0o200,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DSYNC: 0o10000,
  /** O_SYNC, which includes O_DSYNC. */
  SYNC: 0o4010000,
  DIRECTORY: ARM ? 0o40000 : 0o200000,
  PATH: 0o10000000,
} as const;

/** How a path is looked up: native/system.h. */
export const HOW = {
  /** Follow a symbolic link at the end of the path, too. */
  FOLLOW: 1,
  /** Absolute symbolic links lead below the folder, and its ".." is itself; without it both are EPERM. */
  IN_ROOT: 2,
} as const;

/** What is done to times: WASI's fstflags. */
export const TIMES = { ACCESSED: 1, ACCESSED_NOW: 2, MODIFIED: 4, MODIFIED_NOW: 8 } as const;

/** Eight u64: device, inode, mode, links, size, accessed, modified and changed in ns. */
export const STAT_SIZE = 64;
/** Offset of the mode, whose upper half is 0. */
export const STAT_MODE = 16;
/** The type in a mode: inode(7). */
export const S_IF = {
  MT: 0o170000,
  SOCK: 0o140000,
  LNK: 0o120000,
  REG: 0o100000,
  BLK: 0o060000,
  DIR: 0o040000,
  CHR: 0o020000,
  IFO: 0o010000,
} as const;

export const AT_REMOVEDIR = 0x200;
export const READDIR_SIZE = 8192;
export const ADDRESS_SIZE = 128;
export const SOCK_NONBLOCK = O.NONBLOCK;
export const CLOCK = { REALTIME: 0, MONOTONIC: 1, PROCESS_CPUTIME: 2, THREAD_CPUTIME: 3 } as const;
export const POLL = { IN: 1, OUT: 4, ERR: 8, HUP: 16, NVAL: 32, RDHUP: 0x2000 } as const;
export const MSG = { PEEK: 2, TRUNC: 0x20, WAITALL: 0x100 } as const;
