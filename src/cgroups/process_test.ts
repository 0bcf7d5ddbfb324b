import assert from "node:assert/strict";
import type { CgroupLayout } from "./layout.ts";
import { Cgroups } from "./mod.ts";
import { processCgroup } from "./process.ts";

const v1 = (...controllers: string[]): CgroupLayout => ({
  version: 1,
  hierarchies: controllers.map((name) => ({ controllers: name.split(","), root: `/h/${name}` })),
});

const V2: CgroupLayout = { version: 2, hierarchies: [{ controllers: [], root: "/h" }] };

const HYBRID = `12:pids:/p
11:cpu,cpuacct:/c
10:memory:/kubepods/pod1/a
1:name=systemd:/s
0::/unified
`;

Deno.test.each<[string, CgroupLayout, string, string]>([
  ["version 1", v1("pids", "memory"), HYBRID, "/kubepods/pod1/a"],
  ["without memory", v1("cpu,cpuacct", "pids"), HYBRID, "/c"],
  ["systemd alone", v1("name=systemd"), HYBRID, "/s"],
  ["version 2", V2, HYBRID, "/unified"],
  [
    "odd names",
    V2,
    "0::/system.slice/cri-containerd-a.scope:1 b\n",
    "/system.slice/cri-containerd-a.scope:1 b",
  ],
  ["memory of two", v1("cpuset,memory"), "3:cpuset,memory:/m\n", "/m"],
])("processCgroup() of %s", (_, layout, text, expected) => {
  assert.equal(processCgroup(text, "4:memory:/shim\n0::/shim\n", layout), expected);
});

Deno.test.each<[string, CgroupLayout, string]>([
  ["the root", v1("memory"), "4:memory:/\n3:pids:/a\n"],
  ["the root of version 2", V2, "0::/\n"],
  ["outside of what is seen", V2, "0::/../../other\n"],
  ["no hierarchy that is known", v1("memory"), "3:pids:/a\n0::/b\n"],
  ["nothing", V2, ""],
  ["no version 2", V2, "3:pids:/a\n"],
  ["removed, of version 2", V2, "0::/a (deleted)\n"],
  ["the shim's", V2, "0::/shims/a\n"],
  ["one above the shim's", v1("memory"), "4:memory:/shims\n"],
])("processCgroup() rejects %s", (_, layout, text) => {
  assert.throws(() => processCgroup(text, "4:memory:/shims/a\n0::/shims/a\n", layout), {
    kind: "FailedPrecondition",
    message: /^find a process's cgroup: ".*": not a cgroup of its own$/,
  });
});

Deno.test("Cgroups.ofProcess() says that there is no such process", () => {
  assert.throws(() => new Cgroups(V2).ofProcess(2 ** 22 + 1), {
    kind: "NotFound",
    message: "find the cgroup of process 4194305: no such process",
  });
});
