/** What this host's kernel has enabled of security modules. */

const APPARMOR_ENABLED = "/sys/module/apparmor/parameters/enabled";
/** Below /proc/self/attr: AppArmor's own since Linux 5.8, before that the one that all modules share. */
const APPARMOR_ATTRIBUTE = "apparmor/current";
const SHARED_ATTRIBUTE = "current";
const SELINUX_MOUNT = "/sys/fs/selinux/enforce";

/** What the labels of a container depend on. */
export interface HostFacts {
  /** The file below /proc/self/attr that changes a process's AppArmor profile; undefined: AppArmor is not enabled. */
  apparmor: string | undefined;
  /** Whether SELinux is enabled. */
  selinux: boolean;
}

export function hostFacts(): HostFacts {
  return { apparmor: apparmorAttribute(), selinux: exists(SELINUX_MOUNT) };
}

function apparmorAttribute(): string | undefined {
  if (!exists(APPARMOR_ENABLED) || !Deno.readTextFileSync(APPARMOR_ENABLED).startsWith("Y")) return;
  return exists(`/proc/self/attr/${APPARMOR_ATTRIBUTE}`) ? APPARMOR_ATTRIBUTE : SHARED_ATTRIBUTE;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
