import assert from "node:assert/strict";
import type { Op, SandboxPlan } from "../linux/plan.ts";
import { parseSpec } from "./parse.ts";
import { type PlanInput, sandboxPlan } from "./plan.ts";

const testdata = new URL("testdata/", import.meta.url);

const read = (name: string) => Deno.readTextFileSync(new URL(name, testdata));

const V1: PlanInput["cgroup"] = {
  version: 1,
  folders: [
    { controllers: ["cpu", "cpuacct"], path: "/sys/fs/cgroup/cpu,cpuacct/c" },
    { controllers: ["memory"], path: "/sys/fs/cgroup/memory/c" },
    { controllers: ["name=systemd"], path: "/sys/fs/cgroup/systemd/c" },
  ],
  entryFiles: ["/sys/fs/cgroup/cpu,cpuacct/c/tasks", "/sys/fs/cgroup/memory/c/tasks"],
};

const V2: PlanInput["cgroup"] = {
  version: 2,
  folders: [{ controllers: [], path: "/sys/fs/cgroup/c" }],
  entryFiles: ["/sys/fs/cgroup/c/cgroup.procs"],
};

type Json = Record<string, unknown>;

/** The plan of a document of testdata, or of the least there is, with members of these sections replaced. */
function planOf(
  change: { root?: Json; process?: Json; linux?: Json; top?: Json } = {},
  input: Partial<PlanInput> = {},
  document = '{"ociVersion":"1.2.0","process":{"args":["/a.wasm"],"cwd":"/"},"root":{"path":"r"}}',
): SandboxPlan {
  const json = JSON.parse(document);
  Object.assign(json, change.top);
  for (const section of ["root", "process", "linux"] as const) {
    json[section] = { ...json[section], ...change[section] };
  }
  return sandboxPlan({
    spec: parseSpec(JSON.stringify(json)),
    bundle: "/bundle",
    rootfs: "/bundle/rootfs",
    stdio: [],
    cgroup: V2,
    seccomp: [],
    host: { apparmor: undefined, selinux: false },
    ...input,
  });
}

/** One operation a line: `init {"op":"pivot"}`. */
function lines(plan: SandboxPlan): string[] {
  const text = (op: Op) =>
    JSON.stringify(op, (_, value) => {
      if (typeof value === "bigint") return `0x${value.toString(16)}`;
      return value instanceof Uint8Array ? [...value] : value;
    });
  return [
    ...plan.monitor.map((op) => `monitor ${text(op)}`),
    ...plan.init.map((op) => `init ${text(op)}`),
  ];
}

const SECCOMP = [{ flags: 0, filter: new Uint8Array([6, 0, 0, 0, 0, 0, 255, 127]) }];
const STDIO: Op[] = [{ op: "open", path: "/dev/null", flags: 0, mode: 0o644, fd: 0 }];
const APPARMOR = { apparmor: "apparmor/current", selinux: false };

Deno.test.each([
  ["ctr", { cgroup: V1, stdio: STDIO, seccomp: SECCOMP }],
  ["cri", { cgroup: V2, host: APPARMOR, seccomp: [...SECCOMP, ...SECCOMP] }],
  ["cri_v1", { cgroup: V1 }],
] as [string, Partial<PlanInput>][])("sandboxPlan() makes the whole plan: %s", (name, input) => {
  const plan = planOf({}, input, read(`${name.replace("_v1", "")}.json`));
  assert.deepEqual(lines(plan), read(`${name}.plan`).trimEnd().split("\n"));
});

const NULL_STREAMS = [0, 1, 2].map((fd) => ({
  op: "open",
  path: "/dev/null",
  flags: 2,
  mode: 0,
  fd,
}));

Deno.test("sandboxPlan() gives the process a terminal of its own devpts, and nothing of the shim's before", () => {
  const process = {
    terminal: true,
    consoleSize: { width: 80, height: 24 },
    user: { uid: 7, gid: 8 },
  };
  const { init } = planOf({ process }, { stdio: STDIO });
  assert.deepEqual(init.slice(0, 3), NULL_STREAMS);
  const at = init.findIndex(({ op }) => op === "terminal");
  assert.deepEqual(init[at], { op: "terminal", width: 80, height: 24, uid: 7, console: true });
  assert.deepEqual(init[at + 1], { op: "pivot" });
  assert.ok(init.findLastIndex(({ op }) => op === "mount") < at);
});

Deno.test("sandboxPlan() listens last of all that the guest may do itself, before seccomp", () => {
  const annotations = { "io.denowasi.listen": "tcp://0.0.0.0:8080,tcp://[::1]:80" };
  const { init } = planOf({ top: { annotations } }, { seccomp: SECCOMP });
  assert.deepEqual(init.slice(-4), [
    { op: "noNewPrivileges" },
    { op: "listen", address: "0.0.0.0", port: 8080, fd: 64 },
    { op: "listen", address: "::1", port: 80, fd: 65 },
    { op: "seccomp", ...SECCOMP[0] },
  ]);
});

