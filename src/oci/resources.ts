/**
 * linux.resources of config.json, which task Update brings too: limits as plain data. cgroups/ applies them.
 *
 * https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config-linux.md#control-groups
 */

import { Field, INT64, UINT32, UINT64 } from "./field.ts";

/** Everything that is undefined is left as it is. */
export interface LinuxResources {
  devices: DeviceRule[];
  memory: MemoryLimits;
  cpu: CpuLimits;
  /** -1: unlimited. */
  pids: bigint | undefined;
  hugepages: HugepageLimit[];
  blockIO: BlockIoLimits;
  network: NetworkLimits;
  rdma: RdmaLimit[];
  /** Files of cgroup v2 and what to write there. */
  unified: Record<string, string>;
}

export interface DeviceRule {
  allow: boolean;
  /** All, character, block. */
  type: "a" | "c" | "b";
  /** -1: any. */
  major: number;
  /** -1: any. */
  minor: number;
  /** Of r, w, and m for mknod(2). */
  access: string;
}

/** Bytes; -1: unlimited. */
export interface MemoryLimits {
  limit: bigint | undefined;
  /** The soft limit. */
  reservation: bigint | undefined;
  /** Memory and swap together, as cgroup v1 counts. */
  swap: bigint | undefined;
  /** 0 to 100. */
  swappiness: bigint | undefined;
  disableOOMKiller: boolean;
}

export interface CpuLimits {
  /** Relative weight, 1024 being ordinary; 0: left alone. */
  shares: bigint | undefined;
  /** Microseconds per period; -1: unlimited. */
  quota: bigint | undefined;
  /** Microseconds. */
  period: bigint | undefined;
  /** Microseconds that may be saved up. */
  burst: bigint | undefined;
  realtimeRuntime: bigint | undefined;
  realtimePeriod: bigint | undefined;
  /** 1: run only when nothing else does. */
  idle: bigint | undefined;
  /** Lists such as `0-3,7`. */
  cpus: string;
  mems: string;
}

export interface HugepageLimit {
  /** As the files are named: `2MB`, `1GB`. */
  pageSize: string;
  /** Bytes. */
  limit: bigint;
}

export interface BlockIoLimits {
  /** 10 to 1000. */
  weight: number | undefined;
  leafWeight: number | undefined;
  weightDevices: WeightDevice[];
  throttleReadBps: ThrottleDevice[];
  throttleWriteBps: ThrottleDevice[];
  throttleReadIops: ThrottleDevice[];
  throttleWriteIops: ThrottleDevice[];
}

export interface WeightDevice {
  /** `MAJOR:MINOR`. */
  device: string;
  weight: number | undefined;
  leafWeight: number | undefined;
}

export interface ThrottleDevice {
  /** `MAJOR:MINOR`. */
  device: string;
  rate: bigint;
}

export interface NetworkLimits {
  classID: number | undefined;
  priorities: { name: string; priority: number }[];
}

export interface RdmaLimit {
  device: string;
  hcaHandles: number | undefined;
  hcaObjects: number | undefined;
}

/** A limit of which -1 means that there is none. */
const LIMIT = [-1n, INT64[1]] as const;
const COUNT = [0n, INT64[1]] as const;
const WEIGHT = [0, 1000] as const;
const DEVICE_NUMBER = [-1, UINT32[1]] as const;

/**
 * Resources of a JSON document, such as task Update brings.
 * @throws ShimError InvalidArgument
 */
export function parseResourcesText(text: string): LinuxResources {
  return parseResources(Field.parse(text, "resources"));
}

/** @throws ShimError InvalidArgument, or Unimplemented for what this version does not know. */
export function parseResources(field: Field): LinuxResources {
  field.only(
    ...[
      "devices",
      "memory",
      "cpu",
      "pids",
      "hugepageLimits",
      "blockIO",
      "network",
      "rdma",
      "unified",
    ],
  );
  return {
    devices: field.at("devices").items().map(parseDeviceRule),
    memory: parseMemory(field.at("memory")),
    cpu: parseCpu(field.at("cpu")),
    pids: field.at("pids").only("limit").at("limit").optionalBigint(LIMIT),
    hugepages: field.at("hugepageLimits").items().map((item) => ({
      pageSize: parsePageSize(item.only("pageSize", "limit").at("pageSize")),
      limit: item.at("limit").bigint(UINT64),
    })),
    blockIO: parseBlockIo(field.at("blockIO")),
    network: parseNetwork(field.at("network")),
    rdma: field.at("rdma").members().map(([device, limits]) => ({
      device,
      hcaHandles: limits.only("hcaHandles", "hcaObjects").at("hcaHandles").optionalInteger(UINT32),
      hcaObjects: limits.at("hcaObjects").optionalInteger(UINT32),
    })),
    unified: parseUnified(field.at("unified")),
  };
}

