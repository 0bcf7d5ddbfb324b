/**
 * `state.json` of a container: what must be cleaned if its supervisor dies, and what the next one must know. Written
 * before the thing it names is made, by temporary file and rename, so that whatever exists is named.
 */

import type { Limits } from "../oci/mod.ts";
import type { RuntimeIdentity } from "../runc/mod.ts";
import type { StdioPaths } from "../stdio/mod.ts";
import type { ProcessIdentity } from "./identity.ts";

export interface TaskState {
  bundle: string;
  /** The control socket of the supervisor that has it. */
  control: string;
  /** Of its init, as Create brought them. */
  paths: StdioPaths;
  /** Folder on which the root is mounted; null when Create brought no mounts. */
  rootfs: string | null;
  /** The path of the container's cgroup, below each hierarchy; null before it is made. */
  cgroup: string | null;
  /** Of a Wasm guest, for what is exec'd; null before they are known. */
  limits: Limits | null;
  /** The OCI runtime that has the container; null for one of Wasm. */
  runtime: RuntimeIdentity | null;
  /** Path of the image's layer that it runs, below the folder of this file; absent: it runs a file of its root. */
  layer?: string;
  /** Null before it is set up. */
  init: ProcessIdentity | null;
  paused: boolean;
}

/** Make the folder and its first state. @throws Deno.errors.AlreadyExists: there is such a container. */
export function createTaskState(folder: string, state: TaskState): void {
  Deno.mkdirSync(folder.slice(0, folder.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  Deno.mkdirSync(folder, { mode: 0o700 });
  writeTaskState(folder, state);
}

export function writeTaskState(folder: string, state: TaskState): void {
  const path = `${folder}/state.json`;
  Deno.writeTextFileSync(`${path}.new`, JSON.stringify(state), { mode: 0o600 });
  Deno.renameSync(`${path}.new`, path);
}

/** The state, or null when there is none or it was cut short. */
export function readTaskState(folder: string): TaskState | null {
  try {
    return JSON.parse(Deno.readTextFileSync(`${folder}/state.json`)) as TaskState;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return null;
    throw error;
  }
}
