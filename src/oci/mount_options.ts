/**
 * Mount options of fstab(5) style as mount(2) arguments. The names are those of the runtime
 * specification ("Linux mount options"); what is not one of them is for the file system itself.
 */

import { ShimError } from "../errdefs/mod.ts";

/** Flags of mount(2), from linux/mount.h. */
export const MS = {
  RDONLY: 1 << 0,
  NOSUID: 1 << 1,
  NODEV: 1 << 2,
  NOEXEC: 1 << 3,
  SYNCHRONOUS: 1 << 4,
  REMOUNT: 1 << 5,
  MANDLOCK: 1 << 6,
  DIRSYNC: 1 << 7,
  NOSYMFOLLOW: 1 << 8,
  NOATIME: 1 << 10,
  NODIRATIME: 1 << 11,
  BIND: 1 << 12,
  REC: 1 << 14,
  SILENT: 1 << 15,
  POSIXACL: 1 << 16,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
  RELATIME: 1 << 21,
  I_VERSION: 1 << 23,
  STRICTATIME: 1 << 24,
  LAZYTIME: 1 << 25,
} as const;

const SET: ReadonlyMap<string, number> = new Map([
  ["acl", MS.POSIXACL],
  ["bind", MS.BIND],
  ["defaults", 0],
  ["dirsync", MS.DIRSYNC],
  ["iversion", MS.I_VERSION],
  ["lazytime", MS.LAZYTIME],
  ["mand", MS.MANDLOCK],
  ["noatime", MS.NOATIME],
  ["nodev", MS.NODEV],
  ["nodiratime", MS.NODIRATIME],
  ["noexec", MS.NOEXEC],
  ["nosuid", MS.NOSUID],
  ["nosymfollow", MS.NOSYMFOLLOW],
  ["rbind", MS.BIND | MS.REC],
  ["relatime", MS.RELATIME],
  ["remount", MS.REMOUNT],
  ["ro", MS.RDONLY],
  ["silent", MS.SILENT],
  ["strictatime", MS.STRICTATIME],
  ["sync", MS.SYNCHRONOUS],
]);

const CLEAR: ReadonlyMap<string, number> = new Map([
  ["async", MS.SYNCHRONOUS],
  ["atime", MS.NOATIME],
  ["dev", MS.NODEV],
  ["diratime", MS.NODIRATIME],
  ["exec", MS.NOEXEC],
  ["loud", MS.SILENT],
  ["noacl", MS.POSIXACL],
  ["noiversion", MS.I_VERSION],
  ["nolazytime", MS.LAZYTIME],
  ["nomand", MS.MANDLOCK],
  ["norelatime", MS.RELATIME],
  ["nostrictatime", MS.STRICTATIME],
  ["rw", MS.RDONLY],
  ["suid", MS.NOSUID],
  ["symfollow", MS.NOSYMFOLLOW],
]);

const PROPAGATION: ReadonlyMap<string, number> = new Map([
  ["private", MS.PRIVATE],
  ["rprivate", MS.PRIVATE | MS.REC],
  ["rshared", MS.SHARED | MS.REC],
  ["rslave", MS.SLAVE | MS.REC],
  ["runbindable", MS.UNBINDABLE | MS.REC],
  ["shared", MS.SHARED],
  ["slave", MS.SLAVE],
  ["unbindable", MS.UNBINDABLE],
]);

/** Recursive attributes (`rro`...) and idmapped mounts. */
const UNSUPPORTED =
  /^(idmap|ridmap|r(ro|rw|nosuid|suid|nodev|dev|noexec|exec|nodiratime|diratime|relatime|norelatime|noatime|atime|strictatime|nostrictatime|nosymfollow|symfollow))$/;

export interface MountOptions {
  /** MS_* flags to set, without those of propagation. */
  flags: number;
  /** MS_* flags that an option took away by name (`rw`, `exec`...) and no later one set again. */
  clear: number;
  /** MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE, with MS_REC; 0: none. */
  propagation: number;
  /** The file system's own options, joined by commas. */
  data: string;
  /** Whether "tmpcopyup" asks for a tmpfs that holds what it covers. */
  copyUp: boolean;
}

/**
 * The meaning of `options`, of which later ones win. `where` names them in errors.
 * @throws ShimError Unimplemented: recursive attributes and id mapping.
 */
export function parseMountOptions(options: readonly string[], where: string): MountOptions {
  const result: MountOptions = { flags: 0, clear: 0, propagation: 0, data: "", copyUp: false };
  const data: string[] = [];
  for (const option of options) {
    const set = SET.get(option);
    const clear = CLEAR.get(option);
    const propagation = PROPAGATION.get(option);
    if (set !== undefined) {
      result.flags |= set;
      result.clear &= ~set;
    } else if (clear !== undefined) {
      result.flags &= ~clear;
      result.clear |= clear;
    } else if (propagation !== undefined) {
      result.propagation = propagation;
    } else if (option === "tmpcopyup") {
      result.copyUp = true;
    } else if (UNSUPPORTED.test(option)) {
      throw new ShimError("Unimplemented", `${where}: option ${option}: not supported`);
    } else if (option !== "") {
      data.push(option);
    }
  }
  result.data = data.join(",");
  return result;
}
