import assert from "node:assert/strict";
import type { Op } from "../linux/plan.ts";
import { MS } from "./mount_options.ts";
import { type CgroupMembership, mountOps } from "./mounts.ts";
import { parseSpec } from "./parse.ts";

type Json = Record<string, unknown>;

interface Change {
  mounts?: Json[];
  linux?: Json;
  cgroup?: CgroupMembership;
  selinux?: boolean;
}

const V2: CgroupMembership = {
  version: 2,
  folders: [{ controllers: [], path: "/sys/fs/cgroup/c" }],
  entryFiles: [],
};

function plan({ mounts = [], linux = {}, cgroup = V2, selinux = false }: Change) {
  const spec = parseSpec(JSON.stringify({
    ociVersion: "1.2.0",
    process: { args: ["/a.wasm"], cwd: "/" },
    root: { path: "rootfs" },
    mounts,
    linux,
  }));
  return mountOps({ spec, bundle: "/bundle", cgroup, selinux });
}

const mount = (more: Partial<Extract<Op, { op: "mount" }>>): Op => ({
  op: "mount",
  source: "",
  target: "",
  type: "",
  flags: 0,
  propagation: 0,
  data: "",
  ...more,
});

/** The operations of one mount, without those of /dev, which come first and last. */
function only(entry: Json, change: Change = {}): Op[] {
  const ops = plan({ ...change, mounts: [entry] }).mounts;
  return ops.slice(1, ops.findIndex(({ op }) => op === "mknod"));
}

Deno.test("mountOps() makes a /dev of the container's own", () => {
  const { mounts, seal } = plan({});
  assert.deepEqual(
    mounts[0],
    mount({
      source: "tmpfs",
      target: "/dev",
      type: "tmpfs",
      flags: MS.NOSUID | MS.STRICTATIME,
      data: "mode=755,size=65536k",
    }),
  );
  const made = mounts.slice(1).map((op) => "path" in op ? `${op.op} ${op.path}` : op.op);
  assert.deepEqual(made, [
    ...["null", "zero", "full", "random", "urandom", "tty"].map((name) => `mknod /dev/${name}`),
    ...["fd", "stdin", "stdout", "stderr", "core", "ptmx"].map((name) => `symlink /dev/${name}`),
  ]);
  assert.deepEqual(seal, []);
});

Deno.test("mountOps() fills no /dev that is bound", () => {
  const { mounts } = plan({
    mounts: [{ destination: "/dev", source: "/dev", options: ["rbind"] }],
  });
  assert.deepEqual(mounts.map(({ op }) => op), ["mount"]);
});

Deno.test("mountOps() adds devices, and lets them replace the default ones", () => {
  const device = { type: "c", major: 1, minor: 3, fileMode: 0o600 };
  const { mounts } = plan({
    linux: {
      devices: [
        { ...device, path: "/dev/null" },
        { ...device, path: "/dev/ptmx" },
        { ...device, path: "/dev/dri/card0", type: "b", uid: 1, gid: 2 },
      ],
    },
  });
  const nodes = mounts.filter(({ op }) => op === "mknod" || op === "mkdir");
  const numbers = { major: 1, minor: 3 };
  assert.deepEqual(nodes.slice(5), [
    { op: "mknod", path: "/dev/null", mode: 0o20600, ...numbers, uid: 0, gid: 0 },
    { op: "mkdir", path: "/dev/dri", mode: 0o755 },
    { op: "mknod", path: "/dev/dri/card0", mode: 0o60600, ...numbers, uid: 1, gid: 2 },
  ]);
});

Deno.test("mountOps() binds without devices", () => {
  const entry = { destination: "/data/", source: "/srv/../srv/data", type: "bind" };
  assert.deepEqual(only({ ...entry, options: ["rbind", "ro", "rslave"] }), [
    mount({
      source: "/srv/data",
      target: "/data",
      flags: MS.BIND | MS.REC | MS.RDONLY | MS.NODEV,
      propagation: MS.SLAVE | MS.REC,
    }),
  ]);
});

Deno.test("mountOps() takes relative sources from the bundle", () => {
  assert.deepEqual(only({ destination: "data", source: "data", options: ["bind"] }), [
    mount({ source: "/bundle/data", target: "/data", flags: MS.BIND | MS.NODEV }),
  ]);
});

const flagsOf = (ops: Op[]) => ops.map((op) => op.op === "mount" ? op.flags : op.op);

Deno.test.each(
  [
    ["no rules", [], true],
    ["all denied", [{ allow: false, access: "rwm" }], true],
    ["all allowed", [{ allow: true, access: "rwm" }], false],
    ["all allowed, one denied", [
      { allow: true, access: "rwm" },
      { allow: false, type: "c", major: 1, minor: 1 },
    ], true],
    ["all allowed to read", [{ allow: true, access: "r" }], true],
    ["one allowed", [{ allow: false }, { allow: true, type: "c", major: 1, minor: 1 }], true],
  ] as const,
)("mountOps() binds in /dev by the device rules: %s", (_, devices, nodev) => {
  const linux = { resources: { devices } };
  const entry = { destination: "/dev/kvm", source: "/dev/kvm", options: ["bind"] };
  assert.deepEqual(flagsOf(only(entry, { linux })), [MS.BIND | (nodev ? MS.NODEV : 0)]);
  // Elsewhere no rule helps.
  assert.deepEqual(flagsOf(only({ ...entry, destination: "/kvm" }, { linux })), [
    MS.BIND | MS.NODEV,
  ]);
});

