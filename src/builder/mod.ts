/**
 * Builds OCI image layouts as tar archives that `ctr image import`, skopeo and `docker load` take:
 * https://github.com/opencontainers/image-spec (v1.1), and the CNCF's WebAssembly artifacts.
 *
 * Loads Deno's Node layer (node:crypto hashes what comes in pieces): no other room may import this one but `cli`.
 */

export {
  bytesContent,
  type Content,
  type Descriptor,
  fileContent,
  jsonContent,
} from "./content.ts";
export { type Image, type Layout, layoutBytes, type Platform, writeLayout } from "./layout.ts";
export * as mediaTypes from "./media_types.ts";
export { makeReference } from "./reference.ts";
export { directory, entriesLayer, type Entry, file, symlink } from "./rootfs.ts";
export { inspectWasm, type Wasm } from "./wasm_file.ts";
export { type Fields, wasmArtifact, wasmImage } from "./wasm_image.ts";
