/**
 * Error numbers of WASI preview 1, and Linux's as these.
 * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#errno
 */

export const ERRNO = {
  SUCCESS: 0,
  AGAIN: 6,
  BADF: 8,
  EXIST: 20,
  FAULT: 21,
  INTR: 27,
  INVAL: 28,
  IO: 29,
  ISDIR: 31,
  NAMETOOLONG: 37,
  NOTDIR: 54,
  NOTSOCK: 57,
  NOTSUP: 58,
  OVERFLOW: 61,
  PERM: 63,
  NOTCAPABLE: 76,
} as const;

/** WASI's number of each of Linux's, errno(3), asm-generic/errno.h. */
const FROM_LINUX: Readonly<Record<number, number>> = {
  1: 63, // EPERM
  2: 44, // ENOENT
  3: 71, // ESRCH
  4: 27, // EINTR
  5: 29, // EIO
  6: 60, // ENXIO
  7: 1, // E2BIG
  8: 45, // ENOEXEC
  9: 8, // EBADF
  10: 12, // ECHILD
  11: 6, // EAGAIN, EWOULDBLOCK
  12: 48, // ENOMEM
  13: 2, // EACCES
  14: 21, // EFAULT
  16: 10, // EBUSY
  17: 20, // EEXIST
  18: 75, // EXDEV
  19: 43, // ENODEV
  20: 54, // ENOTDIR
  21: 31, // EISDIR
  22: 28, // EINVAL
  23: 41, // ENFILE
  24: 33, // EMFILE
  25: 59, // ENOTTY
  26: 74, // ETXTBSY
  27: 22, // EFBIG
  28: 51, // ENOSPC
  29: 70, // ESPIPE
  30: 69, // EROFS
  31: 34, // EMLINK
  32: 64, // EPIPE
  33: 18, // EDOM
  34: 68, // ERANGE
  35: 16, // EDEADLK
  36: 37, // ENAMETOOLONG
  37: 46, // ENOLCK
  38: 52, // ENOSYS
  39: 55, // ENOTEMPTY
  40: 32, // ELOOP
  42: 49, // ENOMSG
  43: 24, // EIDRM
  67: 47, // ENOLINK
  71: 65, // EPROTO
  72: 36, // EMULTIHOP
  74: 9, // EBADMSG
  75: 61, // EOVERFLOW
  84: 25, // EILSEQ
  88: 57, // ENOTSOCK
  89: 17, // EDESTADDRREQ
  90: 35, // EMSGSIZE
  91: 67, // EPROTOTYPE
  92: 50, // ENOPROTOOPT
  93: 66, // EPROTONOSUPPORT
  95: 58, // EOPNOTSUPP, ENOTSUP
  97: 5, // EAFNOSUPPORT
  98: 3, // EADDRINUSE
  99: 4, // EADDRNOTAVAIL
  100: 38, // ENETDOWN
  101: 40, // ENETUNREACH
  102: 39, // ENETRESET
  103: 13, // ECONNABORTED
  104: 15, // ECONNRESET
  105: 42, // ENOBUFS
  106: 30, // EISCONN
  107: 53, // ENOTCONN
  110: 73, // ETIMEDOUT
  111: 14, // ECONNREFUSED
  113: 23, // EHOSTUNREACH
  114: 7, // EALREADY
  115: 26, // EINPROGRESS
  116: 72, // ESTALE
  122: 19, // EDQUOT
  125: 11, // ECANCELED
  130: 62, // EOWNERDEAD
  131: 56, // ENOTRECOVERABLE
};

const BY_LINUX = Uint8Array.from({ length: 134 }, (_, linux) => FROM_LINUX[linux] ?? ERRNO.IO);

/** What a call answered, 0 or more or a negative errno of Linux, as a number of WASI; EIO when it has none for that. */
export function errno(result: number): number {
  return result >= 0 ? ERRNO.SUCCESS : BY_LINUX[-result] ?? ERRNO.IO;
}
