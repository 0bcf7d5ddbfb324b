/**
 * Builds OCI image layouts as tar archives that `ctr image import` takes:
 * https://github.com/opencontainers/image-spec (v1.1: image-layout.md, config.md, layer.md).
 *
 * Nothing in an image depends on the clock or on the machine's files: the same input gives the same
 * digests.
 *
 * As a program: `image.ts MODULE.wasm OUT.tar REFERENCE` wraps one module into an image.
 */

import { packTar } from "modern-tar";

/** One path of a layer. Modes are permission bits (0o644, or 0o755 for a folder, when absent). */
export type Entry =
  | { type: "file"; path: string; data: Uint8Array | string; mode?: number }
  | { type: "directory"; path: string; mode?: number }
  | { type: "symlink"; path: string; target: string };

/** What an image is made of. */
export interface Image {
  /** Full reference, such as "localhost/denowasi/hello:latest". */
  ref: string;
  /** Layers, the lowest first. */
  layers: Entry[][];
  /** The "config" of the image configuration: Entrypoint, Cmd, Env, WorkingDir, User... */
  config?: Record<string, unknown>;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

type TarEntry = Parameters<typeof packTar>[0][number];

const ARCHITECTURE = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
const EPOCH = new Date(0);

/** A file entry. */
export function file(path: string, data: Uint8Array | string, mode = 0o644): Entry {
  return { type: "file", path, data, mode };
}

/** A folder entry. */
export function directory(path: string, mode = 0o755): Entry {
  return { type: "directory", path, mode };
}

/** A symbolic link entry; `target` is stored as it is. */
export function symlink(path: string, target: string): Entry {
  return { type: "symlink", path, target };
}

/** The whole image as the bytes of a tar archive. */
export async function buildImage(image: Image): Promise<Uint8Array> {
  const blobs = new Map<string, Uint8Array>();
  const put = async (mediaType: string, data: Uint8Array): Promise<Descriptor> => {
    const hash = await sha256(data);
    blobs.set(hash, data);
    return { mediaType, digest: `sha256:${hash}`, size: data.length };
  };

  const layers: Descriptor[] = [];
  for (const entries of image.layers) {
    layers.push(await put("application/vnd.oci.image.layer.v1.tar", await packLayer(entries)));
  }
  const platform = { architecture: ARCHITECTURE, os: "linux" };
  const config = await put(
    "application/vnd.oci.image.config.v1+json",
    json({
      created: EPOCH.toISOString(),
      ...platform,
      config: { WorkingDir: "/", ...image.config },
      // Layers are not compressed, so their digests are the ones of their content too.
      rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.digest) },
    }),
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = await put(mediaType, json({ schemaVersion: 2, mediaType, config, layers }));
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{
      ...manifest,
      platform,
      annotations: {
        "io.containerd.image.name": image.ref,
        "org.opencontainers.image.ref.name": image.ref.slice(image.ref.lastIndexOf(":") + 1),
      },
    }],
  };
  return await packTar([
    tarFile("oci-layout", json({ imageLayoutVersion: "1.0.0" })),
    tarFile("index.json", json(index)),
    ...[...blobs].map(([hash, data]) => tarFile(`blobs/sha256/${hash}`, data)),
  ]);
}

/** An image whose single file is a module, run with no arguments. */
export function moduleImage(ref: string, name: string, wasm: Uint8Array): Promise<Uint8Array> {
  return buildImage({
    ref,
    layers: [[file(`/${name}`, wasm, 0o755)]],
    config: { Entrypoint: [`/${name}`] },
  });
}

/** The bytes of a layer's tar archive, with the parent folders of every entry, owned by root. */
export function packLayer(entries: Entry[]): Promise<Uint8Array> {
  const packed = new Map<string, TarEntry>();
  for (const entry of entries) {
    const path = entry.path.replace(/^\/+/, "");
    for (let end = path.indexOf("/"); end > 0; end = path.indexOf("/", end + 1)) {
      const parent = path.slice(0, end + 1);
      if (!packed.has(parent)) packed.set(parent, tarDirectory(parent, 0o755));
    }
    if (entry.type === "file") {
      packed.set(path, tarFile(path, bytes(entry.data), entry.mode));
    } else if (entry.type === "directory") {
      packed.set(`${path}/`, tarDirectory(`${path}/`, entry.mode ?? 0o755));
    } else {
      packed.set(path, {
        header: {
          ...OWNER,
          name: path,
          type: "symlink",
          size: 0,
          mode: 0o777,
          linkname: entry.target,
        },
      });
    }
  }
  return packTar([...packed.values()]);
}

const OWNER = { uid: 0, gid: 0, mtime: EPOCH };

function tarFile(name: string, data: Uint8Array, mode = 0o644): TarEntry {
  return { header: { ...OWNER, name, type: "file", size: data.length, mode }, body: data };
}

function tarDirectory(name: string, mode: number): TarEntry {
  return { header: { ...OWNER, name, type: "directory", size: 0, mode } };
}

function bytes(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

function json(value: unknown): Uint8Array {
  return bytes(JSON.stringify(value));
}

async function sha256(data: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(data));
  return new Uint8Array(digest).toHex();
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
