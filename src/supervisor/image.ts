/** Layers of images for containers: loaded only when a container's root does not have its program. */

import { type Kind, ShimError } from "../errdefs/mod.ts";
import { PRODUCT_FILE } from "../engine/product.ts";
import {
  findLayer,
  type ImageLayer,
  type NoLayer,
  readProduct,
  saveLayer,
  Store,
  writeProduct,
} from "../image/mod.ts";
import type { Making, Workshop } from "./container.ts";
import { findFile, findWasm } from "./workload.ts";

/** What a module without a name is named by. */
const DEFAULT_NAME = "module.wasm";

/** Names that a file cannot have, or that would be too long beside others: path_resolution(7). */
const BAD_NAME = /^(|\.|\.\.)$|^.{129,}$/s;

/** How long Create may be held up by what is for later ones. */
const KEEP_MS = 10_000;

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
  findWasm(native, folder, [path]); // it is WebAssembly
  if (findFile(native, folder, [path])?.kind === "component") {
    await bringProduct(workshop, store, folder, found.layer.digest);
  }
  return { path };
}

/** What was made of the component before, as a file for the zygote. Without it, it is made again. */
async function bringProduct(
  { zygotes, maker, log }: Workshop,
  store: Store,
  folder: string,
  digest: string,
): Promise<void> {
  if (zygotes.hasCompiled(digest.replace("sha256:", ""))) return;
  try {
    const product = await readProduct(store, digest, maker);
    if (product) Deno.writeFileSync(`${folder}/${PRODUCT_FILE}`, product, { mode: 0o600 });
  } catch (error) {
    log.warn("product not read", { digest, error: ShimError.from(error).message });
  }
}

/**
 * Keep what the zygote has made of a layer, beside it in containerd's content store. The file goes: what is compiled needs
 * it no more. A failure fails nothing: it is made again.
 * @param digest of the layer: hex of its SHA-256
 */
export async function keepProduct(
  { workshop, folder, signal }: Making,
  digest: string,
): Promise<void> {
  const { containerd, namespace, maker, log } = workshop;
  const product = takeFile(`${folder}/${PRODUCT_FILE}`);
  if (!product) return;
  try {
    const wanted = AbortSignal.any([signal, AbortSignal.timeout(KEEP_MS)]);
    using store = new Store(containerd, namespace, wanted);
    const kept = await writeProduct(store, `sha256:${digest}`, maker, product);
    if (kept) log.debug("product kept", { digest, size: product.length });
  } catch (error) {
    log.warn("product not kept", { digest, error: ShimError.from(error).message });
  }
}

/** The bytes of a file, which is removed; null when there is none. */
function takeFile(path: string): Uint8Array<ArrayBuffer> | null {
  try {
    const bytes = Deno.readFileSync(path);
    Deno.removeSync(path);
    return bytes;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
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
