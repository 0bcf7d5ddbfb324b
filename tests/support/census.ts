import assert from "node:assert/strict";
import { listCgroups } from "./cgroups.ts";
import type { Daemon } from "./daemon.ts";
import { waitFor } from "./wait.ts";

/**
 * What exists in and because of a private containerd, sorted, so that two can be compared: what a
 * workload has left behind is the difference. Run one container before the first: containerd makes
 * the folders that all share when it runs the first, and keeps them.
 */
export interface Census {
  /** Command names, of the daemon and of everything it began. */
  processes: string[];
  /** Mount points of its mount namespace. */
  mounts: string[];
  /** Cgroups of its containerd namespaces, below /sys/fs/cgroup. */
  cgroups: string[];
  /** Everything below /run except what is mounted there: sockets, FIFOs, folders, files. */
  run: string[];
  /** /var/lib/denowasi, one level deep. */
  unpacked: string[];
}

/** Takes the census of `daemon` now. */
export function takeCensus(daemon: Daemon): Census {
  const mounts = daemon.mounts();
  return {
    processes: daemon.processes().map((process) => process.comm).sort(),
    mounts: mounts.toSorted(),
    cgroups: listCgroups(daemon.namespace),
    run: walk(daemon, "/run", new Set(mounts)).sort(),
    unpacked: names(daemon.path("/var/lib/denowasi")).map((entry) => entry.name).sort(),
  };
}

/**
 * Waits until the census of `daemon` is as it was: containerd and shims clean up in the background.
 * @throws AssertionError with the difference after `timeoutMs`.
 */
export async function assertCensus(
  daemon: Daemon,
  before: Census,
  timeoutMs = 5000,
): Promise<void> {
  const wanted = JSON.stringify(before);
  try {
    await waitFor("the census", () => JSON.stringify(takeCensus(daemon)) === wanted, timeoutMs);
  } catch {
    assert.deepEqual(takeCensus(daemon), before, "something was left behind");
  }
}

function walk(daemon: Daemon, folder: string, mounts: Set<string>): string[] {
  const found: string[] = [];
  for (const entry of names(daemon.path(folder))) {
    const path = `${folder}/${entry.name}`;
    if (mounts.has(path)) continue;
    found.push(path);
    if (entry.isDirectory) found.push(...walk(daemon, path, mounts));
  }
  return found;
}

/** The entries of a folder; none when it has gone meanwhile. */
function names(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
