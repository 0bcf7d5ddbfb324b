/** Kernel parameters of a container: only those that belong to its own namespaces. */

import { ShimError } from "../errdefs/mod.ts";
import type { NamespaceKind, Op } from "../linux/plan.ts";

const IPC =
  /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\..+)$/;

/**
 * Writes of `sysctl`, whose names have dots or, as sysctl(8) allows, slashes for separators.
 * @throws ShimError InvalidArgument: a name that is none, or a parameter of the whole host.
 */
export function sysctlOps(
  sysctl: Readonly<Record<string, string>>,
  namespaces: ReadonlySet<NamespaceKind>,
): Op[] {
  return Object.entries(sysctl).map(([name, data]) => {
    const field = `linux.sysctl.${name}: ${JSON.stringify(data)}`;
    const dotted = name.includes("/") ? name.replaceAll(".", "\0").replaceAll("/", ".") : name;
    if (!dotted.split(".").every((part) => /^[\w-][\w\0-]*$/.test(part))) {
      throw new ShimError("InvalidArgument", `${field}: not the name of a kernel parameter`);
    }
    const owner = namespaceOf(dotted);
    if (!owner || !namespaces.has(owner)) {
      throw new ShimError("InvalidArgument", `${field}: belongs to no namespace of the container`);
    }
    return { op: "sysctl", name, data };
  });
}

function namespaceOf(name: string): NamespaceKind | undefined {
  if (name.startsWith("net.")) return "network";
  if (name === "kernel.domainname") return "uts";
  return IPC.test(name) ? "ipc" : undefined;
}
