import assert from "node:assert/strict";
import { parseResourcesText } from "../oci/mod.ts";
import { deviceLimits } from "./devices_v1.ts";
import { type Limit, UNLIMITED } from "./files.ts";
import { limitsV1 } from "./limits_v1.ts";
import { cpuWeight, limitsV2, notAppliedV2 } from "./limits_v2.ts";

type Json = Record<string, unknown>;

const parse = (resources: Json) => parseResourcesText(JSON.stringify(resources));
const pairs = (limits: Limit[]) => limits.map(({ file, value }) => `${file}=${value}`);
const v1 = (resources: Json, memoryLimit = UNLIMITED) =>
  pairs(limitsV1(parse(resources), memoryLimit));
const v2 = (resources: Json) => pairs(limitsV2(parse(resources)));

const THROTTLES = {
  throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 100 }],
  throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 200 }],
  throttleReadIOPSDevice: [{ major: 8, minor: 0, rate: 300 }],
  throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 0 }],
};

Deno.test.each<[Json, string[], string[]]>([
  [{}, [], []],
  [{ memory: { limit: 0, swap: 0 }, cpu: { shares: 0, quota: 0 }, pids: { limit: 0 } }, [], []],
  [{ memory: { limit: 64 } }, ["memory.limit_in_bytes=64"], ["memory.max=64"]],
  [
    { memory: { limit: -1 } },
    ["memory.memsw.limit_in_bytes=-1", "memory.limit_in_bytes=-1"],
    ["memory.swap.max=max", "memory.max=max"],
  ],
  [
    { memory: { limit: 64, swap: 96 } },
    ["memory.limit_in_bytes=64", "memory.memsw.limit_in_bytes=96"],
    ["memory.swap.max=32", "memory.max=64"],
  ],
  [
    { memory: { limit: 64, swap: 64 } },
    ["memory.limit_in_bytes=64", "memory.memsw.limit_in_bytes=64"],
    ["memory.swap.max=0", "memory.max=64"],
  ],
  [
    { memory: { limit: 64, swap: -1 } },
    ["memory.memsw.limit_in_bytes=-1", "memory.limit_in_bytes=64"],
    ["memory.swap.max=max", "memory.max=64"],
  ],
  [
    { memory: { reservation: 32 } },
    ["memory.soft_limit_in_bytes=32"],
    ["memory.low=32"],
  ],
  [
    { memory: { swappiness: 0, disableOOMKiller: true } },
    ["memory.swappiness=0", "memory.oom_control=1"],
    [],
  ],
  [{ cpu: { shares: 1024 } }, ["cpu.shares=1024"], ["cpu.weight=39"]],
  [
    { cpu: { quota: 50000, period: 100000 } },
    ["cpu.cfs_period_us=100000", "cpu.cfs_quota_us=50000"],
    ["cpu.max=50000 100000"],
  ],
  [{ cpu: { quota: -1 } }, ["cpu.cfs_quota_us=-1"], ["cpu.max=max 100000"]],
  [{ cpu: { period: 5000 } }, ["cpu.cfs_period_us=5000"], ["cpu.max=max 5000"]],
  [{ cpu: { idle: 1 } }, ["cpu.idle=1"], ["cpu.idle=1"]],
  [{ cpu: { burst: 9 } }, ["cpu.cfs_burst_us=9"], ["cpu.max.burst=9"]],
  [
    { cpu: { cpus: "0-1", mems: "0" } },
    ["cpuset.cpus=0-1", "cpuset.mems=0"],
    ["cpuset.cpus=0-1", "cpuset.mems=0"],
  ],
  [
    { cpu: { realtimePeriod: 5, realtimeRuntime: 4 } },
    ["cpu.rt_period_us=5", "cpu.rt_runtime_us=4"],
    [],
  ],
  [{ pids: { limit: 7 } }, ["pids.max=7"], ["pids.max=7"]],
  [{ pids: { limit: -1 } }, ["pids.max=max"], ["pids.max=max"]],
  [
    { hugepageLimits: [{ pageSize: "2MB", limit: 0 }] },
    ["hugetlb.2MB.limit_in_bytes=0"],
    ["hugetlb.2MB.max=0", "hugetlb.2MB.rsvd.max=0"],
  ],
  [
    { blockIO: { weight: 500, weightDevice: [{ major: 8, minor: 0, weight: 10 }] } },
    ["blkio.weight=500", "blkio.weight_device=8:0 10"],
    ["io.bfq.weight=500", "io.bfq.weight=8:0 10"],
  ],
  [
    { blockIO: THROTTLES },
    [
      "blkio.throttle.read_bps_device=8:0 100",
      "blkio.throttle.write_bps_device=8:0 200",
      "blkio.throttle.read_iops_device=8:0 300",
      "blkio.throttle.write_iops_device=8:0 0",
    ],
    ["io.max=8:0 rbps=100", "io.max=8:0 wbps=200", "io.max=8:0 riops=300", "io.max=8:0 wiops=max"],
  ],
  [
    { network: { classID: 1048577, priorities: [{ name: "eth0", priority: 5 }] } },
    ["net_cls.classid=1048577", "net_prio.ifpriomap=eth0 5"],
    [],
  ],
  [
    { rdma: { mlx5_1: { hcaHandles: 3 } } },
    ["rdma.max=mlx5_1 hca_handle=3 hca_object=max"],
    ["rdma.max=mlx5_1 hca_handle=3 hca_object=max"],
  ],
])("limitsV1() and limitsV2() of %j", (resources, expectedV1, expectedV2) => {
  assert.deepEqual(v1(resources), expectedV1);
  assert.deepEqual(v2(resources), expectedV2);
});

