/** The cgroup of a process, for containers whose cgroup somebody else has made. */

import { ShimError } from "../errdefs/mod.ts";
import type { CgroupLayout } from "./layout.ts";

/**
 * The path below the root of each hierarchy, from the text of /proc/PID/cgroup (cgroups(7)), whose lines are
 * `ID:CONTROLLERS:PATH`. Of version 1 it is that of the memory controller, else of the first that `layout` has.
 * @param own the same of the shim
 * @throws ShimError FailedPrecondition: it is in none, in the root, in one that cannot be seen from here, or in one
 * that holds the shim.
 */
export function processCgroup(text: string, own: string, layout: CgroupLayout): string {
  const path = findPath(text, layout);
  const shims = findPath(own, layout);
  // The root holds the host's processes, as which an ended one counts, too: never a container's.
  if (
    path === undefined || path === "/" || path.split("/").includes("..") ||
    path.endsWith(" (deleted)") ||
    `${shims}/`.startsWith(`${path}/`)
  ) {
    throw new ShimError(
      "FailedPrecondition",
      `find a process's cgroup: ${JSON.stringify(path ?? text)}: not a cgroup of its own`,
    );
  }
  return path;
}

function findPath(text: string, layout: CgroupLayout): string | undefined {
  const lines = text.split("\n").map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line)?.slice(1) ?? []);
  const known = new Set(layout.hierarchies.flatMap(({ controllers }) => controllers));
  const [, path] = layout.version === 2
    ? lines.find(([controllers]) => controllers === "") ?? []
    : ["memory", ...known].flatMap((name) =>
      lines.filter(([controllers]) => known.has(name) && controllers?.split(",").includes(name))
    )[0] ?? [];
  return path;
}

/** What /proc says of process `pid`. @throws ShimError NotFound: there is none. */
export function readProcessCgroup(pid: number | "self"): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cgroup`);
  } catch (cause) {
    throw new ShimError("NotFound", `find the cgroup of process ${pid}: no such process`, {
      cause,
    });
  }
}
