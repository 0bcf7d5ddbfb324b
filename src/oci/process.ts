/** What a process of a container does to itself, whether it is the first or exec'd into it, as operations. */

import type { HostFacts } from "../linux/host.ts";
import type { Op } from "../linux/plan.ts";
import type { SeccompFilter } from "../linux/seccomp.ts";
import { listenOps, type TcpAddress } from "./listen.ts";
import type { CgroupMembership } from "./mounts.ts";
import type { Process } from "./spec.ts";

const SELINUX_ATTRIBUTE = "current";

const DEFAULT_UMASK = 0o022;

const O_RDWR = 2;

/** Descriptors 0 to 2: `stdio`, or nothing of the shim's until the process has its terminal. */
export function streamOps({ terminal }: Process, stdio: readonly Op[]): readonly Op[] {
  if (!terminal) return stdio;
  return [0, 1, 2].map((fd) => ({ op: "open", path: "/dev/null", flags: O_RDWR, mode: 0, fd }));
}

/** Entering the cgroup, and what the kernel takes in account when it is short of memory. */
export function cgroupOps({ oomScoreAdj }: Process, cgroup: CgroupMembership): Op[] {
  const ops = cgroup.entryFiles.map((path) => write(path, "0"));
  if (oomScoreAdj === undefined) return ops;
  return [...ops, write("/proc/self/oom_score_adj", String(oomScoreAdj))];
}

/** The terminal, where devpts is mounted; `console`: at /dev/console, too. */
export function terminalOps({ terminal, consoleSize, user }: Process, console: boolean): Op[] {
  return terminal ? [{ op: "terminal", ...consoleSize, uid: user.uid, console }] : [];
}

/**
 * The last of every plan. Resource limits come late, when no more descriptors are needed. Security labels come after
 * the last mount, which profiles forbid, and before the user changes, who may not write them. Sockets come when the process may do no more
 * than the guest; seccomp lets it make none.
 */
export function restrictions(
  process: Process,
  host: HostFacts,
  seccomp: readonly SeccompFilter[],
  listeners: readonly TcpAddress[] = [],
): Op[] {
  return [
    ...process.rlimits.map((limit): Op => ({ op: "rlimit", ...limit })),
    ...securityLabels(process, host),
    { op: "chdir", path: process.cwd },
    { op: "umask", mask: process.user.umask ?? DEFAULT_UMASK },
    ...userOps(process),
    { op: "noNewPrivileges" },
    ...listenOps(listeners),
    ...seccomp.map((filter): Op => ({ op: "seccomp", ...filter })),
  ];
}

function write(path: string, data: string): Op {
  return { op: "write", path, data, optional: false };
}

/**
 * Labels are changed at once rather than "on exec". AppArmor lets an unconfined process do so (aa_change_profile(2));
 * SELinux needs the policy's `process dyntransition`, which container-selinux gives to container runtimes.
 * A label that cannot be had fails the container: it must not run without. "unconfined" leaves the shim's own.
 */
function securityLabels({ apparmorProfile, selinuxLabel }: Process, host: HostFacts): Op[] {
  const ops: Op[] = [];
  if (host.apparmor && apparmorProfile && apparmorProfile !== "unconfined") {
    ops.push({ op: "label", attribute: host.apparmor, data: `changeprofile ${apparmorProfile}` });
  }
  if (host.selinux && selinuxLabel) {
    ops.push({ op: "label", attribute: SELINUX_ATTRIBUTE, data: selinuxLabel });
  }
  return ops;
}

/** The user, with the capabilities that execve(2) would leave: of a user other than root, the ambient ones. */
function userOps({ user, capabilities }: Process): Op[] {
  const { bounding, permitted, inheritable } = capabilities;
  const ambient = capabilities.ambient & permitted & inheritable;
  const root = user.uid === 0;
  return [
    { op: "bounding", mask: bounding },
    { op: "user", uid: user.uid, gid: user.gid, groups: user.additionalGids },
    {
      op: "capabilities",
      effective: root ? capabilities.effective & permitted : ambient,
      permitted: root ? permitted : ambient,
      inheritable,
      ambient,
    },
  ];
}
