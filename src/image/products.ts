/**
 * What was made of a layer at some cost, kept in containerd's content store beside it. The layer's labels name it, and
 * keep it: it is garbage when the layer is, that is when its last image is removed.
 */

import type { Store } from "../containerd/store.ts";
import { ShimError } from "../errdefs/mod.ts";

/** Followed by the engine and what tells one way of making it from another. */
const PREFIX = "denowasi.io/precompiled/";

/** Of containerd's garbage collector: a blob with such a label keeps the blob that it names. */
const REFERENCE = "containerd.io/gc.ref.content.denowasi.";

/** Makers of products: what another one has made, one cannot use. */
export interface Maker {
  engine: string;
  /** Of all that has to do with it: another build is another version. */
  version: string;
}

/**
 * The product of the layer `digest`; null when there is none, or none that is whole: then it is to be made again.
 * @throws ShimError: containerd's own
 */
export async function readProduct(
  store: Store,
  digest: string,
  maker: Maker,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const product = (await store.labels(digest)).get(nameOf(maker));
  if (!product) return null;
  let pieces: Uint8Array[];
  try {
    pieces = await Array.fromAsync(store.read(product));
  } catch (error) {
    if (ShimError.from(error).kind === "NotFound") return null;
    throw error;
  }
  const bytes = await new Blob(pieces as Uint8Array<ArrayBuffer>[]).bytes();
  if (await digestOf(bytes) === product) return bytes;
  await store.remove(product); // or one of the same digest would not be written
  return null;
}

/**
 * Keep the product of the layer `digest`, in place of the engine's other versions'.
 * @returns whether it was not there
 * @throws ShimError: containerd's own
 */
export async function writeProduct(
  store: Store,
  digest: string,
  maker: Maker,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const product = await digestOf(bytes);
  const labels = await store.labels(digest);
  if (labels.get(nameOf(maker)) === product && await store.has(product)) return false;
  const old = [...labels.keys()].filter((name) => name.startsWith(`${PREFIX}${maker.engine}/`));
  // Until the layer keeps it.
  await using lease = await store.lease();
  await store.write(bytes, product, lease.id);
  await store.setLabels(
    digest,
    new Map([
      ...old.map((name) => [name, ""] as const),
      [nameOf(maker), product],
      [`${REFERENCE}${maker.engine}`, product],
    ]),
  );
  return true;
}

const nameOf = ({ engine, version }: Maker) => `${PREFIX}${engine}/${version}`;

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return `sha256:${new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex()}`;
}
