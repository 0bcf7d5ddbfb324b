/**
 * config.json to sandbox plan. A guest sees what runc would show it; what a Wasm module loses nothing by is
 * tighter:
 *
 * - no_new_privs always holds: nothing in a container execs.
 * - Devices can be opened in /dev only.
 * - procfs is read-only.
 * - Capabilities are what an exec would leave. runc relies on execve(2) to take them from a user other than
 *   root; nothing execs here, so the plan takes them.
 * - The mount namespace is always new, and no mount made in it reaches the host, whatever
 *   linux.rootfsPropagation says: "shared" becomes "slave".
 *
 * Resource limits come late, when init no longer needs descriptors of its own. Security labels come after the last
 * mount, which profiles forbid, and before the user changes, who may not write them.
 */

import { ShimError } from "../errdefs/mod.ts";
import type { HostFacts } from "../linux/host.ts";
import type { NamespaceKind, Op, SandboxPlan } from "../linux/plan.ts";
import type { SeccompFilter } from "../linux/seccomp.ts";
import { MS } from "./mount_options.ts";
import { type CgroupMembership, mountOps } from "./mounts.ts";
import type { Process, Spec } from "./spec.ts";
import { sysctlOps } from "./sysctl.ts";

export interface PlanInput {
  spec: Spec;
  /** Absolute host path of the bundle. */
  bundle: string;
  /** Absolute host path of the root file system. */
  rootfs: string;
  /** What makes descriptors 0 to 2: stdio/. */
  stdio: readonly Op[];
  cgroup: CgroupMembership;
  /** Loaded in this order: every filter but the last must allow seccomp(2). */
  seccomp: readonly SeccompFilter[];
  /** Labels for a security module that is not enabled are ignored. */
  host: HostFacts;
}

const SELINUX_ATTRIBUTE = "current";

const DEFAULT_UMASK = 0o022;

/**
 * The plan of a container. Pure: the same input gives the same plan.
 * @throws ShimError InvalidArgument or Unimplemented, naming the field of config.json.
 */
export function sandboxPlan(input: PlanInput): SandboxPlan {
  const { spec, rootfs, cgroup } = input;
  const { process, linux } = spec;
  const namespaces = namespaceOps(spec);
  const { mounts, seal } = mountOps({ ...input, selinux: input.host.selinux });
  return {
    monitor: namespaces.monitor,
    init: [
      ...input.stdio,
      ...cgroup.entryFiles.map((path) => write(path, "0")),
      ...oomScore(process),
      ...namespaces.init,
      { op: "propagation", path: "/", flags: rootPropagation(linux.rootfsPropagation) },
      { op: "root", path: rootfs, flags: MS.NODEV },
      ...mounts,
      { op: "mkdir", path: process.cwd, mode: 0o755 },
      { op: "pivot" },
      ...sysctlOps(linux.sysctl, namespaces.own),
      ...hostNames(spec, namespaces.own),
      ...linux.readonlyPaths.map((path): Op => ({ op: "readonly", path })),
      ...linux.maskedPaths.map((path): Op => ({ op: "mask", path })),
      ...seal,
      ...(spec.root.readonly ? [{ op: "remount", target: "/", flags: MS.RDONLY } as const] : []),
      ...process.rlimits.map((limit): Op => ({ op: "rlimit", ...limit })),
      ...securityLabels(process, input.host),
      { op: "chdir", path: process.cwd },
      { op: "umask", mask: process.user.umask ?? DEFAULT_UMASK },
      ...userOps(process),
      { op: "noNewPrivileges" },
      ...input.seccomp.map((filter): Op => ({ op: "seccomp", ...filter })),
    ],
  };
}

function write(path: string, data: string): Op {
  return { op: "write", path, data, optional: false };
}

function oomScore({ oomScoreAdj }: Process): Op[] {
  return oomScoreAdj === undefined ? [] : [write("/proc/self/oom_score_adj", String(oomScoreAdj))];
}

/**
 * Namespaces with a path are joined, the others made together. A pid namespace takes in only children, so that is
 * the monitor's to do. `own` are the kinds that the specification lists, shared with a pod or not.
 */
function namespaceOps({ linux }: Spec) {
  const own = new Set<NamespaceKind>(linux.namespaces.map(({ kind }) => kind));
  const monitor: Op[] = [];
  const joins: Op[] = [];
  const kinds: NamespaceKind[] = ["mount"];
  for (const { kind, path } of linux.namespaces) {
    const list = kind === "pid" ? monitor : joins;
    if (path) list.push({ op: "join", kind, path });
    else if (kind === "pid") monitor.push({ op: "unshare", kinds: [kind] });
    else if (kind !== "mount") kinds.push(kind);
  }
  return { own, monitor, init: [...joins, { op: "unshare", kinds } as const] };
}

function rootPropagation(value: string): number {
  if (/^r?private$/.test(value)) return MS.PRIVATE | MS.REC;
  if (/^(|r?slave|r?shared)$/.test(value)) return MS.SLAVE | MS.REC;
  throw new ShimError(
    "InvalidArgument",
    `linux.rootfsPropagation: ${JSON.stringify(value)}: not a propagation of a root`,
  );
}

function hostNames({ hostname, domainname }: Spec, own: ReadonlySet<NamespaceKind>): Op[] {
  const [field, name] = hostname ? ["hostname", hostname] : ["domainname", domainname];
  if (name && !own.has("uts")) {
    throw new ShimError(
      "InvalidArgument",
      `${field}: ${JSON.stringify(name)}: needs a uts namespace, or it would be the host's`,
    );
  }
  const ops: Op[] = [];
  if (hostname) ops.push({ op: "hostname", name: hostname });
  if (domainname) ops.push({ op: "domainname", name: domainname });
  return ops;
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
