/** What both versions of cgroups have in common about limits. */

import { ShimError } from "../errdefs/mod.ts";
import type { LinuxResources, MemoryLimits, ThrottleDevice } from "../oci/mod.ts";
import type { Limit } from "./files.ts";

/** `value` unless it is absent or zero, which leaves a limit alone, as for runc. */
export function given<T extends bigint | number>(value: T | undefined): T | undefined {
  return value ? value : undefined;
}

/** The limit in `file`, or none without a `value`. */
export function limit(
  field: string,
  file: string,
  value: bigint | number | string | undefined,
  more: Partial<Limit> = {},
): Limit[] {
  if (value === undefined || value === "") return [];
  return [{ field: `linux.resources.${field}`, file, value: String(value), ...more }];
}

/** -1 as the files of version 2, and of pids in version 1, have it. */
export function orMax(value: bigint | undefined): string | undefined {
  return value === -1n ? "max" : value?.toString();
}

/** @throws ShimError InvalidArgument: less memory with swap than without. */
export function checkSwap({ limit, swap }: MemoryLimits): void {
  if (!swap || swap === -1n || !limit || swap >= limit) return;
  throw swapError(swap, `below the memory limit ${limit}`);
}

export function swapError(swap: bigint, reason: string): ShimError {
  return new ShimError("InvalidArgument", `linux.resources.memory.swap: ${swap}: ${reason}`);
}

/** The four throttles with the names that version 1 and version 2 give them. */
export function throttles(
  { blockIO }: LinuxResources,
): [field: string, v1: string, v2: string, devices: ThrottleDevice[]][] {
  return [
    ["throttleReadBpsDevice", "read_bps_device", "rbps", blockIO.throttleReadBps],
    ["throttleWriteBpsDevice", "write_bps_device", "wbps", blockIO.throttleWriteBps],
    ["throttleReadIOPSDevice", "read_iops_device", "riops", blockIO.throttleReadIops],
    ["throttleWriteIOPSDevice", "write_iops_device", "wiops", blockIO.throttleWriteIops],
  ];
}

export function rdmaLimits({ rdma }: LinuxResources): Limit[] {
  return rdma.map(({ device, hcaHandles, hcaObjects }) => ({
    field: `linux.resources.rdma.${device}`,
    file: "rdma.max",
    value: `${device} hca_handle=${hcaHandles ?? "max"} hca_object=${hcaObjects ?? "max"}`,
  }));
}
