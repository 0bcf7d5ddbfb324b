/** Layers of a root file system, made of entries rather than of files of this machine. */

import { packTar } from "modern-tar";
import { type Bytes, bytesContent, type Content } from "./content.ts";
import { TAR_LAYER } from "./media_types.ts";

/** One path of a layer. Modes are permission bits (0o644, or 0o755 for a folder, when absent). */
export type Entry =
  | { type: "file"; path: string; data: Uint8Array | string; mode?: number }
  | { type: "directory"; path: string; mode?: number }
  | { type: "symlink"; path: string; target: string };

type TarEntry = Parameters<typeof packTar>[0][number];

const OWNER = { uid: 0, gid: 0, mtime: new Date(0) };

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

/** The layer of these entries, with the parent folders of each, owned by root. */
export async function entriesLayer(entries: readonly Entry[]): Promise<Content> {
  const packed = new Map<string, TarEntry>();
  for (const entry of entries) {
    const path = entry.path.replace(/^\/+/, "");
    for (let end = path.indexOf("/"); end > 0; end = path.indexOf("/", end + 1)) {
      const parent = path.slice(0, end + 1);
      if (!packed.has(parent)) packed.set(parent, tarDirectory(parent, 0o755));
    }
    if (entry.type === "directory") {
      packed.set(`${path}/`, tarDirectory(`${path}/`, entry.mode ?? 0o755));
    } else {
      packed.set(path, entry.type === "file" ? tarFile(path, entry) : tarLink(path, entry.target));
    }
  }
  return bytesContent(TAR_LAYER, await packTar([...packed.values()]) as Bytes);
}

function tarFile(
  name: string,
  { data, mode = 0o644 }: { data: Uint8Array | string; mode?: number },
) {
  const body = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return { header: { ...OWNER, name, type: "file" as const, size: body.length, mode }, body };
}

function tarDirectory(name: string, mode: number): TarEntry {
  return { header: { ...OWNER, name, type: "directory", size: 0, mode } };
}

function tarLink(name: string, linkname: string): TarEntry {
  return { header: { ...OWNER, name, type: "symlink", size: 0, mode: 0o777, linkname } };
}
