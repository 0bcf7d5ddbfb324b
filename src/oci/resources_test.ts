import assert from "node:assert/strict";
import { parseResourcesText } from "./resources.ts";

const parse = (value: unknown) => parseResourcesText(JSON.stringify(value));

Deno.test("parseResourcesText() reads everything", () => {
  const throttle = [{ major: 8, minor: 0, rate: 1048576 }];
  assert.deepEqual(
    parse({
      devices: [{ allow: true, type: "c", major: 10, access: "r" }, { allow: false }],
      memory: { limit: 64, reservation: 32, swap: -1, swappiness: 0, disableOOMKiller: true },
      cpu: { shares: 2, quota: -1, period: 100000, burst: 1, idle: 0, cpus: "0-3,7", mems: "0" },
      pids: { limit: 5 },
      hugepageLimits: [{ pageSize: "2MB", limit: 4096 }],
      blockIO: {
        weight: 10,
        weightDevice: [{ major: 8, minor: 16, weight: 500 }],
        throttleReadBpsDevice: throttle,
        throttleWriteBpsDevice: throttle,
        throttleReadIOPSDevice: throttle,
        throttleWriteIOPSDevice: throttle,
      },
      network: { classID: 1048577, priorities: [{ name: "eth0", priority: 500 }] },
      rdma: { mlx5_1: { hcaHandles: 3 } },
      unified: { "memory.high": "1024" },
    }),
    {
      devices: [
        { allow: true, type: "c", major: 10, minor: -1, access: "r" },
        { allow: false, type: "a", major: -1, minor: -1, access: "rwm" },
      ],
      memory: {
        limit: 64n,
        reservation: 32n,
        swap: -1n,
        swappiness: 0n,
        disableOOMKiller: true,
      },
      cpu: {
        shares: 2n,
        quota: -1n,
        period: 100000n,
        burst: 1n,
        realtimeRuntime: undefined,
        realtimePeriod: undefined,
        idle: 0n,
        cpus: "0-3,7",
        mems: "0",
      },
      pids: 5n,
      hugepages: [{ pageSize: "2MB", limit: 4096n }],
      blockIO: {
        weight: 10,
        leafWeight: undefined,
        weightDevices: [{ device: "8:16", weight: 500, leafWeight: undefined }],
        throttleReadBps: [{ device: "8:0", rate: 1048576n }],
        throttleWriteBps: [{ device: "8:0", rate: 1048576n }],
        throttleReadIops: [{ device: "8:0", rate: 1048576n }],
        throttleWriteIops: [{ device: "8:0", rate: 1048576n }],
      },
      network: { classID: 1048577, priorities: [{ name: "eth0", priority: 500 }] },
      rdma: [{ device: "mlx5_1", hcaHandles: 3, hcaObjects: undefined }],
      unified: { "memory.high": "1024" },
    },
  );
});

Deno.test("parseResourcesText() names the field from the top of the resources", () => {
  assert.throws(() => parse({ cpu: { shares: -1 } }), {
    kind: "InvalidArgument",
    message: "cpu.shares: -1: must be at least 0",
  });
});
