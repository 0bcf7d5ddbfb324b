/**
 * Removing what a container leaves: the one way, for Delete, for a Create that failed and for the delete command after a
 * supervisor that was killed. May be called again after a failure: state.json goes last.
 */

import type { Cgroups } from "../cgroups/mod.ts";
import type { SupervisorNative } from "../linux/native.ts";
import { OciRuntime, type RuntimeIdentity } from "../runc/mod.ts";
import { endProcess, killProcess } from "./identity.ts";
import { type Exit, parseExit } from "./monitor.ts";
import { unmountRootfs } from "./rootfs.ts";
import { readTaskState } from "./state_file.ts";

/** What it takes to clean. */
export interface Cleaning {
  native: SupervisorNative;
  cgroups: Cgroups;
}

/** Remove all that the state in `folder` names, and the folder. */
export async function cleanTask({ native, cgroups }: Cleaning, folder: string): Promise<void> {
  const state = readTaskState(folder);
  if (state?.runtime) await forgetContainer(state.runtime, folder);
  if (state?.cgroup) {
    const cgroup = cgroups.at(state.cgroup);
    await cgroup.kill(killProcess);
    await cgroup.remove();
  }
  if (state?.rootfs) unmountRootfs(native, state.rootfs);
  await Deno.remove(folder, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** Have the OCI runtime delete its container; one that cannot, has its files of it removed. */
async function forgetContainer(identity: RuntimeIdentity, folder: string): Promise<void> {
  const runtime = new OciRuntime(identity);
  const id = folder.slice(folder.lastIndexOf("/") + 1);
  await runtime.delete(id, { folder }).catch(() => runtime.forget(id));
}

/** End what runs of a container whose supervisor is gone, and tell how it ended: null when nothing is known of that. */
export async function endOrphan(folder: string): Promise<{ pid: number; exit: Exit | null }> {
  const init = readTaskState(folder)?.init;
  if (init) await endProcess(init, () => readExitFile(folder) !== null);
  return { pid: init?.pid ?? 0, exit: readExitFile(folder) };
}

/** What the monitor wrote, or null. */
export function readExitFile(folder: string): Exit | null {
  try {
    return parseExit(Deno.readTextFileSync(`${folder}/exit`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
