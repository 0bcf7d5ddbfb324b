/**
 * Removing what a container leaves: the one way, for Delete, for a Create that failed and for the delete command after a
 * supervisor that was killed. May be called again after a failure: state.json goes last.
 */

import type { Cgroups } from "../cgroups/mod.ts";
import type { SupervisorNative } from "../linux/native.ts";
import { type Exit, parseExit } from "./monitor.ts";
import { unmountRootfs } from "./rootfs.ts";
import { processStartTime, readTaskState, type TaskState } from "./state_file.ts";

/** How long init and its monitor may take to end after SIGKILL. */
const END_TIMEOUT_MS = 5000;
const POLL_MS = 5;

/** What it takes to clean. */
export interface Cleaning {
  native: SupervisorNative;
  cgroups: Cgroups;
}

/** Remove all that the state in `folder` names, and the folder. */
export async function cleanTask({ native, cgroups }: Cleaning, folder: string): Promise<void> {
  const state = readTaskState(folder);
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

/** End what runs of a container whose supervisor is gone, and tell how it ended: null when nothing is known of that. */
export async function endOrphan(folder: string): Promise<{ pid: number; exit: Exit | null }> {
  const state = readTaskState(folder);
  const init = state?.init;
  if (init && alive(init)) killProcess(init.pid);
  const deadline = Date.now() + END_TIMEOUT_MS;
  while (init && (alive(init) || !readExitFile(folder)) && Date.now() < deadline) {
    await sleep(POLL_MS);
  }
  return { pid: init?.pid ?? 0, exit: readExitFile(folder) };
}

function alive({ pid, startTime }: NonNullable<TaskState["init"]>): boolean {
  return processStartTime(pid) === startTime;
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

function killProcess(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
