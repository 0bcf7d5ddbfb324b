/** Whole files and folders of the host by system calls. A path is bytes, below a folder that is open. */

import { O, READDIR_SIZE, STAT_MODE, STAT_SIZE, type System } from "../../linux/system.ts";
import { FILETYPE, fileType } from "../preview1/descriptors.ts";

/** Types of entries. */
export const FILE = { DIRECTORY: FILETYPE.DIRECTORY, REGULAR: FILETYPE.REGULAR_FILE } as const;

const FILE_MODE = 0o666;
/** An entry of WASI's fd_readdir: u64 cookie, u64 inode, u32 size of the name, u8 type, three bytes; the name. */
const ENTRY = { name: 16, type: 20, size: 24 } as const;
const LIST_BYTES = 64 << 10;
/** Where a stat of System has the size. */
const STAT_BYTES = 32;

type Bytes = Uint8Array<ArrayBuffer>;

/** The entries of the folder at `path` but "." and ".."; none when it cannot be read. */
export function readEntries(
  system: System,
  folder: number,
  path: Bytes,
): { name: string; type: number }[] {
  const fd = system.open(folder, path, 0, path.length, O.RDONLY | O.DIRECTORY, 0, 0);
  if (fd < 0) return [];
  const ahead = new BigUint64Array(READDIR_SIZE / 8);
  const list = new Uint8Array(LIST_BYTES);
  const view = new DataView(list.buffer);
  const found: { name: string; type: number }[] = [];
  try {
    for (let cookie = 0n;;) {
      const size = system.readdir(fd, ahead, READDIR_SIZE, cookie, list, 0, LIST_BYTES);
      for (let at = 0; at + ENTRY.size <= size;) {
        const end = at + ENTRY.size + view.getUint32(at + ENTRY.name, true);
        if (end > size) break; // cut off: it comes again
        const bytes = list.subarray(at + ENTRY.size, end);
        const name = decode(bytes);
        const type = list[at + ENTRY.type] || typeOf(system, fd, bytes);
        if (name !== undefined && name !== "." && name !== "..") found.push({ name, type });
        cookie = view.getBigUint64(at, true);
        at = end;
      }
      if (size < LIST_BYTES) return found;
    }
  } finally {
    system.close(fd);
  }
}

/** What the file system has not said of the entry. */
function typeOf(system: System, folder: number, name: Bytes): number {
  const stat = new Uint8Array(STAT_SIZE);
  if (system.stat(folder, name, 0, name.length, 0, stat, 0) < 0) return 0;
  return fileType(new DataView(stat.buffer).getUint32(STAT_MODE, true));
}

function decode(name: Bytes): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(name);
  } catch {
    return undefined;
  }
}

/** All of the regular file at `path`, or of a larger one `most` + 1 bytes; undefined when it cannot be read. */
export function readFile(
  system: System,
  folder: number,
  path: Bytes,
  most: number,
): Bytes | undefined {
  const fd = system.open(folder, path, 0, path.length, O.RDONLY | O.NONBLOCK, 0, 0);
  if (fd < 0) return undefined;
  try {
    const stat = new Uint8Array(STAT_SIZE);
    const view = new DataView(stat.buffer);
    if (system.fstat(fd, stat, 0) < 0) return undefined;
    if (fileType(view.getUint32(STAT_MODE, true)) !== FILE.REGULAR) return undefined;
    // One more shows that it has grown.
    const content = new Uint8Array(Math.min(Number(view.getBigUint64(STAT_BYTES, true)), most) + 1);
    let size = 0;
    while (size < content.length) {
      const count = system.read(fd, content, size, content.length - size);
      if (count < 0) return undefined;
      if (count === 0) break;
      size += count;
    }
    return content.subarray(0, size);
  } finally {
    system.close(fd);
  }
}

/** Make the file at `path`, or replace what it holds. 0 or a negative errno. */
export function writeFile(system: System, folder: number, path: Bytes, content: Bytes): number {
  const flags = O.WRONLY | O.CREAT | O.TRUNC | O.NONBLOCK;
  const fd = system.open(folder, path, 0, path.length, flags, FILE_MODE, 0);
  if (fd < 0) return fd;
  try {
    for (let at = 0; at < content.length;) {
      const count = system.write(fd, content, at, content.length - at);
      if (count < 0) return count;
      at += count;
    }
    return 0;
  } finally {
    system.close(fd);
  }
}
