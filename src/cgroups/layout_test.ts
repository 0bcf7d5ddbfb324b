import assert from "node:assert/strict";
import { detectLayout } from "./layout.ts";

const line = (mountpoint: string, rest: string) =>
  `30 24 0:27 / ${mountpoint} rw,nosuid,nodev,noexec,relatime shared:9 - ${rest}`;

const ROOT = "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw";
const TMPFS = line("/sys/fs/cgroup", "tmpfs tmpfs rw,mode=755");
const UNIFIED = line("/sys/fs/cgroup/unified", "cgroup2 cgroup2 rw,nsdelegate");
const CPU = line("/sys/fs/cgroup/cpu,cpuacct", "cgroup cgroup rw,cpu,cpuacct");
const MEMORY = line("/sys/fs/cgroup/memory", "cgroup cgroup rw,memory");
const SYSTEMD = line("/sys/fs/cgroup/systemd", "cgroup cgroup rw,xattr,name=systemd");

const V1 = {
  version: 1,
  hierarchies: [
    { controllers: ["cpu", "cpuacct"], root: "/sys/fs/cgroup/cpu,cpuacct" },
    { controllers: ["memory"], root: "/sys/fs/cgroup/memory" },
    { controllers: ["name=systemd"], root: "/sys/fs/cgroup/systemd" },
  ],
};

Deno.test.each([
  ["version 1", [ROOT, TMPFS, CPU, MEMORY, SYSTEMD]],
  ["hybrid", [ROOT, TMPFS, UNIFIED, CPU, MEMORY, SYSTEMD]],
  ["mounted twice", [ROOT, CPU, MEMORY, SYSTEMD, line("/mnt", "cgroup cgroup rw,memory")]],
])("detectLayout() of version 1: %s", (_, lines) => {
  assert.deepEqual(detectLayout(`${lines.join("\n")}\n`), V1);
});

Deno.test("detectLayout() of version 2", () => {
  const lines = [ROOT, line("/sys/fs/cgroup", "cgroup2 cgroup2 rw"), UNIFIED];
  assert.deepEqual(detectLayout(lines.join("\n")), {
    version: 2,
    hierarchies: [{ controllers: [], root: "/sys/fs/cgroup" }],
  });
});

Deno.test("detectLayout() reads escaped paths, and lines without optional fields", () => {
  const text = "30 24 0:27 / /a\\040b rw - cgroup2 none rw";
  assert.equal(detectLayout(text).hierarchies[0].root, "/a b");
});

Deno.test("detectLayout() rejects a host without cgroups", () => {
  assert.throws(() => detectLayout(ROOT), { kind: "FailedPrecondition" });
});