Deno.test.each([
  ["proc", "/proc", MS.RDONLY],
  ["sysfs", "/sys", 0],
  ["mqueue", "/dev/mqueue", 0],
  ["tmpfs", "/run", 0],
])("mountOps() mounts %s without devices, and procfs read-only", (type, destination, more) => {
  assert.deepEqual(only({ destination, type, options: ["nosuid"] }), [
    mount({ source: type, target: destination, type, flags: MS.NOSUID | MS.NODEV | more }),
  ]);
});

Deno.test("mountOps() mounts devpts with its devices", () => {
  const entry = { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["gid=5"] };
  assert.deepEqual(only(entry), [
    mount({ source: "devpts", target: "/dev/pts", type: "devpts", data: "gid=5" }),
  ]);
});

Deno.test("mountOps() makes a tmpfs read-only once all is mounted in it", () => {
  const { mounts, seal } = plan({
    mounts: [
      { destination: "/cache", type: "tmpfs", source: "tmpfs", options: ["ro"] },
      { destination: "/cache/data", source: "/srv", options: ["bind", "ro"] },
    ],
  });
  assert.deepEqual(flagsOf(mounts.slice(1, 3)), [MS.NODEV, MS.BIND | MS.RDONLY | MS.NODEV]);
  assert.deepEqual(seal, [{ op: "remount", target: "/cache", flags: MS.RDONLY }]);
});

Deno.test("mountOps() labels file systems where there is SELinux", () => {
  const linux = { mountLabel: "system_u:object_r:container_file_t:s0:c1,c2" };
  const label = `context="${linux.mountLabel}"`;
  const data = (entry: Json, selinux: boolean) =>
    only(entry, { linux, selinux }).map((op) => op.op === "mount" && op.data);
  const tmpfs = { destination: "/run", type: "tmpfs", options: ["mode=755"] };
  assert.deepEqual(data(tmpfs, true), [`mode=755,${label}`]);
  assert.deepEqual(data(tmpfs, false), ["mode=755"]);
  assert.deepEqual(data({ destination: "/proc", type: "proc" }, true), [""]);
});

const CGROUP = { destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro", "rprivate"] };
const SAFE = MS.NOSUID | MS.NODEV | MS.NOEXEC;

Deno.test("mountOps() mounts cgroup v2 for its own namespace", () => {
  const linux = { namespaces: [{ type: "cgroup" }] };
  const propagation = MS.PRIVATE | MS.REC;
  const expected = mount({
    source: "cgroup",
    type: "cgroup2",
    flags: SAFE | MS.RDONLY,
    propagation,
  });
  assert.deepEqual(only(CGROUP, { linux }), [{ ...expected, target: "/sys/fs/cgroup" }]);
});

Deno.test("mountOps() shows no more of cgroup v2 than the container's own without a namespace", () => {
  assert.deepEqual(only({ ...CGROUP, type: "cgroup2", options: [] }), [
    mount({ source: "/sys/fs/cgroup/c", target: "/sys/fs/cgroup", flags: MS.BIND | SAFE }),
  ]);
});

Deno.test("mountOps() binds each hierarchy of cgroup v1", () => {
  const cgroup: CgroupMembership = {
    version: 1,
    folders: [
      { controllers: ["cpu", "cpuacct"], path: "/h/cpu,cpuacct/c" },
      { controllers: ["name=systemd"], path: "/h/systemd/c" },
    ],
    entryFiles: [],
  };
  const bind = (source: string, target: string) =>
    mount({ source, target, flags: MS.BIND | SAFE | MS.RDONLY });
  const target = "/sys/fs/cgroup";
  assert.deepEqual(only({ ...CGROUP, options: ["ro"] }, { cgroup }), [
    mount({ source: "tmpfs", target, type: "tmpfs", flags: SAFE, data: "mode=755" }),
    bind("/h/cpu,cpuacct/c", `${target}/cpu,cpuacct`),
    { op: "symlink", path: `${target}/cpu`, target: "cpu,cpuacct" },
    { op: "symlink", path: `${target}/cpuacct`, target: "cpu,cpuacct" },
    bind("/h/systemd/c", `${target}/systemd`),
    { op: "remount", target, flags: MS.RDONLY },
  ]);
});

Deno.test.each([
  [{ destination: "/proc", type: "tmpfs" }],
  [{ destination: "/proc", source: "/srv", options: ["bind"] }],
  [{ destination: "/proc/self/attr", type: "tmpfs" }],
  [{ destination: "/proc/sys", source: "/srv", options: ["bind"] }],
  [{ destination: "/a/../proc/self", source: "/srv", options: ["bind"] }],
])("mountOps() leaves /proc true: %j", (entry) => {
  assert.throws(() => plan({ mounts: [entry] }), {
    kind: "InvalidArgument",
    message: /^mounts\[0\]\.destination: ".*": cannot be mounted over$/,
  });
});

Deno.test("mountOps() lets single files of /proc be bound", () => {
  const entry = { destination: "/proc/cpuinfo", source: "/lxcfs/cpuinfo", options: ["bind"] };
  assert.deepEqual(flagsOf(only(entry)), [MS.BIND | MS.NODEV]);
});

Deno.test.each([
  [{ destination: "/a", type: "nfs" }, "Unimplemented", 'mounts[0].type: "nfs": not supported'],
  [
    { destination: "/a", type: "tmpfs", options: ["tmpcopyup"] },
    "Unimplemented",
    'mounts[0].options: "tmpcopyup": not supported',
  ],
  [
    { destination: "/a", type: "tmpfs", options: ["remount"] },
    "Unimplemented",
    'mounts[0].options: "remount": not supported',
  ],
  [{ destination: "/a", type: "bind" }, "InvalidArgument", 'mounts[0].source: "": empty'],
])("mountOps() rejects %j", (entry, kind, message) => {
  assert.throws(() => plan({ mounts: [entry] }), { kind, message });
});
