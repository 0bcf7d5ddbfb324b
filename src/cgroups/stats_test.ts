import assert from "node:assert/strict";
import * as cgroupsV1 from "../proto/cgroups_v1.ts";
import * as cgroupsV2 from "../proto/cgroups_v2.ts";
import { Cgroups } from "./mod.ts";

const MAX = 2n ** 64n - 1n;

/** Metrics, once encoded and decoded, of a cgroup `/c` with these files. */
function metrics(version: 1 | 2, controllers: string[], files: Record<string, string>) {
  const root = Deno.makeTempDirSync({ prefix: "denowasi-stats-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      const path = `${root}/${name}`;
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      Deno.writeTextFileSync(path, text);
    }
    const hierarchies = version === 2
      ? [{ controllers: [], root }]
      : controllers.map((name) => ({ controllers: [name], root: `${root}/${name}` }));
    const stats = new Cgroups({ version, hierarchies }).at("/c").stats();
    assert.equal(stats.version, version);
    return stats.metrics;
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

const v1 = (controllers: string[], files: Record<string, string>) =>
  cgroupsV1.Metrics.decode(cgroupsV1.Metrics.encode(metrics(1, controllers, files) as object));
const v2 = (files: Record<string, string>) =>
  cgroupsV2.Metrics.decode(cgroupsV2.Metrics.encode(metrics(2, [], files) as object));

Deno.test("Cgroup.stats() of version 1 counts processors and processes", () => {
  const { cpu, pids } = v1(["cpu", "cpuacct", "pids"], {
    "cpu/c/cpu.stat": "nr_periods 5\nnr_throttled 3\nthrottled_time 17\nnr_bursts 0\n",
    "cpuacct/c/cpuacct.usage": "123456789\n",
    "cpuacct/c/cpuacct.usage_percpu": "100000000 23456789 \n",
    "cpuacct/c/cpuacct.stat": "user 7\nsystem 5\n",
    "pids/c/pids.current": "2\n",
    "pids/c/pids.max": "max\n",
  });
  assert.deepEqual(cpu, {
    usage: {
      total: 123456789n,
      user: 70_000_000n,
      kernel: 50_000_000n,
      perCpu: [100000000n, 23456789n],
    },
    throttling: { periods: 5n, throttledPeriods: 3n, throttledTime: 17n },
  });
  assert.deepEqual(pids, { current: 2n, limit: 0n });
});

Deno.test("Cgroup.stats() of version 1 counts memory", () => {
  const { memory, memoryOomControl } = v1(["memory"], {
    "memory/c/memory.stat": "cache 1\nrss 2\nhierarchical_memory_limit 9223372036854771712\n" +
      "hierarchical_memsw_limit 4\ntotal_inactive_file 5\ntotal_pgmajfault 6\n",
    "memory/c/memory.usage_in_bytes": "100\n",
    "memory/c/memory.limit_in_bytes": "9223372036854771712\n",
    "memory/c/memory.max_usage_in_bytes": "300\n",
    "memory/c/memory.failcnt": "4\n",
    "memory/c/memory.memsw.usage_in_bytes": "101\n",
    "memory/c/memory.kmem.usage_in_bytes": "50\n",
    "memory/c/memory.oom_control": "oom_kill_disable 1\nunder_oom 0\noom_kill 2\n",
  });
  assert.ok(memory);
  assert.equal(memory.cache, 1n);
  assert.equal(memory.rss, 2n);
  assert.equal(memory.hierarchicalMemoryLimit, 9223372036854771712n);
  assert.equal(memory.hierarchicalSwapLimit, 4n);
  assert.equal(memory.totalInactiveFile, 5n);
  assert.equal(memory.totalPgMajFault, 6n);
  assert.deepEqual(memory.usage, {
    usage: 100n,
    limit: 9223372036854771712n,
    max: 300n,
    failcnt: 4n,
  });
  assert.equal(memory.swap?.usage, 101n);
  assert.equal(memory.kernel?.usage, 50n);
  assert.equal(memory.kernelTcp, undefined);
  assert.deepEqual(memoryOomControl, { oomKillDisable: 1n, underOom: 0n, oomKill: 2n });
});

Deno.test("Cgroup.stats() of version 1 counts blocks, huge pages and rdma", () => {
  const { blkio, hugetlb, rdma } = v1(["blkio", "hugetlb", "rdma"], {
    "blkio/c/blkio.throttle.io_service_bytes_recursive": "8:0 Read 4096\n8:0 Write 8\nTotal 4104\n",
    "blkio/c/blkio.throttle.io_serviced_recursive": "8:0 Read 1\n",
    "hugetlb/c/hugetlb.2MB.usage_in_bytes": "2097152\n",
    "hugetlb/c/hugetlb.2MB.max_usage_in_bytes": "4194304\n",
    "hugetlb/c/hugetlb.2MB.limit_in_bytes": "9223372036852678656\n",
    "hugetlb/c/hugetlb.2MB.rsvd.limit_in_bytes": "9223372036852678656\n",
    "hugetlb/c/hugetlb.2MB.failcnt": "1\n",
    "rdma/c/rdma.current": "mlx5_1 hca_handle=2 hca_object=3\n",
    "rdma/c/rdma.max": "mlx5_1 hca_handle=5 hca_object=max\n",
  });
  const entry = { device: "", major: 8n, minor: 0n };
  assert.deepEqual(blkio?.ioServiceBytesRecursive, [
    { ...entry, op: "Read", value: 4096n },
    { ...entry, op: "Write", value: 8n },
  ]);
  assert.deepEqual(blkio?.ioServicedRecursive, [{ ...entry, op: "Read", value: 1n }]);
  assert.deepEqual(hugetlb, [
    { pagesize: "2MB", usage: 2097152n, max: 4194304n, failcnt: 1n },
  ]);
  assert.deepEqual(rdma, {
    current: [{ device: "mlx5_1", hcaHandles: 2, hcaObjects: 3 }],
    limit: [{ device: "mlx5_1", hcaHandles: 5, hcaObjects: 4294967295 }],
  });
});

Deno.test("Cgroup.stats() of version 1 leaves out what the host lacks", () => {
  const { pids, memory, blkio, memoryOomControl } = v1([], {});
  assert.deepEqual([pids, memory, blkio, memoryOomControl], [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("Cgroup.stats() of version 2", () => {
  const stats = v2({
    "c/cpu.stat": "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 3\nnr_throttled 2\n" +
      "throttled_usec 1\nnr_bursts 4\nburst_usec 5\n",
    "c/cpu.pressure": "some avg10=0.50 avg60=1.25 avg300=0.00 total=1234\n" +
      "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
    "c/pids.current": "1\n",
    "c/pids.max": "max\n",
    "c/memory.stat": "anon 1\nfile 2\ninactive_file 3\nfile_mapped 4\nworkingset_refault_file 5\n",
    "c/memory.current": "10\n",
    "c/memory.max": "max\n",
    "c/memory.peak": "12\n",
    "c/memory.swap.current": "0\n",
    "c/memory.swap.max": "0\n",
    "c/memory.events": "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n",
    "c/io.stat": "8:0 rbytes=4096 wbytes=1 rios=2 wios=3 dbytes=0 dios=0\n259:1 \n",
    "c/hugetlb.1GB.current": "0\n",
    "c/hugetlb.1GB.max": "max\n",
    "c/hugetlb.1GB.rsvd.max": "max\n",
  });
  assert.deepEqual(stats.cpu, {
    usageUsec: 30n,
    userUsec: 20n,
    systemUsec: 10n,
    nrPeriods: 3n,
    nrThrottled: 2n,
    throttledUsec: 1n,
    nrBursts: 4n,
    burstUsec: 5n,
    psi: {
      some: { avg10: 0.5, avg60: 1.25, avg300: 0, total: 1234n },
      full: { avg10: 0, avg60: 0, avg300: 0, total: 7n },
    },
  });
  assert.deepEqual(stats.pids, { current: 1n, limit: MAX });
  assert.ok(stats.memory);
  const { anon, file, inactiveFile, fileMapped, workingsetRefault } = stats.memory;
  assert.deepEqual([anon, file, inactiveFile, fileMapped, workingsetRefault], [1n, 2n, 3n, 4n, 5n]);
  const { usage, usageLimit, maxUsage, swapUsage, swapLimit } = stats.memory;
  assert.deepEqual([usage, usageLimit, maxUsage, swapUsage, swapLimit], [10n, MAX, 12n, 0n, 0n]);
  assert.deepEqual(stats.memoryEvents, { low: 1n, high: 2n, max: 3n, oom: 4n, oomKill: 5n });
  assert.deepEqual(stats.io?.usage, [
    { major: 8n, minor: 0n, rbytes: 4096n, wbytes: 1n, rios: 2n, wios: 3n },
    { major: 259n, minor: 1n, rbytes: 0n, wbytes: 0n, rios: 0n, wios: 0n },
  ]);
  assert.deepEqual(stats.hugetlb, [{ pagesize: "1GB", current: 0n, max: MAX }]);
});
