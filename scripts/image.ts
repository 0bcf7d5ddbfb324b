/**
 * Images of Linux: a root file system made of entries. What `ctr image import` takes, the same bytes for the same input.
 *
 * As a program: `image.ts MODULE.wasm OUT.tar REFERENCE` wraps one module into an image.
 */

import {
  entriesLayer,
  type Entry,
  file,
  jsonContent,
  layoutBytes,
  mediaTypes,
} from "../src/builder/mod.ts";

export { directory, type Entry, file, symlink } from "../src/builder/mod.ts";

/** What an image is made of. */
export interface Image {
  /** Full reference, such as "localhost/denowasi/hello:latest". */
  ref: string;
  /** Layers, the lowest first. */
  layers: Entry[][];
  /** The "config" of the image configuration: Entrypoint, Cmd, Env, WorkingDir, User... */
  config?: Record<string, unknown>;
}

const PLATFORM = { architecture: Deno.build.arch === "aarch64" ? "arm64" : "amd64", os: "linux" };

/** The whole image as the bytes of a tar archive. */
export async function buildImage(image: Image): Promise<Uint8Array<ArrayBuffer>> {
  const layers = await Promise.all(image.layers.map(entriesLayer));
  const config = jsonContent(mediaTypes.IMAGE_CONFIG, {
    created: new Date(0).toISOString(),
    ...PLATFORM,
    config: { WorkingDir: "/", ...image.config },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
  });
  return await layoutBytes({ ref: image.ref, images: [{ platform: PLATFORM, config, layers }] });
}

/** An image whose single file is a module, run with no arguments. */
export function moduleImage(
  ref: string,
  name: string,
  wasm: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  return buildImage({
    ref,
    layers: [[file(`/${name}`, wasm, 0o755)]],
    config: { Entrypoint: [`/${name}`] },
  });
}

if (import.meta.main) {
  const [module, out, ref] = Deno.args;
  if (Deno.args.length !== 3) {
    console.error("usage: image.ts MODULE.wasm OUT.tar REFERENCE");
    Deno.exit(2);
  }
  const name = module.slice(module.lastIndexOf("/") + 1);
  await Deno.mkdir(out.replace(/[^/]*$/, "") || ".", { recursive: true });
  await Deno.writeFile(out, await moduleImage(ref, name, await Deno.readFile(module)));
  console.log(`${out}: ${ref}`);
}
