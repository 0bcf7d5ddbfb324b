/** What a layout holds as blobs: descriptors, and where the bytes come from. Files are never whole in memory. */

import { createHash } from "node:crypto";
import { ShimError } from "../errdefs/mod.ts";
import { reasoned } from "../errdefs/reasoned.ts";
import { isTarLayer } from "./media_types.ts";

/** OCI image specification v1.1, descriptor.md. */
export interface Descriptor {
  mediaType: string;
  /** "sha256:" and 64 digits in hex. */
  digest: string;
  /** In bytes. */
  size: number;
}

/** A blob. */
export interface Content {
  descriptor: Descriptor;
  /** Of a layer that is a tar archive: the digest of the archive when it is not compressed. */
  diffId?: string;
  /** The bytes, once more. The stream fails when they are not those of the descriptor. */
  open(): Promise<ReadableStream<Bytes>>;
}

export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

/** Bytes in memory. */
export function bytesContent(mediaType: string, data: Bytes): Content {
  const digest = `sha256:${createHash("sha256").update(data).digest("hex")}`;
  return {
    descriptor: { mediaType, digest, size: data.length },
    ...(isTarLayer(mediaType) && { diffId: digest }),
    open: () => Promise.resolve(ReadableStream.from([data])),
  };
}

/** `value` as JSON. The same value, with its fields in the same order, gives the same bytes. */
export function jsonContent(mediaType: string, value: unknown): Content {
  return bytesContent(mediaType, encoder.encode(JSON.stringify(value)));
}

/**
 * A file, which is read here for its digest and again by open().
 * @throws ShimError NotFound, PermissionDenied, InvalidArgument (not a file, empty, a compression that is not known):
 * names the path
 */
export async function fileContent(mediaType: string, path: string): Promise<Content> {
  let size = 0;
  const hash = createHash("sha256");
  try {
    for await (const chunk of await openFile(path)) {
      hash.update(chunk);
      size += chunk.length;
    }
  } catch (error) {
    throw failed(path, error);
  }
  if (size === 0) throw new ShimError("InvalidArgument", `read ${path}: the file is empty`);
  const digest = `sha256:${hash.digest("hex")}`;
  return {
    descriptor: { mediaType, digest, size },
    ...(isTarLayer(mediaType) && { diffId: await diffId(mediaType, path, digest) }),
    open: async () => (await openFile(path)).pipeThrough(verifier(path, digest, size)),
  };
}

/** Digest of the archive inside the layer `path` (OCI image specification, config.md: DiffID). */
async function diffId(mediaType: string, path: string, digest: string): Promise<string> {
  const compression = /\.tar(?:[+.](\w+))?$/.exec(mediaType);
  if (compression && compression[1] === undefined) return digest;
  if (compression?.[1] !== "gzip") {
    throw new ShimError(
      "InvalidArgument",
      `layer ${path}: ${mediaType}: a compression other than gzip`,
    );
  }
  const hash = createHash("sha256");
  try {
    const archive = (await openFile(path)).pipeThrough(new DecompressionStream("gzip"));
    for await (const chunk of archive) hash.update(chunk);
  } catch (error) {
    throw failed(path, error);
  }
  return `sha256:${hash.digest("hex")}`;
}

/** A FIFO or a device could not be read twice. */
async function openFile(path: string): Promise<ReadableStream<Bytes>> {
  try {
    if ((await Deno.stat(path)).isFile) return (await Deno.open(path)).readable;
  } catch (error) {
    throw failed(path, error);
  }
  throw new ShimError("InvalidArgument", `read ${path}: not a file`);
}

/** Fails when what has passed is not of this digest: the file has changed since it was taken. */
function verifier(path: string, digest: string, size: number): TransformStream<Bytes, Bytes> {
  const hash = createHash("sha256");
  const changed = () =>
    new ShimError("FailedPrecondition", `read ${path}: it has changed meanwhile`);
  let left = size;
  return new TransformStream({
    transform(chunk, controller) {
      left -= chunk.length;
      if (left < 0) throw changed();
      hash.update(chunk);
      controller.enqueue(chunk);
    },
    flush() {
      if (`sha256:${hash.digest("hex")}` !== digest) throw changed();
    },
  });
}

function failed(path: string, error: unknown): ShimError {
  return error instanceof ShimError ? error : reasoned(`read ${path}`, error);
}
