/** Where this host has its cgroup hierarchies. */

import { ShimError } from "../errdefs/mod.ts";

export interface Hierarchy {
  /** `["memory"]`, `["cpu", "cpuacct"]`, `["name=systemd"]`; of version 2, none: see its cgroup.controllers. */
  controllers: readonly string[];
  /** Where it is mounted: an absolute path. */
  root: string;
}

export interface CgroupLayout {
  version: 1 | 2;
  /** Of version 2, one. */
  hierarchies: readonly Hierarchy[];
}

const CONTROLLERS = new Set([
  ...["blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "hugetlb", "memory", "misc"],
  ...["net_cls", "net_prio", "perf_event", "pids", "rdma"],
]);

/**
 * The layout that a process' mountinfo shows (proc_pid_mountinfo(5)). With both versions mounted ("hybrid"), the
 * controllers are version 1's, and so is the layout.
 * @throws ShimError FailedPrecondition: no cgroups are mounted.
 */
export function detectLayout(mountinfo: string): CgroupLayout {
  const v1 = new Map<string, Hierarchy>();
  const v2: Hierarchy[] = [];
  for (const line of mountinfo.split("\n")) {
    const [mount, fileSystem] = line.split(" - ");
    if (!fileSystem) continue;
    const root = unescapePath(mount.split(" ")[4]);
    const [type, , options] = fileSystem.split(" ");
    if (type === "cgroup2") v2.push({ controllers: [], root });
    if (type !== "cgroup") continue;
    const controllers = options.split(",").filter((option) =>
      CONTROLLERS.has(option) || option.startsWith("name=")
    );
    const key = controllers.join();
    if (key && !v1.has(key)) v1.set(key, { controllers, root });
  }
  if (v1.size > 0) return { version: 1, hierarchies: [...v1.values()] };
  if (v2.length > 0) return { version: 2, hierarchies: [v2[0]] };
  throw new ShimError("FailedPrecondition", "find cgroups: none mounted");
}

/** Blanks, tabs, newlines and backslashes are in octal. */
function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
}
