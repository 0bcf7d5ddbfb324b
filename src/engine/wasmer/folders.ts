/**
 * Folders of the host in a file system in memory: copied in before a guest runs, and what it has changed copied back. All
 * paths are looked up below their folder, in the kernel, so that no symbolic link leads out of it.
 *
 * Only folders and regular files that can be read are copied, whose names are UTF-8. What is not copied is left alone.
 */

import { ShimError } from "../../errdefs/mod.ts";
import { errnoError } from "../../linux/errno.ts";
import { cString } from "../../linux/native.ts";
import { AT_REMOVEDIR, O, type System } from "../../linux/system.ts";
import type { Preopen } from "../mod.ts";
import { FILE, readEntries, readFile, writeFile } from "./host_files.ts";
import type { MemFS } from "./library.ts";

export const MAX_BYTES = 64 << 20;
export const MAX_ENTRIES = 10_000;

const EEXIST = -17;
const DIRECTORY_MODE = 0o777;
/** Of the root folder, what is no file of anybody's. */
const NOT_COPIED = ["/proc", "/sys", "/dev"];

/** What was found at a path, and with a file a number that is another when its content is. */
type Seen = "folder" | bigint;

/** Paths in memory are those of the host, so that folders may lie in one another. */
export class Folders {
  /** By their paths; a folder in another one is not here. */
  readonly #roots = new Map<string, number>();
  readonly #seen = new Map<string, Seen>();
  #bytes = 0;

  /** Open the folders. @throws ShimError: one cannot be opened */
  constructor(readonly system: System, readonly preopens: readonly Preopen[]) {
    const paths = preopens.map(({ host }) => host).map(normalPath).sort();
    for (const path of paths) {
      if ([...this.#roots.keys()].some((root) => isIn(path, root))) continue;
      const folder = system.openHost(cString(path), O.DIRECTORY);
      if (folder < 0) throw errnoError(-folder, `open preopened directory ${path}`);
      this.#roots.set(path, folder);
    }
  }

  /** Names for the guest by paths in memory. */
  get names(): Map<string, string> {
    return new Map(this.preopens.map(({ host, guest }) => [guest, normalPath(host)]));
  }

  /** @throws ShimError ResourceExhausted: more than MAX_BYTES or MAX_ENTRIES */
  copyIn(memory: MemFS): void {
    for (const [root, folder] of this.#roots) {
      for (let slash = root.indexOf("/", 1); slash > 0; slash = root.indexOf("/", slash + 1)) {
        this.#makeFolder(memory, root.slice(0, slash));
      }
      if (root !== "/") this.#makeFolder(memory, root);
      this.#copyFolder(memory, folder, root, root);
    }
  }

  /** Several roots may have the same parents. */
  #makeFolder(memory: MemFS, path: string): void {
    const parent = path.slice(0, path.lastIndexOf("/")) || "/";
    if (memory.readDir(parent).some((entry) => entry.path === path)) return;
    memory.createDir(path);
  }

  #copyFolder(memory: MemFS, folder: number, root: string, path: string): void {
    for (const { name, type } of readEntries(this.system, folder, below(root, path))) {
      const inner = path === "/" ? `/${name}` : `${path}/${name}`;
      if (NOT_COPIED.includes(inner)) continue;
      if (type === FILE.DIRECTORY) {
        this.#count(inner, "folder", 0);
        memory.createDir(inner);
        this.#copyFolder(memory, folder, root, inner);
      } else if (type === FILE.REGULAR) {
        const room = MAX_BYTES - this.#bytes;
        const content = readFile(this.system, folder, below(root, inner), room);
        if (content === undefined) continue;
        this.#count(inner, fingerprint(content), content.length);
        putFile(memory, inner, content);
      }
    }
  }

