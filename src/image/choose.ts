/** Which manifest of an index, and which layer of a manifest, is the WebAssembly to run. Pure functions. */

import { ShimError } from "../errdefs/mod.ts";
import type { BlobDescriptor, Document, Platform } from "./document.ts";

/**
 * Media types of layers that are one module or component each: runwasi's for modules and components, and that of
 * artifacts (https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/).
 */
const WASM_LAYERS: readonly string[] = [
  "application/wasm",
  "application/vnd.wasm.content.layer.v1+wasm",
  "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
];

/** The configuration of an artifact. */
const WASM_CONFIG = "application/vnd.wasm.config.v0+json";

/** Layers that containerd unpacks into a root file system: tar archives, compressed or not. */
const ROOTFS_LAYER =
  /^application\/vnd\.(oci\.image\.layer\.(nondistributable\.)?v1|docker\.image\.rootfs\.(foreign\.)?diff)\.tar/;

/** The first that an index has is run. A module starts sooner than a component, and every engine runs it. */
const WASM_SYSTEMS: readonly string[] = ["wasip1", "wasi", "wasip2"];

/** "wasm32" is Docker's. */
const WASM_ARCHITECTURES: readonly string[] = ["wasm", "wasm32"];

/** Names of processors as Go has them, for platforms. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64" };

/** The platform of this machine. */
export const HOST: Platform = {
  os: Deno.build.os,
  architecture: ARCHITECTURES[Deno.build.arch] ?? Deno.build.arch,
};

/**
 * The entry for WebAssembly, or else the one for the host, which containerd finds without being told a platform.
 * @param name of the index, for errors
 * @throws ShimError NotFound: it has neither
 */
export function chooseManifest<T extends { platform: Platform | undefined }>(
  entries: readonly T[],
  name: string,
  host: Platform = HOST,
): T {
  const wasm = WASM_SYSTEMS.flatMap((os) =>
    entries.filter(({ platform }) =>
      platform?.os === os && WASM_ARCHITECTURES.includes(platform.architecture)
    )
  );
  const native = entries.filter(({ platform }) =>
    platform?.os === host.os && platform.architecture === host.architecture
  );
  const [chosen] = [...wasm, ...native];
  if (chosen) return chosen;
  const wanted = [...WASM_SYSTEMS.map((os) => `${os}/wasm`), `${host.os}/${host.architecture}`];
  const seen = entries.map(({ platform }) => platform ? show(platform) : "no platform");
  throw new ShimError(
    "NotFound",
    `${name}: no manifest for ${wanted.join(", ")}: it has ${seen.join(", ") || "none"}`,
  );
}

const show = ({ os, architecture }: Platform) => `${os}/${architecture}`;

/** What a manifest has to run: one layer; or null, with what it has instead, when it is an ordinary image's. */
export type Choice = { layer: BlobDescriptor } | { layer: null; reason: string };

/**
 * The layer to run. Layers of a root file system may be beside it.
 * @param name of the manifest, for errors
 * @throws ShimError InvalidArgument: several could be run, one has no bytes, or one is of a type that nothing here reads
 */
export function chooseLayer(
  { config, layers }: Extract<Document, { kind: "manifest" }>,
  name: string,
): Choice {
  const wasm = layers.filter(({ mediaType }) => WASM_LAYERS.includes(mediaType));
  const unknown = layers.find(({ mediaType }) =>
    !WASM_LAYERS.includes(mediaType) && !ROOTFS_LAYER.test(mediaType)
  );
  const isWasm = wasm.length > 0 || config.mediaType === WASM_CONFIG;
  const refuse = (reason: string) => new ShimError("InvalidArgument", `${name}: ${reason}`);
  const unknownText = unknown && `layer ${unknown.digest}: ${unknown.mediaType}: not a type of ` +
      `layer that is known: ${WASM_LAYERS.join(", ")}, or a tar archive`;
  if (unknownText && isWasm) throw refuse(unknownText);
  if (wasm.length > 1) {
    const digests = wasm.map(({ digest }) => digest).join(", ");
    throw refuse(`${wasm.length} WebAssembly layers, of which one alone can be run: ${digests}`);
  }
  const [layer] = wasm;
  if (!layer) {
    if (isWasm) throw refuse("no WebAssembly layer");
    return { layer: null, reason: unknownText ?? "no WebAssembly layer" };
  }
  if (layer.size === 0) throw refuse(`layer ${layer.digest}: 0 bytes: not WebAssembly`);
  return { layer };
}
