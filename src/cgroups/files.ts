/** Reading and writing the files of cgroups: synchronous, since they are memory and take microseconds. */

import { type Kind, ShimError } from "../errdefs/mod.ts";

/** What a file holds without the last newline; undefined when it or its folder is not there. */
export function readFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trimEnd();
  } catch (error) {
    // ENODEV: the cgroup has been removed since the file was opened.
    if (["ENOENT", "ENODEV"].includes(errorCode(error))) return undefined;
    throw error;
  }
}

/** @throws Deno's error, with the errno's name as its `code`. */
export function writeFile(path: string, text: string): void {
  Deno.writeTextFileSync(path, text, { create: false });
}

/** The name of the errno behind an error of Deno's, or empty. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** A number: 0 for a file that is not there, `unlimited` for "max". */
export function readNumber(path: string, unlimited = UNLIMITED): bigint {
  return parseNumber(readFile(path), unlimited);
}

/** What "max" is to containerd: the highest 64-bit number. */
export const UNLIMITED = 2n ** 64n - 1n;

export function parseNumber(text: string | undefined, unlimited = UNLIMITED): bigint {
  if (text === "max") return unlimited;
  return text && /^\d+$/.test(text) ? BigInt(text) : 0n;
}

/** Lines of `KEY NUMBER`. What is not there reads as 0. */
export function readKeys(path: string): (key: string) => bigint {
  const values = new Map<string, bigint>();
  for (const line of (readFile(path) ?? "").split("\n")) {
    const [key, value] = line.split(" ");
    values.set(key, parseNumber(value));
  }
  return (key) => values.get(key) ?? 0n;
}

/** One limit to be written. */
export interface Limit {
  /** File of the cgroup; its controller is what comes before the dot. */
  file: string;
  value: string;
  /** Where in config.json it comes from. */
  field: string;
  /** Instead, where the kernel does not have `file`. */
  otherwise?: { file: string; value: string };
  /** The kernel need not have `file`. */
  optional?: boolean;
}

/** Kinds of the errnos that say what is wrong with a limit. */
const KINDS: Readonly<Record<string, Kind>> = {
  EINVAL: "InvalidArgument",
  ERANGE: "InvalidArgument",
  ENODEV: "InvalidArgument",
  EBUSY: "FailedPrecondition",
  ENOENT: "FailedPrecondition",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
};

/** Write `limit` in the cgroup `folder`, which is undefined when the host lacks the controller. @throws ShimError */
export function writeLimit(folder: string | undefined, limit: Limit): void {
  try {
    if (folder === undefined) throw new Deno.errors.NotFound();
    writeFile(`${folder}/${limit.file}`, limit.value);
  } catch (cause) {
    const absent = cause instanceof Deno.errors.NotFound;
    if (absent && limit.otherwise) {
      return writeLimit(folder, { ...limit, ...limit.otherwise, otherwise: undefined });
    }
    if (absent && limit.optional) return;
    const code = absent ? "ENOENT" : errorCode(cause);
    const reason = absent ? "the host does not have it" : code || String(cause);
    throw new ShimError(
      KINDS[code] ?? "Internal",
      `${limit.field}: write ${JSON.stringify(limit.value)} to ${limit.file}: ${reason}`,
      { cause },
    );
  }
}
