/** From a container's name to the layer of its image that is WebAssembly. */

import type { Store } from "../containerd/store.ts";
import { ShimError } from "../errdefs/mod.ts";
import { chooseLayer, chooseManifest } from "./choose.ts";
import {
  type BlobDescriptor,
  type Document,
  type IndexEntry,
  parseConfigPlatform,
  parseImageDocument,
} from "./document.ts";

/** As much as containerd itself reads of a manifest. */
const MAX_DOCUMENT_BYTES = 8 << 20;

/** How deep indexes may be in one another. */
const MAX_DEPTH = 4;

const INDEXES: readonly string[] = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

/** What a container's image has to run. */
export interface ImageLayer {
  /** The image's name. */
  image: string;
  /** The digest of its manifest or index, which is what keeps its blobs from being garbage. */
  target: string;
  layer: BlobDescriptor;
}

/** Why there is no WebAssembly in a container's image, in words for an error. */
export interface NoLayer {
  layer: null;
  reason: string;
}

/**
 * @param id of the container
 * @throws ShimError: the image is one of WebAssembly, but cannot be run; or containerd's own, with the digest
 */
export async function findLayer(store: Store, id: string): Promise<ImageLayer | NoLayer> {
  const image = await store.imageName(id);
  if (image === "") return { layer: null, reason: "the container was made without an image" };
  const { mediaType, digest, size } = await store.image(image);
  return await new Search(store, image).run({ mediaType, digest, size: Number(size) });
}

class Search {
  constructor(readonly store: Store, readonly image: string) {}

  async run(target: BlobDescriptor): Promise<ImageLayer | NoLayer> {
    let manifest = target;
    let document = await this.#document(target);
    if (document.kind === "index") {
      const entries = await this.#entries(document.manifests, MAX_DEPTH);
      manifest = chooseManifest(entries, this.#name(target));
      document = await this.#document(manifest);
    }
    if (document.kind === "index") throw this.#error(manifest, "an index, not a manifest");
    const choice = chooseLayer(document, this.#name(manifest));
    const { image } = this;
    if (choice.layer) return { image, target: target.digest, layer: choice.layer };
    return { layer: null, reason: `image ${image}: ${choice.reason}` };
  }

  /** The manifests in an index and those in it, each with its platform. */
  async #entries(manifests: readonly IndexEntry[], depth: number): Promise<IndexEntry[]> {
    const found: IndexEntry[] = [];
    for (const entry of manifests) {
      if (entry.platform && !INDEXES.includes(entry.mediaType)) {
        found.push(entry);
        continue;
      }
      if (depth === 0) throw this.#error(entry, `more than ${MAX_DEPTH} indexes in one another`);
      const document = await this.#document(entry);
      if (document.kind === "index") {
        found.push(...await this.#entries(document.manifests, depth - 1));
      } else {
        const { config } = document;
        const text = await this.#text(config);
        found.push({ ...entry, platform: parseConfigPlatform(text, this.#name(config)) });
      }
    }
    return found;
  }

  async #document(descriptor: BlobDescriptor): Promise<Document> {
    return parseImageDocument(await this.#text(descriptor), this.#name(descriptor));
  }

  /** The text of a blob, checked. */
  async #text(descriptor: BlobDescriptor): Promise<string> {
    const { digest, size } = descriptor;
    if (size > MAX_DOCUMENT_BYTES) {
      throw this.#error(descriptor, `${size} bytes: more than ${MAX_DOCUMENT_BYTES}`);
    }
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for await (const chunk of readBlob(this.store, descriptor, this.#name(descriptor))) {
      chunks.push(chunk);
    }
    const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    if (digest === `sha256:${sum}`) return new TextDecoder().decode(bytes);
    throw this.#error(descriptor, `its bytes are of sha256:${sum}`, "DataLoss");
  }

  #name({ digest }: BlobDescriptor): string {
    return `image ${this.image}: ${digest}`;
  }

  #error(
    descriptor: BlobDescriptor,
    reason: string,
    kind: "InvalidArgument" | "DataLoss" = "InvalidArgument",
  ): ShimError {
    return new ShimError(kind, `${this.#name(descriptor)}: ${reason}`);
  }
}

/**
 * The bytes of a blob, of which there are as many as its descriptor says.
 * @param name for errors
 * @throws ShimError DataLoss: there are more or fewer; or containerd's own
 */
export async function* readBlob(
  store: Store,
  { digest, size }: BlobDescriptor,
  name: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let count = 0;
  try {
    for await (const data of store.read(digest)) {
      count += data.length;
      if (count > size) break;
      yield data as Uint8Array<ArrayBuffer>;
    }
  } catch (error) {
    const { kind, message } = ShimError.from(error);
    throw new ShimError(kind, `${name}: ${message}`, { cause: error });
  }
  if (count === size) return;
  const seen = count > size ? `more than ${size}` : `${count} of ${size}`;
  throw new ShimError("DataLoss", `${name}: ${seen} bytes are there`);
}
