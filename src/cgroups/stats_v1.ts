/** Metrics of cgroup v1, as github.com/containerd/cgroups fills them in. */

import type { Init } from "../proto/message.ts";
import type {
  BlkIOStat,
  CPUStat,
  HugetlbStat,
  MemoryEntry,
  MemoryOomControl,
  MemoryStat,
  Metrics,
  PidsStat,
  RdmaEntry,
} from "../proto/cgroups_v1.ts";
import { parseNumber, readFile, readKeys, readNumber } from "./files.ts";

/** Nanoseconds of a tick: USER_HZ is 100 wherever Linux runs in 64 bits. */
const TICK = 10_000_000n;

/** The folder of a controller; undefined when the host lacks it. */
export type FolderOf = (controller: string) => string | undefined;

export function metricsV1(folderOf: FolderOf): Init<Metrics> {
  const of = <T>(controller: string, read: (folder: string) => T): T | undefined => {
    const folder = folderOf(controller);
    return folder === undefined ? undefined : read(folder);
  };
  return {
    pids: of("pids", pids),
    cpu: cpu(folderOf("cpuacct"), folderOf("cpu")),
    memory: of("memory", memory),
    memoryOomControl: of("memory", oomControl),
    blkio: of("blkio", blkio),
    hugetlb: of("hugetlb", hugetlb) ?? [],
    rdma: of("rdma", (folder) => ({
      current: rdmaEntries(readFile(`${folder}/rdma.current`)),
      limit: rdmaEntries(readFile(`${folder}/rdma.max`)),
    })),
  };
}

/** No limit is 0 here, as containerd has it. */
function pids(folder: string): Init<PidsStat> {
  return {
    current: readNumber(`${folder}/pids.current`),
    limit: readNumber(`${folder}/pids.max`, 0n),
  };
}

function cpu(cpuacct: string | undefined, cpu: string | undefined): Init<CPUStat> {
  const stat: { -readonly [K in keyof Init<CPUStat>]: Init<CPUStat>[K] } = {};
  if (cpuacct !== undefined) {
    const ticks = readKeys(`${cpuacct}/cpuacct.stat`);
    const perCpu = readFile(`${cpuacct}/cpuacct.usage_percpu`) ?? "";
    stat.usage = {
      total: readNumber(`${cpuacct}/cpuacct.usage`),
      user: ticks("user") * TICK,
      kernel: ticks("system") * TICK,
      perCpu: perCpu.split(" ").filter(Boolean).map(BigInt),
    };
  }
  if (cpu !== undefined) {
    const key = readKeys(`${cpu}/cpu.stat`);
    stat.throttling = {
      periods: key("nr_periods"),
      throttledPeriods: key("nr_throttled"),
      throttledTime: key("throttled_time"),
    };
  }
  return stat;
}

function memory(folder: string): Init<MemoryStat> {
  const key = readKeys(`${folder}/memory.stat`);
  return {
    cache: key("cache"),
    rss: key("rss"),
    rssHuge: key("rss_huge"),
    mappedFile: key("mapped_file"),
    dirty: key("dirty"),
    writeback: key("writeback"),
    pgPgIn: key("pgpgin"),
    pgPgOut: key("pgpgout"),
    pgFault: key("pgfault"),
    pgMajFault: key("pgmajfault"),
    inactiveAnon: key("inactive_anon"),
    activeAnon: key("active_anon"),
    inactiveFile: key("inactive_file"),
    activeFile: key("active_file"),
    unevictable: key("unevictable"),
    hierarchicalMemoryLimit: key("hierarchical_memory_limit"),
    hierarchicalSwapLimit: key("hierarchical_memsw_limit"),
    totalCache: key("total_cache"),
    totalRss: key("total_rss"),
    totalRssHuge: key("total_rss_huge"),
    totalMappedFile: key("total_mapped_file"),
    totalDirty: key("total_dirty"),
    totalWriteback: key("total_writeback"),
    totalPgPgIn: key("total_pgpgin"),
    totalPgPgOut: key("total_pgpgout"),
    totalPgFault: key("total_pgfault"),
    totalPgMajFault: key("total_pgmajfault"),
    totalInactiveAnon: key("total_inactive_anon"),
    totalActiveAnon: key("total_active_anon"),
    totalInactiveFile: key("total_inactive_file"),
    totalActiveFile: key("total_active_file"),
    totalUnevictable: key("total_unevictable"),
    usage: memoryEntry(`${folder}/memory`),
    swap: memoryEntry(`${folder}/memory.memsw`),
    kernel: memoryEntry(`${folder}/memory.kmem`),
    kernelTcp: memoryEntry(`${folder}/memory.kmem.tcp`),
  };
}

/** The four files of one kind of memory; undefined when the kernel does not count it. */
function memoryEntry(prefix: string): Init<MemoryEntry> | undefined {
  const usage = readFile(`${prefix}.usage_in_bytes`);
  if (usage === undefined) return undefined;
  return {
    usage: parseNumber(usage),
    limit: readNumber(`${prefix}.limit_in_bytes`),
    max: readNumber(`${prefix}.max_usage_in_bytes`),
    failcnt: readNumber(`${prefix}.failcnt`),
  };
}

function oomControl(folder: string): MemoryOomControl {
  const key = readKeys(`${folder}/memory.oom_control`);
  return {
    oomKillDisable: key("oom_kill_disable"),
    underOom: key("under_oom"),
    oomKill: key("oom_kill"),
  };
}

/** The throttle's counters, which count whatever the scheduler of the device. */
function blkio(folder: string): Init<BlkIOStat> {
  const entries = (file: string) =>
    [...(readFile(`${folder}/${file}`) ?? "").matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm)].map(
      ([, major, minor, op, value]) => ({
        major: BigInt(major),
        minor: BigInt(minor),
        op,
        value: BigInt(value),
      }),
    );
  return {
    ioServiceBytesRecursive: entries("blkio.throttle.io_service_bytes_recursive"),
    ioServicedRecursive: entries("blkio.throttle.io_serviced_recursive"),
  };
}

function hugetlb(folder: string): Init<HugetlbStat>[] {
  return pageSizes(folder, ".limit_in_bytes").map((pagesize) => {
    const prefix = `${folder}/hugetlb.${pagesize}`;
    return {
      pagesize,
      usage: readNumber(`${prefix}.usage_in_bytes`),
      max: readNumber(`${prefix}.max_usage_in_bytes`),
      failcnt: readNumber(`${prefix}.failcnt`),
    };
  });
}

/** Sizes of huge pages for which `folder` has a file `hugetlb.SIZE` with this ending. */
export function pageSizes(folder: string, ending: string): string[] {
  const sizes: string[] = [];
  for (const { name } of Deno.readDirSync(folder)) {
    const size = name.startsWith("hugetlb.") && name.endsWith(ending)
      ? name.slice("hugetlb.".length, -ending.length)
      : "";
    if (size && !size.includes(".")) sizes.push(size);
  }
  return sizes.sort();
}

/** Lines such as `mlx4_0 hca_handle=2 hca_object=max`. */
export function rdmaEntries(text = ""): Init<RdmaEntry>[] {
  const lines = [...text.matchAll(/^(\S+) hca_handle=(\w+) hca_object=(\w+)/gm)];
  const count = (value: string) => value === "max" ? 2 ** 32 - 1 : Number(value);
  return lines.map(([, device, handles, objects]) => ({
    device,
    hcaHandles: count(handles),
    hcaObjects: count(objects),
  }));
}
