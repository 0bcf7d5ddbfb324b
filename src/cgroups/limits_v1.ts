/** Limits as files of cgroup v1: https://docs.kernel.org/admin-guide/cgroup-v1/ */

import { ShimError } from "../errdefs/mod.ts";
import type { LinuxResources } from "../oci/mod.ts";
import type { Limit } from "./files.ts";
import { checkSwap, given, limit, orMax, rdmaLimits, throttles } from "./limits.ts";

/**
 * The writes that apply `resources`, in order, but for devices. `memoryLimit` is the limit now: memory with swap may
 * never be less than memory alone, so the order of the two depends on it.
 * @throws ShimError InvalidArgument: a limit that version 1 does not have.
 */
export function limitsV1(resources: LinuxResources, memoryLimit: bigint): Limit[] {
  const [unified] = Object.keys(resources.unified);
  if (unified) {
    throw new ShimError("InvalidArgument", `linux.resources.unified: ${unified}: not on cgroup v1`);
  }
  const { cpu, network, hugepages } = resources;
  return [
    ...limit("cpu.cpus", "cpuset.cpus", cpu.cpus),
    ...limit("cpu.mems", "cpuset.mems", cpu.mems),
    ...memory(resources, memoryLimit),
    ...limit("cpu.realtimePeriod", "cpu.rt_period_us", given(cpu.realtimePeriod)),
    ...limit("cpu.realtimeRuntime", "cpu.rt_runtime_us", given(cpu.realtimeRuntime)),
    ...limit("cpu.shares", "cpu.shares", given(cpu.shares)),
    ...limit("cpu.period", "cpu.cfs_period_us", given(cpu.period)),
    ...limit("cpu.quota", "cpu.cfs_quota_us", given(cpu.quota)),
    ...limit("cpu.burst", "cpu.cfs_burst_us", given(cpu.burst)),
    ...limit("cpu.idle", "cpu.idle", cpu.idle),
    ...limit("pids.limit", "pids.max", orMax(given(resources.pids))),
    ...blockIo(resources),
    ...hugepages.flatMap(({ pageSize, limit: bytes }) =>
      limit(`hugepageLimits.${pageSize}`, `hugetlb.${pageSize}.limit_in_bytes`, bytes)
    ),
    ...limit("network.classID", "net_cls.classid", given(network.classID)),
    ...network.priorities.flatMap(({ name, priority }) =>
      limit("network.priorities", "net_prio.ifpriomap", `${name} ${priority}`)
    ),
    ...rdmaLimits(resources),
  ];
}

function memory({ memory }: LinuxResources, memoryLimit: bigint): Limit[] {
  checkSwap(memory);
  const bytes = given(memory.limit);
  const asked = given(memory.swap);
  // No limit without swap means none with it either.
  const swap = asked ?? (bytes === -1n ? -1n : undefined);
  const both = [
    ...limit("memory.limit", "memory.limit_in_bytes", bytes),
    ...limit("memory.swap", "memory.memsw.limit_in_bytes", swap, { optional: !asked }),
  ];
  const raised = swap !== undefined && (swap === -1n || swap > memoryLimit);
  return [
    ...(raised ? both.reverse() : both),
    ...limit("memory.reservation", "memory.soft_limit_in_bytes", given(memory.reservation)),
    ...limit("memory.swappiness", "memory.swappiness", memory.swappiness),
    ...limit("memory.disableOOMKiller", "memory.oom_control", memory.disableOOMKiller ? 1 : ""),
  ];
}

function blockIo(resources: LinuxResources): Limit[] {
  const { blockIO } = resources;
  const weight = given(blockIO.weight);
  return [
    ...limit("blockIO.weight", "blkio.weight", weight, {
      otherwise: { file: "blkio.bfq.weight", value: String(weight) },
    }),
    ...limit("blockIO.leafWeight", "blkio.leaf_weight", given(blockIO.leafWeight)),
    ...blockIO.weightDevices.flatMap(({ device, weight, leafWeight }) => [
      ...limit("blockIO.weightDevice", "blkio.weight_device", weight && `${device} ${weight}`, {
        otherwise: { file: "blkio.bfq.weight_device", value: `${device} ${weight}` },
      }),
      ...limit(
        "blockIO.weightDevice",
        "blkio.leaf_weight_device",
        leafWeight && `${device} ${leafWeight}`,
      ),
    ]),
    ...throttles(resources).flatMap(([field, file, , devices]) =>
      devices.flatMap(({ device, rate }) =>
        limit(`blockIO.${field}`, `blkio.throttle.${file}`, `${device} ${rate}`)
      )
    ),
  ];
}
