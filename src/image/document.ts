/**
 * Manifests and indexes of images, as far as they say where WebAssembly is.
 *
 * OCI image specification 1.1: https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md, image-index.md
 */

import { ShimError } from "../errdefs/mod.ts";
import { Field } from "../oci/field.ts";

export interface BlobDescriptor {
  mediaType: string;
  /** sha256:HEX */
  digest: string;
  /** In bytes. */
  size: number;
}

export interface Platform {
  os: string;
  architecture: string;
}

export interface IndexEntry extends BlobDescriptor {
  /** Undefined: it is for its configuration to say. */
  platform: Platform | undefined;
}

export type Document =
  | { kind: "manifest"; config: BlobDescriptor; layers: BlobDescriptor[] }
  | { kind: "index"; manifests: IndexEntry[] };

/** No blob of ours is larger than what Go's int64 holds, nor than what a number holds exactly. */
const SIZE = [0, Number.MAX_SAFE_INTEGER] as const;

/**
 * The manifest or index in `text`: told by what it has, since Docker's and OCI's have the same fields.
 * @param name for errors
 * @throws ShimError InvalidArgument: it is neither, or a field has a value that it cannot have
 */
export function parseImageDocument(text: string, name: string): Document {
  const document = Field.parse(text, name);
  const manifests = document.at("manifests");
  const config = document.at("config");
  try {
    if (!manifests.absent) {
      const entry = (item: Field) => ({ ...descriptor(item), platform: platform(item) });
      return { kind: "index", manifests: manifests.items().map(entry) };
    }
    if (!config.absent) {
      const layers = document.at("layers").items().map(descriptor);
      return { kind: "manifest", config: descriptor(config), layers };
    }
  } catch (error) {
    const { kind, message } = ShimError.from(error);
    throw new ShimError(kind, `${name}: ${message}`, { cause: error });
  }
  throw new ShimError("InvalidArgument", `${name}: neither an image's manifest nor an index`);
}

/** The platform that an image's configuration says it is for. @throws ShimError as parseImageDocument */
export function parseConfigPlatform(text: string, name: string): Platform {
  return readPlatform(Field.parse(text, name));
}

function descriptor(field: Field): BlobDescriptor {
  const digest = field.at("digest");
  // The only algorithm that containerd has blobs of. It becomes the name of a file.
  if (!/^sha256:[0-9a-f]{64}$/.test(digest.string())) throw digest.error("not a SHA-256");
  return {
    mediaType: field.at("mediaType").string(),
    digest: digest.string(),
    size: field.at("size").integer(SIZE),
  };
}

function platform(item: Field): Platform | undefined {
  const field = item.at("platform");
  return field.absent ? undefined : readPlatform(field);
}

function readPlatform(field: Field): Platform {
  return { os: field.at("os").string(""), architecture: field.at("architecture").string("") };
}
