/** What containers may use, have used, and the end for want of memory. */

import assert from "node:assert/strict";
import { waitFor } from "../support/mod.ts";
import { cgroupValue, type CriCase, idle, sh } from "./cri_helpers.ts";

const MIB = 1 << 20;
const MEMORY = ["memory.limit_in_bytes", "memory.max"];
const QUOTA = ["cpu.cfs_quota_us", "cpu.max"];
const SHARES = ["cpu.shares", "cpu.weight"];

export const RESOURCE_CASES: Record<string, CriCase> = {
  "limits are those of the cgroup": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const resources = { memoryLimitInBytes: 64 * MIB, cpuPeriod: 100_000, cpuQuota: 50_000 };
    const small = await cri.run(pod, idle({ resources: { ...resources, cpuShares: 512 } }));
    assert.equal(cgroupValue(cri, small, MEMORY), 64 * MIB);
    assert.equal(cgroupValue(cri, small, QUOTA), 50_000);
    const large = await cri.run(pod, idle({ resources: { cpuShares: 2048 } }));
    // Weights of cgroup v2 are shares by another scale.
    assert.ok(cgroupValue(cri, small, SHARES) < cgroupValue(cri, large, SHARES));
  },

  "limits change while the container runs": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const resources = { memoryLimitInBytes: 64 * MIB, cpuShares: 512 };
    const container = await cri.run(pod, idle({ resources }));
    const shares = cgroupValue(cri, container, SHARES);
    const changed = { memoryLimitInBytes: 128 * MIB, cpuShares: 2048, cpuPeriod: 100_000 };
    await cri.update(container, { ...changed, cpuQuota: 20_000 });
    assert.equal(cgroupValue(cri, container, MEMORY), 128 * MIB);
    assert.equal(cgroupValue(cri, container, QUOTA), 20_000);
    assert.ok(cgroupValue(cri, container, SHARES) > shares);
    assert.equal((await cri.status(container)).state, "CONTAINER_RUNNING");
  },

  "more memory than allowed: OOMKilled": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const resources = { memoryLimitInBytes: 32 * MIB };
    // tail keeps a line until it ends.
    const container = await cri.run(pod, sh("exec tail /dev/zero", { resources }));
    assert.equal((await cri.waitForExit(container)).exitCode, 137);
    await waitFor("the reason", async () => (await cri.status(container)).reason === "OOMKilled");
    assert.equal((await cri.podStatus(pod)).state, "SANDBOX_READY");
  },

  "stats of one container, and of a pod's": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const busy = await cri.run(pod, sh("head -c 20000000 /dev/zero | md5sum; sleep 60"));
    const other = await cri.run(pod, idle());
    const used = await waitFor("the time that it has used", async () => {
      const { attributes, cpu, memory } = await cri.stats(busy);
      assert.equal(attributes.id, busy.id);
      const timeNs = cpu?.usageCoreNanoSeconds?.value ?? 0;
      return timeNs > 20e6 && { timeNs, bytes: memory?.workingSetBytes?.value ?? 0 };
    });
    assert.ok(used.timeNs < 20e9, `${used.timeNs} ns`);
    assert.ok(used.bytes > 4096 && used.bytes < 512 * MIB, `${used.bytes} bytes`);
    const list = await cri.listStats(pod);
    assert.deepEqual(
      list.map(({ attributes }) => attributes.id).sort(),
      [busy.id, other.id].sort(),
    );
    for (const { cpu, memory } of list) {
      assert.ok(cpu?.usageCoreNanoSeconds?.value, "cpu");
      assert.ok(memory?.workingSetBytes?.value, "memory");
    }
  },
};
