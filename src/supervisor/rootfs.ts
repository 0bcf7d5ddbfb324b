/** The root file system of a task: the mounts that Create brings, made on the bundle's `rootfs`. */

import { ShimError } from "../errdefs/mod.ts";
import { check, cString, type SupervisorNative } from "../linux/native.ts";
import { parseMountOptions } from "../oci/mod.ts";

/** containerd.types.Mount, as Create brings it. */
export interface RootfsMount {
  type: string;
  source: string;
  options: string[];
}

/** mount(2) reads at most one page of options, its last byte a NUL. */
const MAX_DATA_BYTES = 4095;

/** One mount(2) call. `folder` is where relative paths in `data` start, or empty. */
export interface MountCall {
  source: string;
  type: string;
  flags: number;
  data: string;
  folder: string;
}

/**
 * The call for a mount. An overlay whose layers' paths exceed a page is named by paths relative to what
 * they have in common.
 * @throws ShimError InvalidArgument: an option that is not known, or too many layers even so.
 */
export function planRootfsMount(mount: RootfsMount): MountCall {
  const { flags, data } = parseMountOptions(mount.options, `rootfs mount of ${mount.source}`);
  const call = { source: mount.source || mount.type, type: mount.type, flags, data, folder: "" };
  if (byteLength(data) <= MAX_DATA_BYTES) return call;
  const folder = commonFolder(lowerFolders(data));
  if (folder.length > 1) {
    call.folder = folder;
    call.data = data.replaceAll(`=${folder}/`, "=").replaceAll(`:${folder}/`, ":");
  }
  const size = byteLength(call.data);
  if (mount.type === "overlay" && size <= MAX_DATA_BYTES) return call;
  throw new ShimError(
    "InvalidArgument",
    `mount the ${mount.type} rootfs: options of ${size} bytes exceed one page`,
  );
}

const byteLength = (text: string) => new TextEncoder().encode(text).length;

function lowerFolders(data: string): string[] {
  const lower = data.split(",").find((option) => option.startsWith("lowerdir="));
  return lower?.slice("lowerdir=".length).split(":") ?? [];
}

/** The deepest folder above all of `paths`, without a slash at its end. */
export function commonFolder(paths: string[]): string {
  const all = paths.map((path) => path.split("/").slice(0, -1));
  const first = all[0] ?? [];
  let count = first.length;
  for (const parts of all) {
    const differs = first.findIndex((part, index) => parts[index] !== part);
    if (differs >= 0) count = Math.min(count, differs);
  }
  return first.slice(0, count).join("/");
}

/** Mount all of `mounts`, one over the other, on `target`; all or none. */
export function mountRootfs(native: SupervisorNative, mounts: RootfsMount[], target: string): void {
  const calls = mounts.map(planRootfsMount);
  try {
    for (const { source, type, flags, data, folder } of calls) {
      check(
        native.dw_mount(
          cString(source),
          cString(target),
          cString(type),
          BigInt(flags),
          cString(data),
          cString(folder),
        ),
        `mount ${type} ${source} on ${target}`,
      );
    }
  } catch (error) {
    unmountRootfs(native, target);
    throw error;
  }
}

/** Unmount whatever is mounted on `target`. No failure when nothing is. */
export function unmountRootfs(native: SupervisorNative, target: string): void {
  check(native.dw_unmount_all(cString(target)), `unmount ${target}`);
}