Deno.test("sandboxPlan() leaves /dev/console alone in a /dev of the host", () => {
  const mounts = [{ destination: "/dev", type: "bind", source: "/dev", options: ["rbind"] }];
  const plan = planOf({ process: { terminal: true }, top: { mounts } });
  assert.deepEqual(select(plan, "terminal"), [
    { op: "terminal", width: 0, height: 0, uid: 0, console: false },
  ]);
});

Deno.test("sandboxPlan() makes no terminal for a consoleSize alone", () => {
  const consoleSize = { width: 80, height: 24 };
  assert.deepEqual(select(planOf({ process: { consoleSize } }), "terminal"), []);
});

/** Those operations of init that have these names. */
const select = (plan: SandboxPlan, ...names: Op["op"][]) =>
  plan.init.filter(({ op }) => names.includes(op));

const namespaces = (...list: (string | [string, string])[]) => ({
  linux: {
    namespaces: list.map((item) =>
      typeof item === "string" ? { type: item } : { type: item[0], path: item[1] }
    ),
  },
});

Deno.test("sandboxPlan() makes a mount namespace even when none is asked for", () => {
  const plan = planOf();
  assert.deepEqual(plan.monitor, []);
  assert.deepEqual(select(plan, "join", "unshare"), [{ op: "unshare", kinds: ["mount"] }]);
});

Deno.test("sandboxPlan() leaves the pid namespace to the monitor", () => {
  assert.deepEqual(planOf(namespaces("pid")).monitor, [{ op: "unshare", kinds: ["pid"] }]);
  const shared = planOf(namespaces(["pid", "/proc/9/ns/pid"]));
  assert.deepEqual(shared.monitor, [{ op: "join", kind: "pid", path: "/proc/9/ns/pid" }]);
  assert.deepEqual(select(shared, "join"), []);
});

Deno.test("sandboxPlan() enters the cgroup before its namespace is made", () => {
  const ops = planOf(namespaces("cgroup")).init.map(({ op }) => op);
  assert.ok(ops.indexOf("write") < ops.indexOf("unshare"));
});

Deno.test.each(
  [
    ["", 1 << 19],
    ["slave", 1 << 19],
    ["rslave", 1 << 19],
    ["shared", 1 << 19],
    ["rshared", 1 << 19],
    ["private", 1 << 18],
    ["rprivate", 1 << 18],
  ] as const,
)("sandboxPlan() keeps mounts from the host with rootfsPropagation %s", (value, flag) => {
  assert.deepEqual(select(planOf({ linux: { rootfsPropagation: value } }), "propagation"), [
    { op: "propagation", path: "/", flags: flag | 1 << 14 },
  ]);
});

Deno.test("sandboxPlan() rejects a root that cannot be bound", () => {
  assert.throws(() => planOf({ linux: { rootfsPropagation: "unbindable" } }), {
    kind: "InvalidArgument",
    message: 'linux.rootfsPropagation: "unbindable": not a propagation of a root',
  });
});

Deno.test("sandboxPlan() makes a read-only root so after everything is mounted", () => {
  const ops = planOf({ root: { readonly: true }, linux: { maskedPaths: ["/proc/keys"] } }).init;
  const at = ops.findIndex(({ op }) => op === "remount");
  assert.deepEqual(ops[at], { op: "remount", target: "/", flags: 1 });
  assert.ok(ops.slice(at).every(({ op }) => op !== "mask" && op !== "mount"));
  assert.deepEqual(select(planOf({ root: { readonly: false } }), "remount"), []);
});

const CAPABILITIES = {
  bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
  effective: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
  permitted: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
};
const ALL = 1n | 1n << 5n | 1n << 10n;

Deno.test("sandboxPlan() gives root the capabilities it asks for", () => {
  const plan = planOf({ process: { capabilities: CAPABILITIES } });
  assert.deepEqual(select(plan, "bounding", "user", "capabilities"), [
    { op: "bounding", mask: ALL },
    { op: "user", uid: 0, gid: 0, groups: [] },
    { op: "capabilities", effective: ALL, permitted: ALL, inheritable: 0n, ambient: 0n },
  ]);
});

Deno.test("sandboxPlan() gives other users the ambient capabilities only, as an exec would", () => {
  const bind = ["CAP_NET_BIND_SERVICE"];
  const capabilities = { ...CAPABILITIES, inheritable: bind, ambient: bind };
  const user = { uid: 7, gid: 8, additionalGids: [9] };
  const plan = planOf({ process: { capabilities, user } });
  const one = 1n << 10n;
  assert.deepEqual(select(plan, "bounding", "user", "capabilities"), [
    { op: "bounding", mask: ALL },
    { op: "user", uid: 7, gid: 8, groups: [9] },
    { op: "capabilities", effective: one, permitted: one, inheritable: one, ambient: one },
  ]);
});

