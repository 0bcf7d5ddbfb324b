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
 */

import { ShimError } from "../errdefs/mod.ts";
import type { HostFacts } from "../linux/host.ts";
import type { NamespaceKind, Op, SandboxPlan } from "../linux/plan.ts";
import type { SeccompFilter } from "../linux/seccomp.ts";
import { parseListeners } from "./listen.ts";
import { MS } from "./mount_options.ts";
import { type CgroupMembership, mountOps } from "./mounts.ts";
import { cgroupOps, restrictions, streamOps, terminalOps } from "./process.ts";
import type { Spec } from "./spec.ts";
import { sysctlOps } from "./sysctl.ts";

export interface PlanInput {
  spec: Spec;
  /** Absolute host path of the bundle. */
  bundle: string;
  /** Absolute host path of the root file system. */
  rootfs: string;
  /** What makes descriptors 0 to 2: stdio/. Not looked at when the process has a terminal. */
  stdio: readonly Op[];
  cgroup: CgroupMembership;
  /** Loaded in this order: every filter but the last must allow seccomp(2). */
  seccomp: readonly SeccompFilter[];
  /** Labels for a security module that is not enabled are ignored. */
  host: HostFacts;
}

/**
 * The plan of a container. Pure: the same input gives the same plan.
 * @throws ShimError InvalidArgument or Unimplemented, naming the field of config.json.
 */
export function sandboxPlan(input: PlanInput): SandboxPlan {
  const { spec, rootfs, cgroup } = input;
  const { process, linux } = spec;
  const namespaces = namespaceOps(spec);
  const { mounts, seal, ownDev } = mountOps({ ...input, selinux: input.host.selinux });
  return {
    monitor: namespaces.monitor,
    init: [
      ...streamOps(process, input.stdio),
      ...cgroupOps(process, cgroup),
      ...namespaces.init,
      { op: "propagation", path: "/", flags: rootPropagation(linux.rootfsPropagation) },
      { op: "root", path: rootfs, flags: MS.NODEV },
      ...mounts,
      { op: "mkdir", path: process.cwd, mode: 0o755 },
      ...terminalOps(process, ownDev),
      { op: "pivot" },
      ...sysctlOps(linux.sysctl, namespaces.own),
      ...hostNames(spec, namespaces.own),
      ...linux.readonlyPaths.map((path): Op => ({ op: "readonly", path })),
      ...linux.maskedPaths.map((path): Op => ({ op: "mask", path })),
      ...seal,
      ...(spec.root.readonly ? [{ op: "remount", target: "/", flags: MS.RDONLY } as const] : []),
      ...restrictions(process, input.host, input.seccomp, parseListeners(spec.annotations)),
    ],
  };
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
