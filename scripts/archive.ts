/**
 * The archive that the launcher carries: ustar in zstd frames, then a trailer. The form is
 * described in src/launcher/archive.h.
 *
 * A tar file may be cut between members and a zstd stream between frames, so members that rarely
 * change are packed and compressed apart from the others and kept.
 */

import * as zlib from "node:zlib";
import { packTar } from "modern-tar";

/** A file of the archive: content, or the target of a symbolic link. */
export type Member =
  | { name: string; mode: number; data: Uint8Array<ArrayBuffer> }
  | { name: string; link: string }
  | { name: string; folder: true };

const BLOCK = 512;
/** Two blocks of zeros end a tar file. */
const END_SIZE = 2 * BLOCK;
const TRAILER_SIZE = 56;
const TRAILER_VERSION = 1n;

/** SHA-256 in hex. */
export async function sha256(data: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();
}

/** The tar blocks of `members` without the archive's end. The same members, the same bytes. */
async function pack(members: Member[]): Promise<Uint8Array<ArrayBuffer>> {
  const common = { mtime: new Date(0), uid: 0, gid: 0, uname: "", gname: "" };
  const tar = await packTar(members.map((member) => {
    const { name } = member;
    if ("link" in member) {
      const header = { ...common, name, size: 0, type: "symlink" as const, mode: 0o777 };
      return { header: { ...header, linkname: member.link } };
    }
    if ("folder" in member) {
      return { header: { ...common, name, size: 0, type: "directory" as const, mode: 0o700 } };
    }
    const size = member.data.byteLength;
    return { header: { ...common, name, size, mode: member.mode }, body: member.data };
  }));
  const length = tar.byteLength - END_SIZE;
  if (tar.subarray(length).some((byte) => byte !== 0)) {
    throw new Error("tar: does not end in two blocks of zeros");
  }
  return tar.subarray(0, length);
}

function compress(data: Uint8Array, level: number): Uint8Array<ArrayBuffer> {
  const params = {
    [zlib.constants.ZSTD_c_compressionLevel]: level,
    [zlib.constants.ZSTD_c_checksumFlag]: 1,
  };
  return new Uint8Array(zlib.zstdCompressSync(data, { params }));
}

/** One zstd frame of `members`, at zstd's `level`. */
export async function frame(members: Member[], level: number): Promise<Uint8Array<ArrayBuffer>> {
  return compress(await pack(members), level);
}

/** frame(), taken from the folder `cache` when it was made there before. */
export async function cachedFrame(
  members: Member[],
  level: number,
  cache: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await Promise.all(members.map(async (member) => {
    if (!("data" in member)) return member;
    return { ...member, data: await sha256(member.data) };
  }));
  const digest = await sha256(new TextEncoder().encode(JSON.stringify([level, key])));
  const path = `${cache}/${digest}.tar.zst`;
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const result = await frame(members, level);
  await writeWhole(path, result);
  return result;
}

/** The frame that ends an archive. */
export function endFrame(level: number): Uint8Array<ArrayBuffer> {
  return compress(new Uint8Array(END_SIZE), level);
}

/** Writes a file by a temporary one and a rename: never half, and while the old one runs. */
export async function writeWhole(
  path: string,
  data: Uint8Array,
  options: Deno.WriteFileOptions = {},
): Promise<void> {
  const temporary = `${path}.${Deno.pid}`;
  await Deno.writeFile(temporary, data, options);
  await Deno.rename(temporary, path);
}

/** `launcher`, then the archive of `frames`, then its trailer. */
export async function joinArchive(
  launcher: Uint8Array,
  frames: Uint8Array<ArrayBuffer>[],
): Promise<Uint8Array<ArrayBuffer>> {
  const payload = concat(frames);
  const trailer = new Uint8Array(TRAILER_SIZE);
  const view = new DataView(trailer.buffer);
  trailer.set(new TextEncoder().encode("denowasi"), 0);
  view.setBigUint64(8, TRAILER_VERSION, true);
  view.setBigUint64(16, BigInt(payload.byteLength), true);
  trailer.set(Uint8Array.fromHex(await sha256(payload)), 24);
  return concat([launcher, payload, trailer]);
}

function concat(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.byteLength;
  }
  return result;
}
