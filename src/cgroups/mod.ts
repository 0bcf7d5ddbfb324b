/**
 * Cgroups, versions 1 and 2, straight on their file systems: made, limited, measured, frozen, killed, removed.
 * A host that runs both ("hybrid") counts as version 1. Paths in systemd's form name the same folders that systemd
 * would, without asking it.
 *
 * https://docs.kernel.org/admin-guide/cgroup-v1/ and https://docs.kernel.org/admin-guide/cgroup-v2.html
 */

import type { Cgroup } from "./cgroup.ts";
import { type CgroupLayout, detectLayout } from "./layout.ts";
import { cgroupPath } from "./path.ts";
import { processCgroup, readProcessCgroup } from "./process.ts";
import { CgroupV1 } from "./v1.ts";
import { CgroupV2 } from "./v2.ts";

export type { Cgroup, CgroupMetrics } from "./cgroup.ts";
export { type CgroupLayout, detectLayout, type Hierarchy } from "./layout.ts";
export { cgroupPath } from "./path.ts";

/** The cgroups of a host. */
export class Cgroups {
  constructor(readonly layout: CgroupLayout) {}

  /** Those that this process sees. @throws ShimError FailedPrecondition: none are mounted. */
  static detect(): Cgroups {
    return new Cgroups(detectLayout(Deno.readTextFileSync("/proc/self/mountinfo")));
  }

  /**
   * The cgroup of a container, there or not: nothing is made or looked at.
   * @throws ShimError InvalidArgument: `cgroupsPath`, of config.json, is no path.
   */
  open(cgroupsPath: string, container: { namespace: string; id: string }): Cgroup {
    return this.at(cgroupPath(cgroupsPath, container.namespace, container.id));
  }

  /**
   * The cgroup that a process is in, whoever has made it.
   * @throws ShimError NotFound: there is no such process; FailedPrecondition: it has none of its own.
   */
  ofProcess(pid: number): Cgroup {
    return this.at(processCgroup(readProcessCgroup(pid), readProcessCgroup("self"), this.layout));
  }

  /** One by its own `path`. */
  at(path: string): Cgroup {
    return this.layout.version === 1
      ? new CgroupV1(this.layout, path)
      : new CgroupV2(this.layout, path);
  }
}
