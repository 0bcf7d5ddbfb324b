/** What /dev holds. */

import type { Op } from "../linux/plan.ts";
import type { DeviceRule } from "./resources.ts";
import type { Device } from "./spec.ts";

/** Types of mknod(2), from linux/stat.h. */
const FILE_TYPES = { c: 0o020000, u: 0o020000, b: 0o060000, p: 0o010000 } as const;

/** Character devices that every container has, with their minor numbers of major 1, but for tty. */
const DEFAULT_DEVICES: readonly Device[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
].map(([name, major, minor]) => ({
  path: `/dev/${name}`,
  type: "c",
  major: Number(major),
  minor: Number(minor),
  fileMode: 0o666,
  uid: 0,
  gid: 0,
}));

const LINKS: readonly [path: string, target: string][] = [
  ["/dev/fd", "/proc/self/fd"],
  ["/dev/stdin", "/proc/self/fd/0"],
  ["/dev/stdout", "/proc/self/fd/1"],
  ["/dev/stderr", "/proc/self/fd/2"],
  ["/dev/core", "/proc/kcore"],
  ["/dev/ptmx", "pts/ptmx"],
];

/** Fills a fresh /dev as runc does. A device of the specification replaces the default one of its path. */
export function deviceOps(devices: readonly Device[]): Op[] {
  const links = new Set(LINKS.map(([path]) => path));
  const own = devices.filter((device) => !links.has(device.path));
  const paths = new Set(own.map((device) => device.path));
  const all = [...DEFAULT_DEVICES.filter((device) => !paths.has(device.path)), ...own];
  return [
    ...all.flatMap(deviceNode),
    ...LINKS.map(([path, target]): Op => ({ op: "symlink", path, target })),
  ];
}

function deviceNode({ path, type, fileMode, ...rest }: Device): Op[] {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const node: Op = { op: "mknod", path, mode: FILE_TYPES[type] | fileMode, ...rest };
  return folder === "/dev" ? [node] : [{ op: "mkdir", path: folder, mode: 0o755 }, node];
}

/** Whether the device rules, of which later ones win, let the container open any device. */
export function allowsAllDevices(rules: readonly DeviceRule[]): boolean {
  const last = rules.findLast((rule) => !rule.allow || rule.type === "a");
  return last !== undefined && last.allow && last.access.includes("r") && last.access.includes("w");
}
