/** errno(3) numbers as the error codes of wasi:filesystem and wasi:sockets. */

import { err, ok, type Result } from "./result.ts";

/** https://github.com/WebAssembly/WASI/blob/v0.2.8/wasip2/filesystem/types.wit, `error-code` */
const FILESYSTEM = {
  1: "not-permitted",
  2: "no-entry",
  4: "interrupted",
  5: "io",
  6: "no-such-device",
  9: "bad-descriptor",
  11: "would-block",
  12: "insufficient-memory",
  13: "access",
  16: "busy",
  17: "exist",
  18: "cross-device",
  19: "no-device",
  20: "not-directory",
  21: "is-directory",
  22: "invalid",
  23: "insufficient-memory", // ENFILE and EMFILE have no code of their own
  24: "insufficient-memory",
  25: "no-tty",
  26: "text-file-busy",
  27: "file-too-large",
  28: "insufficient-space",
  29: "invalid-seek",
  30: "read-only",
  31: "too-many-links",
  32: "pipe",
  35: "deadlock",
  36: "name-too-long",
  37: "no-lock",
  38: "unsupported",
  39: "not-empty",
  40: "loop",
  75: "overflow",
  84: "illegal-byte-sequence",
  90: "message-size",
  95: "unsupported",
  114: "already",
  115: "in-progress",
  122: "quota",
  131: "not-recoverable",
} as const;

/** https://github.com/WebAssembly/WASI/blob/v0.2.8/wasip2/sockets/network.wit, `error-code` */
const NETWORK = {
  1: "access-denied",
  11: "would-block",
  12: "out-of-memory",
  13: "access-denied",
  22: "invalid-argument",
  23: "new-socket-limit",
  24: "new-socket-limit",
  90: "datagram-too-large",
  95: "not-supported",
  97: "not-supported",
  98: "address-in-use",
  99: "address-not-bindable",
  100: "remote-unreachable",
  101: "remote-unreachable",
  103: "connection-aborted",
  104: "connection-reset",
  105: "out-of-memory",
  106: "invalid-state",
  107: "invalid-state",
  110: "timeout",
  111: "connection-refused",
  112: "remote-unreachable",
  113: "remote-unreachable",
} as const;

export type FilesystemCode = (typeof FILESYSTEM)[keyof typeof FILESYSTEM];
export type NetworkCode =
  | (typeof NETWORK)[keyof typeof NETWORK]
  | "unknown"
  | "concurrency-conflict"
  | "not-in-progress"
  | "name-unresolvable"
  | "temporary-resolver-failure"
  | "permanent-resolver-failure";

/** @param errno positive; what has no code is "io" */
export function filesystemCode(errno: number): FilesystemCode {
  return (FILESYSTEM as Record<number, FilesystemCode>)[errno] ?? "io";
}

/** @param errno positive; what has no code is "unknown" */
export function networkCode(errno: number): NetworkCode {
  return (NETWORK as Record<number, NetworkCode>)[errno] ?? "unknown";
}

/** The result of a call that answers a negative errno when it fails. */
export function filesystemResult<Value>(
  status: number | bigint,
  value: Value,
): Result<Value, FilesystemCode> {
  return status < 0 ? err(filesystemCode(-Number(status))) : ok(value);
}

export function networkResult<Value>(
  status: number | bigint,
  value: Value,
): Result<Value, NetworkCode> {
  return status < 0 ? err(networkCode(-Number(status))) : ok(value);
}
