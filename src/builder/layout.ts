/**
 * OCI image layouts (image specification v1.1, image-layout.md) in a tar archive, with the manifest.json of `docker save`
 * beside the index. Nothing in one depends on the clock, the user or the order of a folder: the same input gives the same bytes.
 */

import { createTarPacker, type TarHeader } from "modern-tar";
import { type Content, type Descriptor, jsonContent } from "./content.ts";
import { INDEX, MANIFEST } from "./media_types.ts";

/** For whom an image is, by Go's names: "wasip1" and "wasm". */
export interface Platform {
  os: string;
  architecture: string;
}

/** A manifest and what it names. */
export interface Image {
  platform: Platform;
  config: Content;
  /** The lowest first. */
  layers: readonly Content[];
  /** Of the manifest. */
  annotations?: Readonly<Record<string, string>>;
}

export interface Layout {
  /** Full reference, with a tag: "localhost/denowasi/hello:latest". */
  ref: string;
  images: readonly Image[];
  /** Make an index, of which `ref` is the name, though there is one image; of several it is made anyway. */
  index?: boolean;
  /** Time of all files, in seconds since the epoch; 0 when absent. */
  timestampS?: number;
}

/** A file of the archive. */
interface File {
  name: string;
  content: Content;
}

/**
 * Write the archive to `out`, which is closed, or aborted when this fails. Uses some 16 MiB whatever the size.
 * @returns what the reference names
 * @throws ShimError FailedPrecondition: a file is not what it was when its content was made. Or what `out` throws.
 */
export async function writeLayout(
  layout: Layout,
  out: WritableStream<Uint8Array>,
): Promise<Descriptor> {
  const { target, files } = arrange(layout);
  const { readable, controller } = createTarPacker();
  const pack = async () => {
    try {
      for (const { name, content } of files) {
        const header = fileHeader(name, content.descriptor.size, layout.timestampS ?? 0);
        await (await content.open()).pipeTo(controller.add(header));
      }
      controller.finalize();
    } catch (error) {
      controller.error(error);
      throw error;
    }
  };
  await Promise.all([pack(), readable.pipeTo(out)]);
  return target;
}

/** The archive in memory. */
export async function layoutBytes(layout: Layout): Promise<Uint8Array<ArrayBuffer>> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>();
  const [bytes] = await Promise.all([
    new Response(readable).bytes(),
    writeLayout(layout, writable),
  ]);
  return bytes;
}

/** The files in their order: what says what there is, then the blobs, from the index down. */
function arrange(
  { ref, images, index: wanted = images.length > 1 }: Layout,
): { target: Descriptor; files: File[] } {
  const blobs = new Map<string, Content>();
  const put = (content: Content): Descriptor => {
    if (!blobs.has(content.descriptor.digest)) blobs.set(content.descriptor.digest, content);
    return content.descriptor;
  };
  const manifests = images.map((image) => ({ ...put(manifest(image)), platform: image.platform }));
  // Without a platform, which would make `ctr image import` skip the image unless told --all-platforms.
  const { mediaType, digest, size } = wanted
    ? put(jsonContent(INDEX, { schemaVersion: 2, mediaType: INDEX, manifests }))
    : manifests[0];
  const target: Descriptor = { mediaType, digest, size };
  for (const image of images) [image.config, ...image.layers].forEach(put);
  const annotations = {
    "io.containerd.image.name": ref,
    "org.opencontainers.image.ref.name": ref.slice(ref.lastIndexOf(":") + 1),
  };
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: [{ ...target, annotations }] };
  const docker = images.slice(0, 1).map(({ config, layers }) => ({
    Config: blobPath(config.descriptor),
    RepoTags: [ref],
    Layers: layers.map(({ descriptor }) => blobPath(descriptor)),
  }));
  const documents = {
    "oci-layout": { imageLayoutVersion: "1.0.0" },
    "index.json": index,
    "manifest.json": docker,
  };
  return {
    target,
    files: [
      ...Object.entries(documents).map(([name, value]) => ({
        name,
        content: jsonContent("application/json", value),
      })),
      ...[...blobs.values()].map((content) => ({ name: blobPath(content.descriptor), content })),
    ],
  };
}

function manifest({ config, layers, annotations }: Image): Content {
  return jsonContent(MANIFEST, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...(annotations && { annotations }),
  });
}

function blobPath({ digest }: Descriptor): string {
  return `blobs/${digest.replace(":", "/")}`;
}

function fileHeader(name: string, size: number, timestampS: number): TarHeader {
  const owner = { uid: 0, gid: 0, uname: "", gname: "" };
  return { ...owner, name, size, type: "file", mode: 0o644, mtime: new Date(timestampS * 1000) };
}
