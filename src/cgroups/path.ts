/** linux.cgroupsPath of config.json. */

import { ShimError } from "../errdefs/mod.ts";

/**
 * The path of a container's cgroup below the root of each hierarchy, with a slash in front. `cgroupsPath` is either
 *
 * - a path, relative or not: both start at the root;
 * - systemd's form `SLICE:PREFIX:NAME`: the folder that systemd would give the scope, made without asking systemd;
 * - empty: `/NAMESPACE/ID`.
 *
 * @throws ShimError InvalidArgument: neither, or with ".." in it.
 */
export function cgroupPath(cgroupsPath: string, namespace: string, id: string): string {
  const path = cgroupsPath || `/${namespace}/${id}`;
  const systemd = path.split(":");
  const parts = systemd.length === 3 && !path.includes("/")
    ? systemdParts(systemd, path)
    : path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length === 0 || parts.some((part) => part === ".." || /[\n\0]/.test(part))) {
    throw invalid(path, "not the path of a cgroup");
  }
  return `/${parts.join("/")}`;
}

/** systemd.slice(5): `a-b.slice` is in `a.slice`, and `-.slice` is the root. */
function systemdParts([slice, prefix, name]: string[], path: string): string[] {
  const folder = slice || "system.slice";
  if (!name || !folder.endsWith(".slice")) throw invalid(path, "not of the form SLICE:PREFIX:NAME");
  const scope = name.endsWith(".slice") ? name : `${prefix ? `${prefix}-` : ""}${name}.scope`;
  if (folder === "-.slice") return [scope];
  const words = folder.slice(0, -".slice".length).split("-");
  if (words.includes("")) throw invalid(path, "not the name of a slice");
  const slices = words.map((_, index) => `${words.slice(0, index + 1).join("-")}.slice`);
  return [...slices, scope];
}

function invalid(path: string, reason: string): ShimError {
  return new ShimError("InvalidArgument", `linux.cgroupsPath: ${JSON.stringify(path)}: ${reason}`);
}
