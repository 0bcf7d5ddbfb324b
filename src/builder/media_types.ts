/** Media types of what this room writes, and the architecture of its platforms. */

/** Those of the OCI image specification v1.1 (media-types.md). */
export const INDEX = "application/vnd.oci.image.index.v1+json";
export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json";
export const TAR_LAYER = "application/vnd.oci.image.layer.v1.tar";

/** A layer that is one module or component: what runwasi's oci-tar-builder writes for both, and its shims run. */
export const WASM_LAYER = "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm";
/** A layer that is one module. */
export const MODULE_LAYER = "application/vnd.wasm.content.layer.v1+wasm";

/** Those of the CNCF's artifacts: https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/. */
export const ARTIFACT_CONFIG = "application/vnd.wasm.config.v0+json";
export const ARTIFACT_LAYER = "application/wasm";

/** Whether a layer of this type is WebAssembly as it is, in no archive. */
export function isWasmLayer(mediaType: string): boolean {
  return [WASM_LAYER, MODULE_LAYER, ARTIFACT_LAYER].includes(mediaType);
}

/** Whether a layer of this type is unpacked into a root file system. */
export function isTarLayer(mediaType: string): boolean {
  return /^application\/vnd\.(oci\.image\.layer\.(nondistributable\.)?v1|docker\.image\.rootfs\.(foreign\.)?diff)\.tar/
    .test(mediaType);
}

/** GOARCH of WebAssembly; the system is "wasip1", "wasip2" or "wasi". */
export const WASM_ARCHITECTURE = "wasm";
