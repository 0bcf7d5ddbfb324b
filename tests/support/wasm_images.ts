/** Images whose layers are WebAssembly, as OCI layouts in a tar archive: no root file system is in them. */

import { packTar } from "modern-tar";
import { type Entry, packLayer } from "../../scripts/image.ts";

export const MODULE_LAYER = "application/vnd.wasm.content.layer.v1+wasm";
export const COMPONENT_LAYER = "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm";
export const ARTIFACT_LAYER = "application/wasm";
export const ARTIFACT_CONFIG = "application/vnd.wasm.config.v0+json";
const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";

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

export interface Platform {
  os: string;
  architecture: string;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: Platform;
  annotations?: Record<string, string>;
}

const WASI: Platform = { os: "wasip1", architecture: "wasm" };
const EPOCH = new Date(0);

/** An image of one manifest. */
export function wasmImage(image: WasmImage): Promise<Uint8Array> {
  return layout(image.ref, async (put) => await manifest(put, image));
}

/** An image of a list of manifests, each for its platform. */
export function wasmIndex(ref: string, images: Omit<WasmImage, "ref">[]): Promise<Uint8Array> {
  return layout(ref, async (put) => {
    const manifests: Descriptor[] = [];
    for (const image of images) {
      const platform = image.platform ?? WASI;
      manifests.push({ ...await manifest(put, image), platform });
    }
    return await put(OCI_INDEX, json({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  });
}

/** A layer of files. */
export async function rootfsLayer(entries: Entry[]): Promise<Layer> {
  return {
    mediaType: "application/vnd.oci.image.layer.v1.tar",
    data: await packLayer(entries),
  };
}

export async function digestOf(data: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(data));
  return `sha256:${new Uint8Array(digest).toHex()}`;
}

type Put = (mediaType: string, data: Uint8Array) => Promise<Descriptor>;

async function manifest(put: Put, image: Omit<WasmImage, "ref">): Promise<Descriptor> {
  const layers: Descriptor[] = [];
  for (const { mediaType, data } of image.layers) layers.push(await put(mediaType, data));
  const digests = layers.map(({ digest }) => digest);
  const unpacked = layers.filter(({ mediaType }) => /\.tar(\+|$)/.test(mediaType)).map((it) =>
    it.digest
  );
  const common = { created: EPOCH.toISOString(), ...(image.platform ?? WASI) };
  const config = image.artifact
    ? await put(ARTIFACT_CONFIG, json({ ...common, layerDigests: digests }))
    : await put(
      OCI_CONFIG,
      // containerd wants an entry for each layer that it unpacks, and none for others.
      json({ ...common, config: image.config, rootfs: { type: "layers", diff_ids: unpacked } }),
    );
  return await put(
    OCI_MANIFEST,
    json({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }),
  );
}

async function layout(
  ref: string,
  make: (put: Put) => Promise<Descriptor>,
): Promise<Uint8Array> {
  const blobs = new Map<string, Uint8Array>();
  const target = await make(async (mediaType, data) => {
    const digest = await digestOf(data);
    blobs.set(digest, data);
    return { mediaType, digest, size: data.length };
  });
  const annotations = { "io.containerd.image.name": ref };
  return await packTar([
    tarFile("oci-layout", json({ imageLayoutVersion: "1.0.0" })),
    tarFile(
      "index.json",
      json({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ ...target, annotations }] }),
    ),
    ...[...blobs].map(([digest, data]) => tarFile(`blobs/${digest.replace(":", "/")}`, data)),
  ]);
}

function tarFile(name: string, data: Uint8Array): Parameters<typeof packTar>[0][number] {
  const header = { name, type: "file", size: data.length, mode: 0o644, mtime: EPOCH } as const;
  return { header, body: data };
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
