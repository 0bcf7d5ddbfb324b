/** errno(3) numbers, which are the same on every architecture this runs on, as error kinds. */

import { type Kind, ShimError } from "../errdefs/mod.ts";

const ERRNO: ReadonlyMap<number, readonly [name: string, text: string, kind: Kind]> = new Map([
  [1, ["EPERM", "operation not permitted", "PermissionDenied"]],
  [2, ["ENOENT", "no such file or directory", "NotFound"]],
  [3, ["ESRCH", "no such process", "NotFound"]],
  [5, ["EIO", "input/output error", "Internal"]],
  [6, ["ENXIO", "no such device or address", "Unavailable"]],
  [7, ["E2BIG", "argument list too long", "InvalidArgument"]],
  [8, ["ENOEXEC", "exec format error", "InvalidArgument"]],
  [9, ["EBADF", "bad file descriptor", "Internal"]],
  [11, ["EAGAIN", "resource temporarily unavailable", "Unavailable"]],
  [12, ["ENOMEM", "cannot allocate memory", "ResourceExhausted"]],
  [13, ["EACCES", "permission denied", "PermissionDenied"]],
  [16, ["EBUSY", "device or resource busy", "FailedPrecondition"]],
  [17, ["EEXIST", "file exists", "AlreadyExists"]],
  [18, ["EXDEV", "invalid cross-device link", "Internal"]],
  [19, ["ENODEV", "no such device", "InvalidArgument"]],
  [20, ["ENOTDIR", "not a directory", "NotFound"]],
  [21, ["EISDIR", "is a directory", "InvalidArgument"]],
  [22, ["EINVAL", "invalid argument", "InvalidArgument"]],
  [23, ["ENFILE", "too many open files in system", "ResourceExhausted"]],
  [24, ["EMFILE", "too many open files", "ResourceExhausted"]],
  [25, ["ENOTTY", "inappropriate ioctl for device", "Internal"]],
  [28, ["ENOSPC", "no space left on device", "ResourceExhausted"]],
  [30, ["EROFS", "read-only file system", "FailedPrecondition"]],
  [36, ["ENAMETOOLONG", "file name too long", "InvalidArgument"]],
  [38, ["ENOSYS", "function not implemented", "Unimplemented"]],
  [40, ["ELOOP", "too many levels of symbolic links", "InvalidArgument"]],
  [74, ["EBADMSG", "bad message", "Internal"]],
  [95, ["EOPNOTSUPP", "operation not supported", "Unimplemented"]],
  [98, ["EADDRINUSE", "address already in use", "Unavailable"]],
  [99, ["EADDRNOTAVAIL", "cannot assign requested address", "InvalidArgument"]],
]);

/** `ENOENT: no such file or directory`. */
export function errnoText(errno: number): string {
  const known = ERRNO.get(errno);
  return known ? `${known[0]}: ${known[1]}` : `errno ${errno}`;
}

/** The error for a failed `action`, of the kind its errno implies. */
export function errnoError(errno: number, action: string): ShimError {
  return new ShimError(ERRNO.get(errno)?.[2] ?? "Internal", `${action}: ${errnoText(errno)}`);
}
