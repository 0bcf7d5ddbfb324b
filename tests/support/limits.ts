/** The limits of a container as the kernel has them, in either version of cgroups. */

import type { Daemon } from "./daemon.ts";

const ROOT = "/sys/fs/cgroup";

/** Files below the container's cgroup: of version 1 with the controller before it, and of version 2. */
const FILES = {
  memory: ["memory/memory.limit_in_bytes", "memory.max"],
  cpuQuota: ["cpu/cpu.cfs_quota_us", "cpu.max"],
  pids: ["pids/pids.max", "pids.max"],
} as const;

/** The limit of container `id` of `daemon`'s namespace: bytes, microseconds a period, processes. */
export function limitOf(daemon: Daemon, id: string, name: keyof typeof FILES): string {
  const [v1, v2] = FILES[name];
  const [controller, file] = v1.split("/");
  const below = `${daemon.namespace}/${id}`;
  const path = isVersion2() ? `${ROOT}/${below}/${v2}` : `${ROOT}/${controller}/${below}/${file}`;
  return Deno.readTextFileSync(path).trim().split(" ")[0];
}

/** Every limit of the container. */
export function limitsOf(daemon: Daemon, id: string): Record<keyof typeof FILES, string> {
  const of = (name: keyof typeof FILES) => limitOf(daemon, id, name);
  return { memory: of("memory"), cpuQuota: of("cpuQuota"), pids: of("pids") };
}

function isVersion2(): boolean {
  try {
    return Deno.statSync(`${ROOT}/cgroup.controllers`).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
