/** Images whose layers are WebAssembly: OCI images, and the CNCF's artifacts. */

import { createHash } from "node:crypto";
import { ShimError } from "../errdefs/mod.ts";
import { type Content, jsonContent } from "./content.ts";
import type { Image, Platform } from "./layout.ts";
import { ARTIFACT_CONFIG, IMAGE_CONFIG } from "./media_types.ts";
import type { Wasm } from "./wasm_file.ts";

/** Fields of a configuration, as in its JSON. */
export type Fields = Readonly<Record<string, unknown>>;

/** What both kinds of images have. */
export interface Common {
  layers: readonly Content[];
  platform: Platform;
  /** In seconds since the epoch. */
  createdS: number;
  author?: string;
  annotations?: Readonly<Record<string, string>>;
  /** Fields of the configuration over all others; objects are merged. */
  fields?: Fields;
}

export interface WasmImage extends Common {
  /** The "config" of an OCI image configuration: Entrypoint, Cmd, Env, Labels. */
  config: Fields;
}

export interface WasmArtifact extends Common {
  /** Of the layer. */
  wasm: Wasm;
}

/** CRI knows an image by the digest of its configuration, in which else nothing would speak of the layers. */
const LAYERS_LABEL = "io.denowasi.layers";

/** An OCI image (image specification v1.1, config.md). @throws ShimError InvalidArgument: `fields` set what is computed */
export function wasmImage(image: WasmImage): Image {
  const digests = image.layers.map(({ descriptor }) => descriptor.digest);
  const all = createHash("sha256").update(digests.join(",")).digest("hex");
  const Labels = { ...image.config.Labels as object, [LAYERS_LABEL]: `sha256:${all}` };
  return assemble(image, IMAGE_CONFIG, {
    config: { ...image.config, Labels },
    // containerd wants one for each layer that it unpacks, and none for others.
    rootfs: {
      type: "layers",
      diff_ids: image.layers.flatMap(({ diffId }) => diffId === undefined ? [] : [diffId]),
    },
  }, "rootfs");
}

/**
 * An artifact: https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/.
 * @throws ShimError InvalidArgument: `fields` set what is computed
 */
export function wasmArtifact(artifact: WasmArtifact): Image {
  const { wasm } = artifact;
  return assemble(artifact, ARTIFACT_CONFIG, {
    layerDigests: artifact.layers.map(({ descriptor }) => descriptor.digest),
    ...(wasm.kind === "component" && {
      component: { exports: wasm.exports, imports: wasm.imports },
    }),
  }, "layerDigests");
}

function assemble(common: Common, mediaType: string, special: Fields, computed: string): Image {
  const { platform, createdS, author, annotations, layers, fields = {} } = common;
  for (const name of [computed, "architecture", "os"]) {
    if (name in fields) {
      throw new ShimError("InvalidArgument", `--config: ${name}: the builder sets it`);
    }
  }
  const config = {
    created: new Date(createdS * 1000).toISOString().replace(".000Z", "Z"),
    ...(author !== undefined && { author }),
    architecture: platform.architecture,
    os: platform.os,
    ...special,
  };
  return {
    platform,
    config: jsonContent(mediaType, merge(config, fields)),
    layers,
    annotations,
  };
}

/** The fields of `over` over those of `base`, and so on in objects that both have. */
function merge(base: Fields, over: Fields): Fields {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const below = merged[name];
    merged[name] = isObject(value) && isObject(below) ? merge(below, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