Deno.test("sandboxPlan() without capabilities leaves none", () => {
  const none = { effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n };
  assert.deepEqual(select(planOf(), "bounding", "capabilities"), [
    { op: "bounding", mask: 0n },
    { op: "capabilities", ...none },
  ]);
});

Deno.test("sandboxPlan() sets no_new_privs whatever is asked for", () => {
  const plan = planOf({ process: { noNewPrivileges: false } }, { seccomp: SECCOMP });
  assert.deepEqual(plan.init.slice(-2), [
    { op: "noNewPrivileges" },
    { op: "seccomp", ...SECCOMP[0] },
  ]);
});

Deno.test("sandboxPlan() sets what the process asks for", () => {
  const plan = planOf({
    process: {
      cwd: "/srv//app/.",
      user: { uid: 0, gid: 0, umask: 0o77 },
      oomScoreAdj: -5,
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 1024, hard: 4096 }],
    },
  });
  assert.deepEqual(select(plan, "chdir", "umask", "rlimit", "mkdir"), [
    { op: "mkdir", path: "/srv/app", mode: 0o755 },
    { op: "rlimit", resource: 7, soft: 1024n, hard: 4096n },
    { op: "chdir", path: "/srv/app" },
    { op: "umask", mask: 0o77 },
  ]);
  assert.deepEqual(select(plan, "write").at(-1), {
    op: "write",
    path: "/proc/self/oom_score_adj",
    data: "-5",
    optional: false,
  });
});

Deno.test("sandboxPlan() sets names in a uts namespace only", () => {
  const top = { hostname: "web", domainname: "example.org" };
  assert.deepEqual(select(planOf({ top, ...namespaces("uts") }), "hostname", "domainname"), [
    { op: "hostname", name: "web" },
    { op: "domainname", name: "example.org" },
  ]);
  assert.throws(() => planOf({ top }), {
    kind: "InvalidArgument",
    message: 'hostname: "web": needs a uts namespace, or it would be the host\'s',
  });
  assert.throws(() => planOf({ top: { domainname: "x" } }), { kind: "InvalidArgument" });
});

const labels = (process: Json, host: Partial<PlanInput["host"]>) => {
  const plan = planOf({ process }, { host: { apparmor: undefined, selinux: false, ...host } });
  const after = plan.init.findIndex(({ op }) => op === "pivot");
  return plan.init.slice(after).flatMap((op) => op.op === "label" ? [[op.attribute, op.data]] : []);
};

Deno.test("sandboxPlan() changes the AppArmor profile where there is AppArmor", () => {
  const profile = { apparmorProfile: "docker-default" };
  const apparmor = "apparmor/current";
  assert.deepEqual(labels(profile, { apparmor }), [[apparmor, "changeprofile docker-default"]]);
  assert.deepEqual(labels(profile, {}), []);
  assert.deepEqual(labels({ apparmorProfile: "unconfined" }, { apparmor }), []);
});

Deno.test("sandboxPlan() changes the SELinux label where there is SELinux", () => {
  const process = { selinuxLabel: "system_u:system_r:container_t:s0:c1,c2" };
  assert.deepEqual(labels(process, { selinux: true }), [
    ["current", process.selinuxLabel],
  ]);
  assert.deepEqual(labels(process, {}), []);
});

Deno.test("sandboxPlan() writes kernel parameters of its own namespaces", () => {
  const own = namespaces("network", "ipc").linux.namespaces;
  const sysctl = {
    "net.ipv4.ip_forward": "1",
    "net/ipv4/conf/eth0.1/forwarding": "1",
    "fs.mqueue.msg_max": "5",
  };
  assert.deepEqual(
    select(planOf({ linux: { namespaces: own, sysctl } }), "sysctl"),
    Object.entries(sysctl).map(([name, data]) => ({ op: "sysctl", name, data })),
  );
});

Deno.test.each([
  ["kernel.core_pattern"],
  ["vm.swappiness"],
  ["kernel.domainname"],
  ["net/../kernel/core_pattern"],
  ["net..ipv4"],
  ["net.ipv4/x\0"],
  [""],
])("sandboxPlan() rejects the kernel parameter %s", (name) => {
  const own = namespaces("network", "ipc").linux.namespaces;
  assert.throws(() => planOf({ linux: { namespaces: own, sysctl: { [name]: "1" } } }), {
    kind: "InvalidArgument",
    message: /^linux\.sysctl\./,
  });
});

Deno.test("sandboxPlan() rejects the network's parameters on the host's network", () => {
  assert.throws(() => planOf({ linux: { sysctl: { "net.core.somaxconn": "1" } } }), {
    message: 'linux.sysctl.net.core.somaxconn: "1": belongs to no namespace of the container',
  });
});
