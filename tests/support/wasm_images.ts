/** Images whose layers are WebAssembly, as OCI layouts in a tar archive: no root file system need be in them. */

import {
  bytesContent,
  type Content,
  entriesLayer,
  type Entry,
  type Image,
  layoutBytes,
  mediaTypes,
  type Platform,
  wasmArtifact,
  wasmImage as makeImage,
} from "../../src/builder/mod.ts";

export type { Platform };
export const { MODULE_LAYER, ARTIFACT_LAYER, WASM_LAYER: COMPONENT_LAYER } = mediaTypes;

export interface Layer {
  mediaType: string;
  data: Uint8Array;
}

export interface WasmImage {
  ref: string;
  layers: Layer[];
  /** The "config" of an OCI image configuration. */
  config?: Record<string, unknown>;
  /** Make an artifact: its configuration knows of no entry point. */
  artifact?: boolean;
  platform?: Platform;
}

const WASI: Platform = { os: "wasip1", architecture: mediaTypes.WASM_ARCHITECTURE };

/** An image of one manifest. */
export function wasmImage(image: WasmImage): Promise<Uint8Array> {
  return layoutBytes({ ref: image.ref, images: [make(image)] });
}

/** An image of a list of manifests, each for its platform. */
export function wasmIndex(ref: string, images: Omit<WasmImage, "ref">[]): Promise<Uint8Array> {
  return layoutBytes({ ref, images: images.map(make), index: true });
}

/** A layer of files. */
export async function rootfsLayer(entries: Entry[]): Promise<Layer> {
  const content = await entriesLayer(entries);
  const data = await new Response(await content.open()).bytes();
  return { mediaType: content.descriptor.mediaType, data };
}

export async function digestOf(data: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(data));
  return `sha256:${new Uint8Array(digest).toHex()}`;
}

function make({ layers, config = {}, artifact, platform = WASI }: Omit<WasmImage, "ref">): Image {
  const contents: Content[] = layers.map(({ mediaType, data }) =>
    bytesContent(mediaType, new Uint8Array(data))
  );
  const common = { layers: contents, platform, createdS: 0 };
  if (artifact) return wasmArtifact({ ...common, wasm: { kind: "module" } });
  return makeImage({ ...common, config });
}
