/** The plan of a process that is exec'd into a running container. */

import type { HostFacts } from "../linux/host.ts";
import type { Op, SandboxPlan } from "../linux/plan.ts";
import type { SeccompFilter } from "../linux/seccomp.ts";
import type { CgroupMembership } from "./mounts.ts";
import { cgroupOps, restrictions, streamOps, terminalOps } from "./process.ts";
import type { Process } from "./spec.ts";

export interface ExecInput {
  process: Process;
  /** The container's first process, with its start time: field 22 of /proc/PID/stat, clock ticks. */
  init: { pid: number; startTime: string };
  /** What makes descriptors 0 to 2: stdio/. Not looked at when the process has a terminal. */
  stdio: readonly Op[];
  /** The container's. */
  cgroup: CgroupMembership;
  /** Loaded in this order: every filter but the last must allow seccomp(2). */
  seccomp: readonly SeccompFilter[];
  /** Labels for a security module that is not enabled are ignored. */
  host: HostFacts;
}

/**
 * Pure: the same input gives the same plan. The namespaces are all those of `init`, some of which may be the host's.
 * What is the host's, streams and cgroup, comes before them; what only the container has, terminal and working directory,
 * after. The working directory must be there, as runc has it.
 */
export function execPlan(input: ExecInput): SandboxPlan {
  const { process, init } = input;
  return {
    monitor: [{ op: "enter", ...init, kinds: ["pid"] }],
    init: [
      ...streamOps(process, input.stdio),
      ...cgroupOps(process, input.cgroup),
      { op: "enter", ...init, kinds: ["cgroup", "ipc", "mount", "network", "uts"] },
      ...terminalOps(process, false),
      ...restrictions(process, input.host, input.seccomp),
    ],
  };
}
