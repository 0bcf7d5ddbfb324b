/** Who supervises a group: the holder of flock(2) on the `lock` file of its folder. */

import type { GroupPlaces } from "./places.ts";

/**
 * Take the group's lock, making its folder. Held until disposed or until the process ends.
 * @returns null when another process holds it.
 */
export function lockGroup(places: GroupPlaces): Disposable | null {
  for (;;) {
    if (!makeFolder(places.folder)) continue;
    const file = openLock(places.lock);
    if (!file) continue;
    if (!file.tryLockSync(true)) {
      file.close();
      return null;
    }
    // A holder removes the folder as it ends: a lock on what was removed is worth nothing.
    if (sameFile(file, places.lock)) {
      removeSockets(places); // of a holder that was killed
      return file;
    }
    file.close();
  }
}

/** Remove the folder of the group, by who holds its lock. */
export function removeGroup(places: GroupPlaces): void {
  removeSockets(places);
  remove(places.name);
  remove(places.lock);
  try {
    Deno.removeSync(places.folder);
  } catch (error) {
    // Without a lock it was anybody's: another has begun, with a lock of its own.
    if (!isNotEmpty(error) && !(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** ENOTEMPTY, to which Deno gives neither a class nor a code. */
function isNotEmpty(error: unknown): boolean {
  return error instanceof Error && error.message.includes("(os error 39)");
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** False when its removal by another got in between. */
function makeFolder(path: string): boolean {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

function openLock(path: string): Deno.FsFile | null {
  try {
    return Deno.openSync(path, { create: true, write: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function sameFile(file: Deno.FsFile, path: string): boolean {
  try {
    return file.statSync().ino === Deno.statSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** With those on which monitors that were killed waited for a terminal. */
function removeSockets(places: GroupPlaces): void {
  for (const { name, isFile } of Deno.readDirSync(places.folder)) {
    if (!isFile) remove(`${places.folder}/${name}`);
  }
}
