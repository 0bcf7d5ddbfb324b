/** Limits as files of cgroup v2: https://docs.kernel.org/admin-guide/cgroup-v2.html */

import type { LinuxResources } from "../oci/mod.ts";
import type { Limit } from "./files.ts";
import { checkSwap, given, limit, orMax, rdmaLimits, swapError, throttles } from "./limits.ts";

/** Microseconds: the kernel's own default. */
const DEFAULT_PERIOD = 100_000n;

/** The writes that apply `resources`, in order. @throws ShimError InvalidArgument */
export function limitsV2(resources: LinuxResources): Limit[] {
  const { cpu, hugepages, unified } = resources;
  const shares = given(cpu.shares);
  return [
    ...limit("cpu.cpus", "cpuset.cpus", cpu.cpus),
    ...limit("cpu.mems", "cpuset.mems", cpu.mems),
    ...memory(resources),
    ...limit("cpu.idle", "cpu.idle", cpu.idle),
    ...limit("cpu.shares", "cpu.weight", shares && cpuWeight(shares)),
    ...cpuMax(resources),
    ...limit("cpu.burst", "cpu.max.burst", given(cpu.burst)),
    ...limit("pids.limit", "pids.max", orMax(given(resources.pids))),
    ...blockIo(resources),
    ...hugepages.flatMap(({ pageSize, limit: bytes }) => [
      ...limit(`hugepageLimits.${pageSize}`, `hugetlb.${pageSize}.max`, bytes),
      ...limit(`hugepageLimits.${pageSize}`, `hugetlb.${pageSize}.rsvd.max`, bytes, {
        optional: true,
      }),
    ]),
    ...rdmaLimits(resources),
    ...Object.entries(unified).flatMap(([file, text]) =>
      text.split("\n").flatMap((line) => limit(`unified.${file}`, file, line))
    ),
  ];
}

/**
 * Fields of `resources` that cgroup v2 has no file for. Device rules would take a BPF program: instead, the plan
 * mounts everything but /dev without devices (oci/mounts.ts).
 */
export function notAppliedV2({ devices, memory, cpu, blockIO, network }: LinuxResources): string[] {
  const fields: [string, unknown][] = [
    ["devices", devices.length],
    ["memory.swappiness", memory.swappiness],
    ["memory.disableOOMKiller", memory.disableOOMKiller],
    ["cpu.realtimePeriod", cpu.realtimePeriod],
    ["cpu.realtimeRuntime", cpu.realtimeRuntime],
    ["blockIO.leafWeight", blockIO.leafWeight],
    ["network.classID", network.classID],
    ["network.priorities", network.priorities.length],
  ];
  return fields.filter(([, value]) => value).map(([field]) => `linux.resources.${field}`);
}

/** Shares of 2 to 262144 to a weight of 1 to 10000, linearly, as runc 1.1 and crun do. */
export function cpuWeight(shares: bigint): bigint {
  const within = shares < 2n ? 2n : shares > 262_144n ? 262_144n : shares;
  return 1n + ((within - 2n) * 9999n) / 262_142n;
}

function cpuMax({ cpu }: LinuxResources): Limit[] {
  const quota = given(cpu.quota);
  const period = given(cpu.period);
  if (quota === undefined && period === undefined) return [];
  const field = quota === undefined ? "cpu.period" : "cpu.quota";
  return limit(field, "cpu.max", `${orMax(quota ?? -1n)} ${period ?? DEFAULT_PERIOD}`);
}

/** Version 1 counts memory and swap together, version 2 apart. */
function memory({ memory }: LinuxResources): Limit[] {
  checkSwap(memory);
  const bytes = given(memory.limit);
  const both = given(memory.swap) ?? (bytes === -1n ? -1n : undefined);
  const finite = both !== undefined && both !== -1n;
  if (finite && (!bytes || bytes === -1n)) throw swapError(both, "needs a memory limit");
  const swap = finite ? both - (bytes ?? 0n) : both;
  return [
    // Without swap in the kernel there is no file, and nothing to keep from swapping.
    ...limit("memory.swap", "memory.swap.max", orMax(swap), {
      optional: swap === -1n || swap === 0n,
    }),
    ...limit("memory.limit", "memory.max", orMax(bytes)),
    ...limit("memory.reservation", "memory.low", orMax(given(memory.reservation))),
  ];
}

function blockIo(resources: LinuxResources): Limit[] {
  const { blockIO } = resources;
  const weight = given(blockIO.weight);
  return [
    ...limit("blockIO.weight", "io.bfq.weight", weight, {
      otherwise: { file: "io.weight", value: `default ${ioWeight(weight ?? 0)}` },
    }),
    ...blockIO.weightDevices.flatMap(({ device, weight }) =>
      limit("blockIO.weightDevice", "io.bfq.weight", weight && `${device} ${weight}`, {
        otherwise: { file: "io.weight", value: `${device} ${ioWeight(weight ?? 0)}` },
      })
    ),
    ...throttles(resources).flatMap(([field, , name, devices]) =>
      devices.flatMap(({ device, rate }) =>
        limit(`blockIO.${field}`, "io.max", `${device} ${name}=${rate || "max"}`)
      )
    ),
  ];
}

/** A weight of 10 to 1000 to one of 1 to 10000, as runc does. */
function ioWeight(weight: number): number {
  return 1 + Math.floor((Math.max(weight - 10, 0) * 9999) / 990);
}
