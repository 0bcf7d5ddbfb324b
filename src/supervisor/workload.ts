/** What a container's entry point is: found in its root, and told by its first bytes. */

import { ShimError } from "../errdefs/mod.ts";
import { cString, type SupervisorNative } from "../linux/native.ts";
import { errnoError } from "../linux/errno.ts";

/** What a file can be. */
export type FileKind = "module" | "component" | "other";

const HEADER_BYTES = 8;
const MAGIC = [0x00, 0x61, 0x73, 0x6d];
const ENOENT = 2;
const ENOTDIR = 20;

/**
 * The kind of the file that begins with `header`: the magic number, then u16 version and u16 layer.
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md#component-definitions
 */
export function fileKind(header: Uint8Array): FileKind {
  if (MAGIC.some((byte, index) => header[index] !== byte)) return "other";
  return header[6] === 1 && header[7] === 0 ? "component" : "module";
}

/**
 * The first of `candidates` that is there, below `rootfs`, and its kind; null when none is.
 * @throws ShimError: what opening it said
 */
export function findFile(
  native: SupervisorNative,
  rootfs: string,
  candidates: readonly string[],
): { path: string; kind: FileKind } | null {
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
    return { path, kind: fileKind(header.subarray(0, Number(size))) };
  }
  return null;
}

/**
 * The path of the Wasm module or component to run, or null: what the entry point is, an OCI runtime shall tell. It may be in a mount
 * that is not there yet. Only a name that ends like a module's must be one.
 * @throws ShimError NotFound, InvalidArgument
 */
export function wasmWorkload(
  native: SupervisorNative,
  rootfs: string,
  candidates: readonly string[],
): string | null {
  const isNamed = candidates.some((path) => path.endsWith(".wasm"));
  const kind = isNamed ? undefined : findFileOrNull(native, rootfs, candidates)?.kind ?? "other";
  return kind === "other" ? null : findWasm(native, rootfs, candidates);
}

/** Whether any of `candidates` is there, readable or not. */
export function isThere(
  native: SupervisorNative,
  rootfs: string,
  candidates: readonly string[],
): boolean {
  try {
    return findFile(native, rootfs, candidates) !== null;
  } catch (error) {
    if (error instanceof ShimError) return true;
    throw error;
  }
}

/** An entry point that cannot be opened is no module. */
function findFileOrNull(...[native, rootfs, candidates]: Parameters<typeof findFile>) {
  try {
    return findFile(native, rootfs, candidates);
  } catch (error) {
    if (error instanceof ShimError) return null;
    throw error;
  }
}

/**
 * The path of the module or component to run, which must be one.
 * @throws ShimError NotFound: there is no such file; InvalidArgument: it is not WebAssembly
 */
export function findWasm(
  native: SupervisorNative,
  rootfs: string,
  candidates: readonly string[],
): string {
  const found = findFile(native, rootfs, candidates);
  if (!found) {
    throw new ShimError(
      "NotFound",
      `find process.args[0] in the rootfs: ${candidates.join(", ")}: no such file`,
    );
  }
  if (found.kind !== "other") return found.path;
  throw new ShimError(
    "InvalidArgument",
    `run process.args[0] ${found.path}: it is not a WebAssembly module`,
  );
}
