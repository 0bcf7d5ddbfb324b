/** The mounts of a container as operations. */

import { ShimError } from "../errdefs/mod.ts";
import type { Op } from "../linux/plan.ts";
import { allowsAllDevices, deviceOps } from "./devices.ts";
import { cleanPath } from "./field.ts";
import { type MountOptions, MS, parseMountOptions } from "./mount_options.ts";
import type { Mount, Spec } from "./spec.ts";

/** One cgroup folder of a container, in one hierarchy. */
export interface CgroupFolder {
  /** `["memory"]`, `["cpu", "cpuacct"]`, `["name=systemd"]`; on cgroup v2, none. */
  controllers: readonly string[];
  /** Host path of the container's own folder. */
  path: string;
}

/** A container's cgroup, as cgroups/ has made it. */
export interface CgroupMembership {
  version: 1 | 2;
  folders: readonly CgroupFolder[];
  /** Host paths of the files to which a process writes 0 to enter. */
  entryFiles: readonly string[];
}

export interface MountInput {
  spec: Spec;
  /** Where relative sources start: an absolute host path. */
  bundle: string;
  cgroup: CgroupMembership;
  /** Whether the host labels files (SELinux). */
  selinux: boolean;
}

const FILE_SYSTEMS = ["proc", "sysfs", "tmpfs", "devpts", "mqueue"];

/** What may be mounted below /proc: single files that lxcfs(1) and the like fake. As runc allows. */
const BELOW_PROC = new Set(
  [
    ...["cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo"],
    ...["net/dev", "sys/kernel/ns_last_pid", "sys/crypto/fips_enabled"],
  ].map((name) => `/proc/${name}`),
);

const DEV: Mount = {
  destination: "/dev",
  type: "tmpfs",
  source: "tmpfs",
  options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  field: "the default /dev",
};

interface ParsedMount extends Mount {
  parsed: MountOptions;
}

/**
 * Every mount of `input.spec`, in its order, then /dev's nodes. /dev is a tmpfs of the container's own unless the
 * specification binds one there: no device node that an image brings can be opened. A tmpfs stays writable for what is
 * mounted in it; `seal` has the operations that make read-only ones so, for when all is in place. `ownDev`: /dev is
 * not the host's.
 * @throws ShimError InvalidArgument or Unimplemented, naming the mount's field.
 */
export function mountOps(input: MountInput): { mounts: Op[]; seal: Op[]; ownDev: boolean } {
  const { spec } = input;
  const hasDev = spec.mounts.some((mount) => mount.destination === "/dev");
  const all = (hasDev ? spec.mounts : [DEV, ...spec.mounts]).map(parse);
  const mounts = all.flatMap((mount) => oneMount(mount, input));
  const ownDev = all.every((mount) => mount.destination !== "/dev" || !isBind(mount));
  if (ownDev) mounts.push(...deviceOps(spec.linux.devices));
  const seal = all.filter(isSealed).map(({ destination }) => readOnly(destination));
  return { mounts, seal, ownDev };
}

function parse(mount: Mount): ParsedMount {
  const parsed = parseMountOptions(mount.options, `${mount.field}.options`);
  const unsupported = parsed.flags & MS.REMOUNT ? "remount" : parsed.copyUp ? "tmpcopyup" : "";
  if (unsupported) {
    throw error(mount, "options", unsupported, "not supported", "Unimplemented");
  }
  return { ...mount, parsed };
}

function oneMount(mount: ParsedMount, input: MountInput): Op[] {
  checkProc(mount);
  if (isBind(mount)) return [bind(mount, input)];
  if (mount.type === "cgroup" || mount.type === "cgroup2") return cgroupMount(mount, input);
  if (!FILE_SYSTEMS.includes(mount.type)) {
    throw error(mount, "type", mount.type, "not supported", "Unimplemented");
  }
  return [fileSystem(mount, input)];
}

function isBind({ type, parsed }: ParsedMount): boolean {
  return type === "bind" || (parsed.flags & MS.BIND) !== 0;
}

/** A mount to be made read-only once all is mounted in it. */
function isSealed(mount: ParsedMount): boolean {
  return mount.type === "tmpfs" && !isBind(mount) && (mount.parsed.flags & MS.RDONLY) !== 0;
}

function readOnly(target: string): Op {
  return { op: "remount", target, flags: MS.RDONLY };
}

