/** Finds a container's module in its root and tells what kind of file it is, by its first bytes. */

import { ShimError } from "../errdefs/mod.ts";
import { cString, type SupervisorNative } from "../linux/native.ts";
import { errnoError } from "../linux/errno.ts";

/** What an entry point can be. */
export type WorkloadKind = "module" | "component" | "other";

const HEADER_BYTES = 8;
const MAGIC = [0x00, 0x61, 0x73, 0x6d];
const ENOENT = 2;
const ENOTDIR = 20;

/**
 * The kind of the file that begins with `header`: the magic number, then u16 version and u16 layer.
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md#component-definitions
 */
export function workloadKind(header: Uint8Array): WorkloadKind {
  if (MAGIC.some((byte, index) => header[index] !== byte)) return "other";
  return header[6] === 1 && header[7] === 0 ? "component" : "module";
}

/**
 * The first of `candidates` that is there, below `rootfs`, and its kind.
 * @throws ShimError NotFound: none is; or what opening it said.
 */
export function findWorkload(
  native: SupervisorNative,
  rootfs: string,
  candidates: readonly string[],
): { path: string; kind: WorkloadKind } {
  const header = new Uint8Array(HEADER_BYTES);
  for (const path of candidates) {
    const size = native.dw_read_in_root(
      cString(rootfs),
      cString(path),
      header,
      BigInt(header.length),
    );
    const errno = -Number(size);
    if (errno === ENOENT || errno === ENOTDIR) continue;
    if (errno > 0) throw errnoError(errno, `open process.args[0] ${path}`);
    return { path, kind: workloadKind(header.subarray(0, Number(size))) };
  }
  throw new ShimError(
    "NotFound",
    `find process.args[0] in the rootfs: ${candidates.join(", ")}: no such file`,
  );
}

/**
 * The path of the module to run.
 * @throws ShimError Unimplemented: it is of a kind that this version does not run.
 */
export function findModule(
  native: SupervisorNative,
  rootfs: string,
  candidates: readonly string[],
): string {
  const { path, kind } = findWorkload(native, rootfs, candidates);
  if (kind === "module") return path;
  const what = kind === "component" ? "a WebAssembly component" : "not a WebAssembly module";
  throw new ShimError("Unimplemented", `run process.args[0] ${path}: it is ${what}`);
}
