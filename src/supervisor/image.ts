/** Layers of images for containers: loaded only when a container's root does not have its program. */

import { type Kind, ShimError } from "../errdefs/mod.ts";
import { findLayer, type ImageLayer, type NoLayer, saveLayer, Store } from "../image/mod.ts";
import type { Making } from "./container.ts";
import { findWasm } from "./workload.ts";

/** What a module without a name is named by. */
const DEFAULT_NAME = "module.wasm";

/** Names that a file cannot have, or that would be too long beside others: path_resolution(7). */
const BAD_NAME = /^(|\.|\.\.)$|^.{129,}$/s;

/** What says nothing of the image. */
const UNKNOWN: readonly Kind[] = ["NotFound", "Unavailable", "DeadlineExceeded"];

/**
 * The layer that is the container's program, as a file in the folder of its state.
 * @param file of args[0]; any name will do, and names the process
 * @returns the file's path below the folder, or why there is none
 * @throws ShimError: the image is one of WebAssembly that cannot be run
 */
export async function saveImageLayer(
  making: Making,
  file: string,
): Promise<{ path: string } | { path: null; reason: string }> {
  const { workshop, request, folder, signal } = making;
  const { containerd, namespace, tasks, native, log } = workshop;
  using store = new Store(containerd, namespace, signal);
  const found = await findLayerOrReason(store, request.id);
  if (!found.layer) return { path: null, reason: found.reason };
  const last = file.slice(file.lastIndexOf("/") + 1);
  const name = BAD_NAME.test(last) ? DEFAULT_NAME : last;
  const path = await saveLayer(store, found, { folder, tasks, name });
  making.save({ layer: path });
  log.debug("layer saved", { id: request.id, image: found.image, digest: found.layer.digest });
  // It is WebAssembly, and says of which kind it is.
  return { path: findWasm(native, folder, [path]) };
}

/**
 * A container of which containerd has no record, or whose image was removed since, may be an ordinary one, and is one if
 * containerd cannot be asked.
 */
async function findLayerOrReason(store: Store, id: string): Promise<ImageLayer | NoLayer> {
  try {
    return await findLayer(store, id);
  } catch (error) {
    const { kind, message } = ShimError.from(error);
    if (UNKNOWN.includes(kind)) return { layer: null, reason: message };
    throw error;
  }
}
