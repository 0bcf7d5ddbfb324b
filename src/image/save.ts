/**
 * Layers as files: `sha256:HEX/NAME` in the folder of a task's state, for as long as the task is there, since its execs
 * run them, too. Tasks of one layer share one file.
 */

import type { Store } from "../containerd/store.ts";
import { type ImageLayer, readBlob } from "./find.ts";
import { namesIn } from "../linux/folder.ts";

export interface SavePlaces {
  /** The folder of the task's state. */
  folder: string;
  /** The folder of all tasks' states. */
  tasks: string;
  /** The last part of the file's path, by which errors and the process name it. */
  name: string;
}

/**
 * Its SHA-256 is not checked here: who runs it does, of what it has read.
 * @returns the file's path below `folder`, absolute as in a root
 * @throws ShimError DataLoss: it is shorter or longer than its descriptor says; or containerd's own
 */
export async function saveLayer(
  store: Store,
  { image, layer }: ImageLayer,
  { folder, tasks, name }: SavePlaces,
): Promise<string> {
  const path = `/${layer.digest}/${name}`;
  Deno.mkdirSync(`${folder}/${layer.digest}`, { mode: 0o700 });
  if (linkSibling(tasks, layer.digest, `${folder}${path}`)) return path;
  const unfinished = `${folder}/layer.new`;
  using file = Deno.openSync(unfinished, { write: true, createNew: true, mode: 0o600 });
  for await (const chunk of readBlob(store, layer, `image ${image}: layer ${layer.digest}`)) {
    for (let at = 0; at < chunk.length;) at += file.writeSync(chunk.subarray(at));
  }
  Deno.renameSync(unfinished, `${folder}${path}`);
  return path;
}

/** Link the file of another task, if one has it: then nothing is read, and memory holds it once. */
function linkSibling(tasks: string, digest: string, path: string): boolean {
  for (const task of namesIn(tasks)) {
    const folder = `${tasks}/${task}/${digest}`;
    const [name] = namesIn(folder);
    if (!name) continue;
    try {
      Deno.linkSync(`${folder}/${name}`, path);
      return true;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // its task has just gone
    }
  }
  return false;
}