  #count(path: string, seen: Seen, bytes: number): void {
    this.#seen.set(path, seen);
    this.#bytes += bytes;
    const limit = this.#bytes > MAX_BYTES
      ? `${MAX_BYTES >> 20} MiB`
      : this.#seen.size > MAX_ENTRIES
      ? `${MAX_ENTRIES} files and folders`
      : undefined;
    if (limit === undefined) return;
    throw new ShimError("ResourceExhausted", `copy ${path} into memory: more than ${limit}`);
  }

  /** Do to the host's what the guest has done. @throws ShimError: the first that failed, after all was tried */
  writeBack(memory: MemFS): void {
    const now = new Map<string, Seen>();
    const failures: ShimError[] = [];
    const contents = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const root of this.#roots.keys()) this.#look(memory, root, now, contents);
    const tried = (path: string, seen: Seen | undefined, result: number, action: string) => {
      if (result < 0) {
        failures.push(errnoError(-result, `${action} ${path}`));
      } else if (seen === undefined) {
        this.#seen.delete(path);
      } else {
        this.#seen.set(path, seen);
      }
    };
    // Deepest first: a folder's content comes before it.
    for (const [path, seen] of [...this.#seen].sort().reverse()) {
      const next = now.get(path);
      if (next !== undefined && (next === "folder") === (seen === "folder")) continue;
      tried(path, undefined, this.#remove(path, seen), "remove");
    }
    for (const [path, seen] of [...now].sort()) {
      if (this.#seen.get(path) === seen) continue;
      const result = seen === "folder" ? this.#mkdir(path) : this.#put(path, contents.get(path)!);
      tried(path, seen, result, "write back");
    }
    const [first, ...others] = failures;
    if (!first) return;
    const more = others.length > 0 ? `, and ${others.length} more` : "";
    throw new ShimError(first.kind, `${first.message}${more}`);
  }

  /** Everything below `path` in memory; of files that are not as they were seen, the contents. */
  #look(
    memory: MemFS,
    path: string,
    now: Map<string, Seen>,
    contents: Map<string, Uint8Array<ArrayBuffer>>,
  ): void {
    for (const entry of memory.readDir(path)) {
      if (NOT_COPIED.includes(entry.path)) continue;
      if (entry.metadata.filetype.dir) {
        now.set(entry.path, "folder");
        this.#look(memory, entry.path, now, contents);
        continue;
      }
      const content = takeFile(memory, entry.path);
      const seen = fingerprint(content);
      now.set(entry.path, seen);
      if (this.#seen.get(entry.path) !== seen) contents.set(entry.path, content);
    }
  }

  #remove(path: string, seen: Seen): number {
    const [folder, name] = this.#place(path);
    return this.system.unlink(
      folder,
      name,
      0,
      name.length,
      seen === "folder" ? AT_REMOVEDIR : 0,
      0,
    );
  }

  #mkdir(path: string): number {
    const [folder, name] = this.#place(path);
    const result = this.system.mkdir(folder, name, 0, name.length, DIRECTORY_MODE, 0);
    return result === EEXIST ? 0 : result;
  }

  #put(path: string, content: Uint8Array<ArrayBuffer>): number {
    const [folder, name] = this.#place(path);
    return writeFile(this.system, folder, name, content);
  }

  /** The folder that has `path`, and the rest of it. */
  #place(path: string): [folder: number, name: Uint8Array<ArrayBuffer>] {
    const [root, folder] = [...this.#roots].find(([root]) => isIn(path, root))!;
    return [folder, below(root, path)];
  }

  /** Close the folders. */
  close(): void {
    for (const folder of this.#roots.values()) this.system.close(folder);
    this.#roots.clear();
  }
}

/** Without "." and "..", and without slashes but between names and at the beginning. */
function normalPath(path: string): string {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

function isIn(path: string, root: string): boolean {
  return path === root || root === "/" || path.startsWith(`${root}/`);
}

/** `path` as it is below `root`, in bytes. */
function below(root: string, path: string): Uint8Array<ArrayBuffer> {
  const rest = path === root ? "." : path.slice(root === "/" ? 1 : root.length + 1);
  return new TextEncoder().encode(rest);
}

function putFile(memory: MemFS, path: string, content: Uint8Array<ArrayBuffer>): void {
  const file = memory.open(path, { write: true, create: true });
  try {
    for (let at = 0; at < content.length;) at += file.write(content.subarray(at));
  } finally {
    file.free();
  }
}

function takeFile(memory: MemFS, path: string): Uint8Array<ArrayBuffer> {
  const file = memory.open(path, { read: true });
  try {
    return file.read();
  } finally {
    file.free();
  }
}

/** 64 bits that differ when the content does, but for chance: FNV-1a, twice. Not against who means to deceive himself. */
function fingerprint(content: Uint8Array): bigint {
  let low = 0x811c9dc5, high = 0x01000193 ^ content.length;
  for (let at = 0; at < content.length; at++) {
    low = Math.imul(low ^ content[at], 0x01000193);
    high = Math.imul(high ^ content[at], 0x85ebca6b) + 1 | 0;
  }
  return BigInt(high >>> 0) << 32n | BigInt(low >>> 0);
}
