/** Metrics of cgroup v2, as github.com/containerd/cgroups fills them in. */

import type { Init } from "../proto/message.ts";
import type {
  CPUStat,
  IOStat,
  MemoryStat,
  Metrics,
  PSIData,
  PSIStats,
} from "../proto/cgroups_v2.ts";
import { parseNumber, readFile, readKeys, readNumber } from "./files.ts";
import { pageSizes, rdmaEntries } from "./stats_v1.ts";

export function metricsV2(folder: string): Init<Metrics> {
  const events = readKeys(`${folder}/memory.events`);
  return {
    pids: {
      current: readNumber(`${folder}/pids.current`),
      limit: readNumber(`${folder}/pids.max`),
    },
    cpu: cpu(folder),
    memory: memory(folder),
    memoryEvents: {
      low: events("low"),
      high: events("high"),
      max: events("max"),
      oom: events("oom"),
      oomKill: events("oom_kill"),
    },
    io: io(folder),
    hugetlb: pageSizes(folder, ".max").map((pagesize) => ({
      pagesize,
      current: readNumber(`${folder}/hugetlb.${pagesize}.current`),
      max: readNumber(`${folder}/hugetlb.${pagesize}.max`),
    })),
    rdma: {
      current: rdmaEntries(readFile(`${folder}/rdma.current`)),
      limit: rdmaEntries(readFile(`${folder}/rdma.max`)),
    },
  };
}

function cpu(folder: string): Init<CPUStat> {
  const key = readKeys(`${folder}/cpu.stat`);
  return {
    usageUsec: key("usage_usec"),
    userUsec: key("user_usec"),
    systemUsec: key("system_usec"),
    nrPeriods: key("nr_periods"),
    nrThrottled: key("nr_throttled"),
    throttledUsec: key("throttled_usec"),
    nrBursts: key("nr_bursts"),
    burstUsec: key("burst_usec"),
    psi: pressure(`${folder}/cpu.pressure`),
  };
}

function memory(folder: string): Init<MemoryStat> {
  const key = readKeys(`${folder}/memory.stat`);
  const file = (name: string) => readNumber(`${folder}/memory.${name}`);
  return {
    anon: key("anon"),
    file: key("file"),
    kernelStack: key("kernel_stack"),
    slab: key("slab"),
    sock: key("sock"),
    shmem: key("shmem"),
    fileMapped: key("file_mapped"),
    fileDirty: key("file_dirty"),
    fileWriteback: key("file_writeback"),
    anonThp: key("anon_thp"),
    inactiveAnon: key("inactive_anon"),
    activeAnon: key("active_anon"),
    inactiveFile: key("inactive_file"),
    activeFile: key("active_file"),
    unevictable: key("unevictable"),
    slabReclaimable: key("slab_reclaimable"),
    slabUnreclaimable: key("slab_unreclaimable"),
    pgfault: key("pgfault"),
    pgmajfault: key("pgmajfault"),
    // Linux 5.9 counts anonymous and file pages apart; containerd takes those of files.
    workingsetRefault: key("workingset_refault") || key("workingset_refault_file"),
    workingsetActivate: key("workingset_activate") || key("workingset_activate_file"),
    workingsetNodereclaim: key("workingset_nodereclaim"),
    pgrefill: key("pgrefill"),
    pgscan: key("pgscan"),
    pgsteal: key("pgsteal"),
    pgactivate: key("pgactivate"),
    pgdeactivate: key("pgdeactivate"),
    pglazyfree: key("pglazyfree"),
    pglazyfreed: key("pglazyfreed"),
    thpFaultAlloc: key("thp_fault_alloc"),
    thpCollapseAlloc: key("thp_collapse_alloc"),
    usage: file("current"),
    usageLimit: file("max"),
    swapUsage: file("swap.current"),
    swapLimit: file("swap.max"),
    maxUsage: file("peak"),
    swapMaxUsage: file("swap.peak"),
    psi: pressure(`${folder}/memory.pressure`),
  };
}

/** Lines such as `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`. */
function io(folder: string): Init<IOStat> {
  const lines = (readFile(`${folder}/io.stat`) ?? "").split("\n").filter(Boolean);
  return {
    psi: pressure(`${folder}/io.pressure`),
    usage: lines.map((line) => {
      const [device, ...pairs] = line.split(" ");
      const [major, minor] = device.split(":");
      const values = new Map(pairs.map((pair) => pair.split("=") as [string, string]));
      const count = (name: string) => parseNumber(values.get(name));
      return {
        major: parseNumber(major),
        minor: parseNumber(minor),
        rbytes: count("rbytes"),
        wbytes: count("wbytes"),
        rios: count("rios"),
        wios: count("wios"),
      };
    }),
  };
}

/** Lines such as `some avg10=0.00 avg60=0.12 avg300=1.50 total=1234`; undefined when the kernel does not count. */
function pressure(file: string): Init<PSIStats> | undefined {
  const text = readFile(file);
  if (text === undefined) return undefined;
  const line = (kind: string): Init<PSIData> | undefined => {
    const pattern = new RegExp(
      `^${kind} avg10=(\\S+) avg60=(\\S+) avg300=(\\S+) total=(\\d+)`,
      "m",
    );
    const [, avg10, avg60, avg300, total] = pattern.exec(text) ?? [];
    if (total === undefined) return undefined;
    return {
      avg10: Number(avg10),
      avg60: Number(avg60),
      avg300: Number(avg300),
      total: BigInt(total),
    };
  };
  return { some: line("some"), full: line("full") };
}
