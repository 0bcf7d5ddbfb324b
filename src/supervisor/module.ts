/** Where the module of a container is: in its root, or a layer of its image. */

import { ShimError } from "../errdefs/mod.ts";
import { entrypoint, namesFile, type Outline, program } from "../oci/mod.ts";
import type { Making } from "./container.ts";
import { isThere, wasmWorkload } from "./workload.ts";

/** A file for the zygote to run an export of. */
export interface WasmModule {
  /** Host path of the folder whose file it is: the container's root, or the state of its task. */
  root: string;
  /** Absolute, below `root`. */
  path: string;
  /** Hex of the SHA-256 that it must have; empty: any. */
  digest: string;
  export: string;
}

/** The layer at `path`, which begins with its digest, in the folder of a task's state. */
export function layerModule(folder: string, path: string, name: string): WasmModule {
  const digest = path.split("/")[1].replace("sha256:", "");
  return { root: folder, path, digest, export: name };
}

/**
 * What a container is to run; without a module, an OCI runtime shall find it.
 *
 * The file in the root is it, if there is one. Only if not is containerd asked for the container's image, which takes
 * longer than all the rest of an ordinary container's way to here.
 * @throws ShimError: what was wrong with the module
 */
export async function findEntry(
  making: Making,
  { process }: Outline,
): Promise<{ module: WasmModule | null }> {
  const { native } = making.workshop;
  if (process.args.length === 0) {
    throw new ShimError("InvalidArgument", "process.args: empty: there is nothing to run");
  }
  const { file, export: name } = program(process);
  let absence = "";
  if (!namesFile(file) || !isThere(native, making.rootfs, entrypoint(process).candidates)) {
    const { saveImageLayer } = await import("./image.ts");
    const saved = await saveImageLayer(making, file);
    if (saved.path !== null) {
      return { module: layerModule(making.folder, saved.path, name) };
    }
    absence = saved.reason;
  }
  // Nor does an OCI runtime find a program without a name, but that is for it to say.
  if (!namesFile(process.args[0])) return { module: null };
  const { candidates } = entrypoint(process);
  const path = explain(absence, () => wasmWorkload(native, making.rootfs, candidates));
  if (path === null) return { module: null };
  return { module: { root: making.rootfs, path, digest: "", export: name } };
}

/** What `find` answers. That there is no file may be because the image has no layer for it, either. */
function explain<T>(absence: string, find: () => T): T {
  try {
    return find();
  } catch (error) {
    const { kind, message } = ShimError.from(error);
    if (kind !== "NotFound" || absence === "") throw error;
    throw new ShimError(kind, `${message}; ${absence}`, { cause: error });
  }
}