/**
 * A host's file or folder. Devices in it cannot be opened, since nothing else would hold a container on cgroup v2
 * back. A /dev of the host, with the right to all devices, is a privileged container's, and is left as it is.
 */
function bind(mount: ParsedMount, { bundle, spec }: MountInput): Op {
  const { destination, source, parsed } = mount;
  if (!source) throw error(mount, "source", source, "empty");
  const inDev = destination === "/dev" || destination.startsWith("/dev/");
  const devices = inDev && allowsAllDevices(spec.linux.resources.devices);
  return {
    op: "mount",
    source: cleanPath(source.startsWith("/") ? source : `${bundle}/${source}`),
    target: destination,
    type: "",
    flags: parsed.flags | MS.BIND | (devices ? 0 : MS.NODEV),
    propagation: parsed.propagation,
    data: "",
  };
}

function fileSystem(mount: ParsedMount, { spec, selinux }: MountInput): Op {
  const { destination, type, source, parsed } = mount;
  const label = selinux && type !== "proc" && type !== "sysfs" ? spec.linux.mountLabel : "";
  const holdsDevices = type === "devpts" || destination === "/dev";
  return {
    op: "mount",
    source: source || type,
    target: destination,
    type,
    flags: fileSystemFlags(mount, holdsDevices),
    propagation: parsed.propagation,
    data: [parsed.data, label && `context="${label}"`].filter(Boolean).join(","),
  };
}

/** procfs is read-only from the start: a guest that writes /proc/self/mem would be machine code. */
function fileSystemFlags(mount: ParsedMount, holdsDevices: boolean): number {
  const flags = mount.parsed.flags | (holdsDevices ? 0 : MS.NODEV);
  if (mount.type === "proc") return flags | MS.RDONLY;
  return flags & ~(isSealed(mount) ? MS.RDONLY : 0);
}

/**
 * The container's view of its cgroup. v1: its own folder of every hierarchy, in a tmpfs. v2: a fresh mount, whose
 * root is the cgroup namespace's, or without such a namespace the container's own folder, so that the host's tree is
 * never shown.
 */
function cgroupMount(mount: ParsedMount, { spec, cgroup }: MountInput): Op[] {
  const { destination: target, parsed } = mount;
  const base = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  const flags = base | (parsed.flags & MS.RDONLY);
  const { propagation } = parsed;
  if (cgroup.version === 2) {
    const own = spec.linux.namespaces.some(({ kind }) => kind === "cgroup");
    return [
      own
        ? { op: "mount", source: "cgroup", target, type: "cgroup2", flags, propagation, data: "" }
        : bindFolder(cgroup.folders[0].path, target, flags, propagation),
    ];
  }
  const ops: Op[] = [
    {
      op: "mount",
      source: "tmpfs",
      target,
      type: "tmpfs",
      flags: base,
      propagation,
      data: "mode=755",
    },
  ];
  for (const { controllers, path } of cgroup.folders) {
    const name = controllers.join(",").replace(/^name=/, "");
    ops.push(bindFolder(path, `${target}/${name}`, flags, propagation));
    if (controllers.length < 2) continue;
    for (const controller of controllers) {
      ops.push({ op: "symlink", path: `${target}/${controller}`, target: name });
    }
  }
  return parsed.flags & MS.RDONLY ? [...ops, readOnly(target)] : ops;
}

function bindFolder(source: string, target: string, flags: number, propagation: number): Op {
  return { op: "mount", source, target, type: "", flags: flags | MS.BIND, propagation, data: "" };
}

/** /proc must be true, since init itself relies on it: no other file system there, and next to nothing below. */
function checkProc(mount: ParsedMount): void {
  const { destination, type, source } = mount;
  const genuine = isBind(mount) ? cleanPath(source) === "/proc" : type === "proc";
  const allowed = destination === "/proc"
    ? genuine
    : !destination.startsWith("/proc/") || (isBind(mount) && BELOW_PROC.has(destination));
  if (!allowed) throw error(mount, "destination", destination, "cannot be mounted over");
}

function error(
  mount: Mount,
  member: string,
  value: string,
  reason: string,
  kind: "InvalidArgument" | "Unimplemented" = "InvalidArgument",
): ShimError {
  return new ShimError(kind, `${mount.field}.${member}: ${JSON.stringify(value)}: ${reason}`);
}
