/**
 * Rights of descriptors: bits below 2^30, so plain numbers do.
 * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#rights
 */

export const RIGHT = {
  FD_DATASYNC: 1 << 0,
  FD_READ: 1 << 1,
  FD_SEEK: 1 << 2,
  FD_FDSTAT_SET_FLAGS: 1 << 3,
  FD_SYNC: 1 << 4,
  FD_TELL: 1 << 5,
  FD_WRITE: 1 << 6,
  FD_ADVISE: 1 << 7,
  FD_ALLOCATE: 1 << 8,
  PATH_CREATE_DIRECTORY: 1 << 9,
  PATH_CREATE_FILE: 1 << 10,
  PATH_LINK_SOURCE: 1 << 11,
  PATH_LINK_TARGET: 1 << 12,
  PATH_OPEN: 1 << 13,
  FD_READDIR: 1 << 14,
  PATH_READLINK: 1 << 15,
  PATH_RENAME_SOURCE: 1 << 16,
  PATH_RENAME_TARGET: 1 << 17,
  PATH_FILESTAT_GET: 1 << 18,
  PATH_FILESTAT_SET_SIZE: 1 << 19,
  PATH_FILESTAT_SET_TIMES: 1 << 20,
  FD_FILESTAT_GET: 1 << 21,
  FD_FILESTAT_SET_SIZE: 1 << 22,
  FD_FILESTAT_SET_TIMES: 1 << 23,
  PATH_SYMLINK: 1 << 24,
  PATH_REMOVE_DIRECTORY: 1 << 25,
  PATH_UNLINK_FILE: 1 << 26,
  POLL_FD_READWRITE: 1 << 27,
  SOCK_SHUTDOWN: 1 << 28,
  SOCK_ACCEPT: 1 << 29,
} as const;

const R = RIGHT;
const STREAM = R.FD_READ | R.FD_WRITE | R.FD_FDSTAT_SET_FLAGS | R.FD_FILESTAT_GET |
  R.POLL_FD_READWRITE;
const FILE = STREAM | R.FD_DATASYNC | R.FD_SYNC | R.FD_SEEK | R.FD_TELL | R.FD_ADVISE |
  R.FD_ALLOCATE | R.FD_FILESTAT_SET_SIZE | R.FD_FILESTAT_SET_TIMES;
const DIRECTORY = R.FD_FDSTAT_SET_FLAGS | R.FD_SYNC | R.FD_DATASYNC | R.FD_READDIR |
  R.FD_FILESTAT_GET | R.FD_FILESTAT_SET_TIMES | R.PATH_CREATE_DIRECTORY | R.PATH_CREATE_FILE |
  R.PATH_LINK_SOURCE | R.PATH_LINK_TARGET | R.PATH_OPEN | R.PATH_READLINK | R.PATH_RENAME_SOURCE |
  R.PATH_RENAME_TARGET | R.PATH_FILESTAT_GET | R.PATH_FILESTAT_SET_SIZE |
  R.PATH_FILESTAT_SET_TIMES | R.PATH_SYMLINK | R.PATH_REMOVE_DIRECTORY | R.PATH_UNLINK_FILE;

/** What can be done at all with a descriptor of each type. */
export const APPLICABLE = {
  FILE,
  DIRECTORY,
  /** A device that is no terminal. */
  DEVICE: FILE & ~(R.FD_ALLOCATE | R.FD_FILESTAT_SET_SIZE),
  /** wasi-libc takes a character device for a terminal when it can neither seek nor tell. */
  TERMINAL: STREAM,
  /** Seeking answers ESPIPE. */
  PIPE: STREAM | R.FD_SEEK | R.FD_TELL,
  SOCKET: STREAM | R.SOCK_SHUTDOWN | R.SOCK_ACCEPT,
} as const;

const ALL = (1n << 30n) - 1n;

/** What is opened below a preopened directory may have any: those that its type does not know are left out. */
export const INHERITED = Number(ALL);

/** The bits that have a meaning. FD_SEEK implies FD_TELL. */
export function rightsOf(flags: bigint): number {
  const rights = Number(flags & ALL);
  return rights & R.FD_SEEK ? rights | R.FD_TELL : rights;
}
