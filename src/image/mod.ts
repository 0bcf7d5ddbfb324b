/**
 * Images of WebAssembly: their layers are modules or components, not archives of files, and are read from containerd's
 * content store. docs/images.md has what an operator sees.
 *
 * https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/
 */

export { Store } from "../containerd/store.ts";
export { findLayer, type ImageLayer, type NoLayer } from "./find.ts";
export { type Maker, readProduct, writeProduct } from "./products.ts";
export { saveLayer, type SavePlaces } from "./save.ts";