Deno.test("limitsV1() raises memory with swap before memory alone", () => {
  assert.deepEqual(v1({ memory: { limit: 64, swap: 96 } }, 32n), [
    "memory.memsw.limit_in_bytes=96",
    "memory.limit_in_bytes=64",
  ]);
});

Deno.test("limitsV2() writes unified files line by line, after the rest", () => {
  const unified = { "memory.oom.group": "1", "io.max": "8:0 rbps=1\n8:16 wbps=2" };
  assert.deepEqual(v2({ unified, pids: { limit: 1 } }), [
    "pids.max=1",
    "memory.oom.group=1",
    "io.max=8:0 rbps=1",
    "io.max=8:16 wbps=2",
  ]);
});

Deno.test("limitsV2() has a weight for each scheduler", () => {
  const [limit] = limitsV2(parse({ blockIO: { weight: 1000 } }));
  assert.deepEqual(limit.otherwise, { file: "io.weight", value: "default 10000" });
});

Deno.test.each([[1n, 1n], [2n, 1n], [102n, 4n], [1024n, 39n], [262144n, 10000n], [
  999999n,
  10000n,
]])("cpuWeight() of %d shares", (shares, weight) => {
  assert.equal(cpuWeight(shares), weight);
});

Deno.test("limitsV1() and limitsV2() reject less memory with swap than without", () => {
  const expected = {
    kind: "InvalidArgument",
    message: "linux.resources.memory.swap: 32: below the memory limit 64",
  };
  assert.throws(() => v1({ memory: { limit: 64, swap: 32 } }), expected);
  assert.throws(() => v2({ memory: { limit: 64, swap: 32 } }), expected);
});

Deno.test("limitsV2() rejects a limit of swap without one of memory", () => {
  assert.deepEqual(v1({ memory: { swap: 32 } }), ["memory.memsw.limit_in_bytes=32"]);
  assert.throws(() => v2({ memory: { swap: 32 } }), {
    kind: "InvalidArgument",
    message: "linux.resources.memory.swap: 32: needs a memory limit",
  });
});

Deno.test("limitsV1() rejects unified files", () => {
  assert.throws(() => v1({ unified: { "memory.high": "1" } }), {
    kind: "InvalidArgument",
    message: "linux.resources.unified: memory.high: not on cgroup v1",
  });
});

Deno.test("notAppliedV2() names what version 2 has no file for", () => {
  assert.deepEqual(
    notAppliedV2(parse({ devices: [{ allow: false }], memory: { limit: 1, swappiness: 5 } })),
    ["linux.resources.devices", "linux.resources.memory.swappiness"],
  );
  assert.deepEqual(notAppliedV2(parse({ cpu: { shares: 2 } })), []);
});

const devices = (...rules: Json[]) =>
  deviceLimits(parse({ devices: rules }).devices).map(({ file, value }) =>
    `${file.replace("devices.", "")} ${value}`
  );

Deno.test("deviceLimits() denies everything first, and allows what /dev needs at last", () => {
  const none = devices();
  assert.equal(none[0], "deny a *:* rwm");
  assert.ok(none.includes("allow c 1:3 rwm") && none.includes("allow c *:* m"));
  assert.ok(none.slice(1).every((line) => line.startsWith("allow ")));
});

Deno.test("deviceLimits() keeps the order of the rules", () => {
  const lines = devices(
    { allow: false, access: "rwm" },
    { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
    { allow: true, type: "b", major: 8, access: "r" },
    { allow: false, access: "m" },
  );
  assert.deepEqual(lines.slice(0, 5), [
    "deny a *:* rwm",
    "allow c 10:229 rw",
    "allow b 8:* r",
    "deny c *:* m",
    "deny b *:* m",
  ]);
});
