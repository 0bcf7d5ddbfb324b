/**
 * Transpiles components in a process apart, another runtime of this script. In the zygote, whose V8 compiles everything
 * at once and for good, the transpiler alone would take 5 s to compile; and every fork would carry its memory.
 */

import { ANSWER } from "../engine/component/answer.ts";
import { type Transpiled, unpack } from "../engine/component/transpiled.ts";
import { isKind, ShimError } from "../errdefs/mod.ts";
import { check, type ZygoteNative } from "../linux/native.ts";

/** A component of 30 MB takes 3 s. */
const TIMEOUT_MS = 60_000;

/** @throws ShimError InvalidArgument: it is not valid; DeadlineExceeded */
export function transpileApart(
  native: Pick<ZygoteNative, "dw_filter" | "dw_release">,
  code: Uint8Array<ArrayBuffer>,
  path: string,
): Transpiled {
  const output = new BigUint64Array(1);
  const size = check(
    native.dw_filter(
      strings([...ownCommand(), "transpile", path]),
      strings(environment()),
      code,
      BigInt(code.length),
      TIMEOUT_MS,
      new Uint8Array(output.buffer),
    ),
    `transpile ${path}`,
  );
  const pointer = Deno.UnsafePointer.create(output[0]);
  try {
    const answer = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer!, size)).slice();
    if (answer[0] === ANSWER.transpiled) return unpack(answer.subarray(1));
    throw failure(answer, path);
  } finally {
    native.dw_release(pointer);
  }
}

/** What this process was started with, but for the script's arguments. */
function ownCommand(): string[] {
  const all = Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1);
  return ["/proc/self/exe", ...all.slice(1, all.length - Deno.args.length)];
}

/** Its own, with V8's ordinary way of compiling. */
function environment(): string[] {
  const { DENO_V8_FLAGS: _, ...rest } = Deno.env.toObject();
  return Object.entries(rest).map(([name, value]) => `${name}=${value}`);
}

/** NUL-terminated strings, and an empty one. */
function strings(list: readonly string[]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode([...list, ""].join("\0") + "\0");
}

function failure(answer: Uint8Array, path: string): ShimError {
  if (answer[0] !== ANSWER.failed) {
    return new ShimError(
      "Internal",
      `transpile ${path}: the process for it ended without an answer`,
    );
  }
  const [kind, message = ""] = new TextDecoder().decode(answer.subarray(1)).split("\0");
  return new ShimError(isKind(kind) ? kind : "Internal", message);
}