function parseDeviceRule(rule: Field): DeviceRule {
  rule.only("allow", "type", "major", "minor", "access");
  const access = rule.at("access").string("") || "rwm";
  if (!/^[rwm]+$/.test(access)) throw rule.at("access").error("not of r, w and m");
  const type = rule.at("type");
  return {
    allow: rule.at("allow").boolean(),
    type: type.empty ? "a" : type.oneOf(["a", "c", "b"]),
    major: rule.at("major").optionalInteger(DEVICE_NUMBER) ?? -1,
    minor: rule.at("minor").optionalInteger(DEVICE_NUMBER) ?? -1,
    access,
  };
}

function parseMemory(memory: Field): MemoryLimits {
  // "kernel" and "kernelTCP" no longer limit anything on current kernels; runc ignores "kernel", too.
  memory.only(
    ...["limit", "reservation", "swap", "kernel", "kernelTCP", "swappiness", "disableOOMKiller"],
    ...["useHierarchy", "checkBeforeUpdate"],
  );
  return {
    limit: memory.at("limit").optionalBigint(LIMIT),
    reservation: memory.at("reservation").optionalBigint(LIMIT),
    swap: memory.at("swap").optionalBigint(LIMIT),
    swappiness: memory.at("swappiness").optionalBigint([0n, 100n]),
    disableOOMKiller: memory.at("disableOOMKiller").boolean(),
  };
}

function parseCpu(cpu: Field): CpuLimits {
  cpu.only(
    ...["shares", "quota", "period", "burst", "realtimeRuntime", "realtimePeriod", "idle"],
    ...["cpus", "mems"],
  );
  return {
    shares: cpu.at("shares").optionalBigint(COUNT),
    quota: cpu.at("quota").optionalBigint(LIMIT),
    period: cpu.at("period").optionalBigint(COUNT),
    burst: cpu.at("burst").optionalBigint(COUNT),
    realtimeRuntime: cpu.at("realtimeRuntime").optionalBigint(LIMIT),
    realtimePeriod: cpu.at("realtimePeriod").optionalBigint(COUNT),
    idle: cpu.at("idle").optionalBigint([0n, 1n]),
    cpus: parseList(cpu.at("cpus")),
    mems: parseList(cpu.at("mems")),
  };
}

function parseBlockIo(io: Field): BlockIoLimits {
  const throttles = ["ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS"];
  io.only("weight", "leafWeight", "weightDevice", ...throttles.map((t) => `throttle${t}Device`));
  const [throttleReadBps, throttleWriteBps, throttleReadIops, throttleWriteIops] = throttles.map(
    (throttle) =>
      io.at(`throttle${throttle}Device`).items().map((item) => ({
        device: parseDeviceNumber(item.only("major", "minor", "rate")),
        rate: item.at("rate").bigint(UINT64),
      })),
  );
  return {
    weight: io.at("weight").optionalInteger(WEIGHT),
    leafWeight: io.at("leafWeight").optionalInteger(WEIGHT),
    weightDevices: io.at("weightDevice").items().map((item) => ({
      device: parseDeviceNumber(item.only("major", "minor", "weight", "leafWeight")),
      weight: item.at("weight").optionalInteger(WEIGHT),
      leafWeight: item.at("leafWeight").optionalInteger(WEIGHT),
    })),
    throttleReadBps,
    throttleWriteBps,
    throttleReadIops,
    throttleWriteIops,
  };
}

function parseNetwork(network: Field): NetworkLimits {
  network.only("classID", "priorities");
  return {
    classID: network.at("classID").optionalInteger(UINT32),
    priorities: network.at("priorities").items().map((item) => ({
      name: item.only("name", "priority").at("name").string(),
      priority: item.at("priority").integer(UINT32),
    })),
  };
}

function parseUnified(unified: Field): Record<string, string> {
  return Object.fromEntries(
    unified.members().map(([file, value]) => {
      if (!/^(?!cgroup\.)[a-z0-9_]+(\.[A-Za-z0-9_-]+)+$/.test(file)) {
        throw value.error("not a file of a cgroup");
      }
      return [file, value.string()];
    }),
  );
}

function parseList(list: Field): string {
  const text = list.string("");
  if (!/^[0-9,\-\s]*$/.test(text)) throw list.error("not a list such as 0-3,7");
  return text.trim();
}

function parsePageSize(size: Field): string {
  const text = size.string();
  if (!/^[1-9][0-9]*[KMG]B$/.test(text)) throw size.error("not a page size such as 2MB");
  return text;
}

function parseDeviceNumber(item: Field): string {
  return `${item.at("major").integer(UINT32)}:${item.at("minor").integer(UINT32)}`;
}
