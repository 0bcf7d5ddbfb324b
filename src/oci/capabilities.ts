/** Capabilities by number: capabilities(7), linux/capability.h. */

import type { Field } from "./field.ts";

/** In order of their numbers, without the CAP_ that each begins with. */
const NAMES = [
  ...["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"],
  ...["SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW"],
  ...["IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT"],
  ...["SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD"],
  ...["LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG"],
  ...["WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE"],
];

const NUMBERS: ReadonlyMap<string, number> = new Map(
  NAMES.map((name, number) => [`CAP_${name}`, number]),
);

/**
 * The set of the capabilities that an array names.
 * @throws ShimError InvalidArgument: a name that is not known.
 */
export function parseCapabilities(names: Field): bigint {
  let set = 0n;
  for (const name of names.items()) {
    const number = NUMBERS.get(name.string());
    if (number === undefined) throw name.error("not a capability");
    set |= 1n << BigInt(number);
  }
  return set;
}
