import assert from "node:assert/strict";
import { parseProcessText, parseSpec } from "./parse.ts";

type Json = Record<string, unknown>;

const LEAST = {
  ociVersion: "1.2.0",
  process: { args: ["/a.wasm"], cwd: "/" },
  root: { path: "rootfs" },
};

/** The least document with `value` at the dotted `path`. */
function specWith(path: string, value: unknown) {
  const document: Json = structuredClone(LEAST);
  const keys = path.split(".");
  const last = keys.pop()!;
  let at = document;
  for (const key of keys) at = (at[key] ??= {}) as Json;
  at[last] = value;
  return () => parseSpec(JSON.stringify(document));
}

Deno.test("parseSpec() fills in the defaults", () => {
  const spec = parseSpec(JSON.stringify(LEAST));
  assert.deepEqual(spec.process.user, { uid: 0, gid: 0, umask: undefined, additionalGids: [] });
  assert.deepEqual(spec.mounts, []);
  assert.equal(spec.linux.seccomp, undefined);
  assert.equal(spec.linux.resources.memory.limit, undefined);
  assert.equal(spec.root.readonly, false);
});

Deno.test("parseSpec() keeps integers of 64 bits exact", () => {
  const text = JSON.stringify(LEAST).replace(
    '"cwd"',
    '"rlimits":[{"type":"RLIMIT_CORE","soft":9007199254740993,"hard":18446744073709551615}],"cwd"',
  );
  assert.deepEqual(parseSpec(text).process.rlimits, [
    { resource: 4, soft: 9007199254740993n, hard: 2n ** 64n - 1n },
  ]);
});

Deno.test("parseSpec() reads capabilities as sets of bits", () => {
  const spec = specWith("process.capabilities", {
    bounding: ["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"],
  })();
  assert.equal(spec.process.capabilities.bounding, 1n | 1n << 21n | 1n << 40n);
  assert.equal(spec.process.capabilities.effective, 0n);
});

Deno.test("parseSpec() reads devices", () => {
  const spec = specWith("linux.devices", [
    { path: "/dev/../dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o20640, uid: 5 },
    { path: "/dev/pipe", type: "p" },
  ])();
  const fuse = { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o640 };
  assert.deepEqual(spec.linux.devices, [
    { ...fuse, uid: 5, gid: 0 },
    { path: "/dev/pipe", type: "p", major: 0, minor: 0, fileMode: 0o666, uid: 0, gid: 0 },
  ]);
});

Deno.test("parseSpec() reads a seccomp profile", () => {
  const spec = specWith("linux.seccomp", {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 38,
    architectures: ["SCMP_ARCH_X86_64"],
    flags: ["SECCOMP_FILTER_FLAG_LOG"],
    syscalls: [{
      names: ["personality"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: 8, op: "SCMP_CMP_EQ" }],
    }],
  })();
  assert.deepEqual(spec.linux.seccomp, {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 38,
    architectures: ["SCMP_ARCH_X86_64"],
    flags: ["SECCOMP_FILTER_FLAG_LOG"],
    syscalls: [{
      names: ["personality"],
      action: "SCMP_ACT_ALLOW",
      errnoRet: undefined,
      args: [{ index: 0, value: 8n, valueTwo: 0n, op: "SCMP_CMP_EQ" }],
    }],
  });
});

Deno.test("parseSpec() reads the size of the terminal", () => {
  const size = (value: unknown) => specWith("process.consoleSize", value)().process.consoleSize;
  assert.deepEqual(size({ height: 24, width: 65535 }), { width: 65535, height: 24 });
  assert.deepEqual(size({ width: 1 }), { width: 1, height: 0 });
  assert.deepEqual(size(undefined), { width: 0, height: 0 });
});

Deno.test("parseProcessText() reads a process as config.json's", () => {
  const document = {
    args: ["/a.wasm", "x"],
    cwd: "/srv",
    env: ["A=1"],
    terminal: true,
    user: { uid: 7, gid: 8 },
    rlimits: [{ type: "RLIMIT_CORE", soft: 1, hard: 1 }],
  };
  const whole = JSON.stringify({ ...LEAST, process: document });
  assert.deepEqual(parseProcessText(JSON.stringify(document)), parseSpec(whole).process);
});

Deno.test.each([
  ["{", "InvalidArgument", /^parse exec spec: /],
  ["null", "InvalidArgument", /^parse exec spec: not an object$/],
  ["{}", "InvalidArgument", /^process\.args: absent: empty$/],
  ['{"args":["a"]}', "InvalidArgument", /^process\.cwd: absent: not a string$/],
  ['{"args":[1],"cwd":"/"}', "InvalidArgument", /^process\.args\[0\]: 1: not a string$/],
  ['{"args":["a"],"cwd":"/","hooks":1}', "Unimplemented", /^process\.hooks: 1: not supported$/],
])("parseProcessText() rejects %s", (text, kind, message) => {
  assert.throws(() => parseProcessText(text), { kind, message });
});

Deno.test("parseSpec() names what is not JSON", () => {
  assert.throws(() => parseSpec("{"), {
    kind: "InvalidArgument",
    message: /^parse config\.json: /,
  });
  assert.throws(() => parseSpec("[]"), { message: "parse config.json: not an object" });
});

Deno.test.each([
  ["ociVersion", "2.0.0", 'ociVersion: "2.0.0": not a version 1'],
  ["process.args", [], "process.args: []: empty"],
  ["process.args", [1], "process.args[0]: 1: not a string"],
  ["process.args", ["a\0b"], 'process.args[0]: "a\\u0000b": holds a NUL'],
  ["process.env", ["NAME"], 'process.env[0]: "NAME": not of the form NAME=value'],
  ["process.cwd", "srv", 'process.cwd: "srv": not an absolute path'],
  ["process.cwd", undefined, "process.cwd: absent: not a string"],
  ["process.terminal", "yes", 'process.terminal: "yes": not a boolean'],
  ["process.consoleSize.width", -1, "process.consoleSize.width: -1: must be at least 0"],
  [
    "process.consoleSize.height",
    65536,
    "process.consoleSize.height: 65536: must be at most 65535",
  ],
  ["process.user.uid", -1, "process.user.uid: -1: must be at least 0"],
  ["process.user.uid", 4294967295, "process.user.uid: 4294967295: must be at most 4294967294"],
  ["process.user.uid", 1.5, "process.user.uid: 1.5: not an integer"],
  ["process.user.additionalGids", [-1], "process.user.additionalGids[0]: -1: must be at least 0"],
  ["process.user.umask", 512, "process.user.umask: 512: must be at most 511"],
  ["process.oomScoreAdj", 1001, "process.oomScoreAdj: 1001: must be at most 1000"],
  [
    "process.capabilities.bounding",
    ["CAP_FLY"],
    'process.capabilities.bounding[0]: "CAP_FLY": not a capability',
  ],
  [
    "process.rlimits",
    [{ type: "RLIMIT_FUN", soft: 1, hard: 1 }],
    'process.rlimits[0].type: "RLIMIT_FUN": not a resource limit',
  ],
  [
    "process.rlimits",
    [{ type: "RLIMIT_CPU", soft: 2, hard: 1 }],
    "process.rlimits[0].soft: 2: above the hard limit 1",
  ],
  [
    "process.rlimits",
    [{ type: "RLIMIT_CPU", soft: 1, hard: 1 }, { type: "RLIMIT_CPU", soft: 1, hard: 1 }],
    'process.rlimits[1].type: "RLIMIT_CPU": named twice',
  ],
  ["root.path", 5, "root.path: 5: not a string"],
  ["mounts", [{ type: "tmpfs" }], "mounts[0].destination: absent: not a string"],
  ["mounts", {}, "mounts: {}: not an array"],
  ["annotations.a", 1, "annotations.a: 1: not a string"],
  [
    "linux.namespaces",
    [{ type: "net" }],
    'linux.namespaces[0].type: "net": not one of cgroup, ipc, mount, network, pid, time, user, uts',
  ],
  [
    "linux.namespaces",
    [{ type: "pid" }, { type: "pid" }],
    'linux.namespaces[1].type: "pid": named twice',
  ],
  [
    "linux.namespaces",
    [{ type: "ipc", path: "proc/1/ns/ipc" }],
    'linux.namespaces[0].path: "proc/1/ns/ipc": not an absolute path',
  ],
  [
    "linux.devices",
    [{ path: "/dev/x", type: "d", major: 1, minor: 1 }],
    'linux.devices[0].type: "d": not one of c, b, u, p',
  ],
  [
    "linux.devices",
    [{ path: "/dev/x", type: "c", minor: 1 }],
    "linux.devices[0].major: absent: not an integer",
  ],
  ["linux.maskedPaths", ["proc"], 'linux.maskedPaths[0]: "proc": not an absolute path'],
  [
    "linux.resources.memory.limit",
    -2,
    "linux.resources.memory.limit: -2: must be at least -1",
  ],
  ["linux.resources.pids.limit", "1", 'linux.resources.pids.limit: "1": not an integer'],
  [
    "linux.resources.unified",
    { "cgroup.procs": "1" },
    'linux.resources.unified.cgroup.procs: "1": not a file of a cgroup',
  ],
  [
    "linux.resources.unified",
    { "../x.y": "1" },
    'linux.resources.unified.../x.y: "1": not a file of a cgroup',
  ],
  [
    "linux.resources.hugepageLimits",
    [{ pageSize: "2 MB", limit: 1 }],
    'linux.resources.hugepageLimits[0].pageSize: "2 MB": not a page size such as 2MB',
  ],
  [
    "linux.resources.cpu.cpus",
    "a",
    'linux.resources.cpu.cpus: "a": not a list such as 0-3,7',
  ],
  [
    "linux.seccomp",
    { defaultAction: "SCMP_ACT_MAYBE" },
    /^linux\.seccomp\.defaultAction: "SCMP_ACT_MAYBE": not one of SCMP_ACT_KILL, /,
  ],
  [
    "linux.seccomp",
    { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: [], action: "SCMP_ACT_LOG" }] },
    "linux.seccomp.syscalls[0].names: []: empty",
  ],
])("parseSpec() rejects a wrong %s", (path, value, message) => {
  assert.throws(specWith(path, value), { kind: "InvalidArgument", message });
});

Deno.test("parseSpec() rejects a memory limit of more than 64 bits", () => {
  const text = JSON.stringify(LEAST).replace(
    "{",
    '{"linux":{"resources":{"memory":{"limit":9223372036854775808}}},',
  );
  assert.throws(() => parseSpec(text), {
    kind: "InvalidArgument",
    message:
      "linux.resources.memory.limit: 9223372036854775808: must be at most 9223372036854775807",
  });
});

Deno.test.each([
  ["hooks", { poststart: [{ path: "/x" }] }, "hooks"],
  ["vm", { kernel: { path: "/x" } }, "vm"],
  ["process.scheduler", { policy: "SCHED_FIFO" }, "process.scheduler"],
  ["process.ioPriority", { class: "IOPRIO_CLASS_IDLE" }, "process.ioPriority"],
  ["mounts", [{ destination: "/a", uidMappings: [{}] }], "mounts[0].uidMappings"],
  ["linux.namespaces", [{ type: "user" }], "linux.namespaces[0].type"],
  ["linux.namespaces", [{ type: "time" }], "linux.namespaces[0].type"],
  ["linux.namespaces", [{ type: "mount", path: "/x" }], "linux.namespaces[0].path"],
  ["linux.uidMappings", [{ containerID: 0 }], "linux.uidMappings"],
  ["linux.gidMappings", [{ containerID: 0 }], "linux.gidMappings"],
  ["linux.timeOffsets", { monotonic: { secs: 1 } }, "linux.timeOffsets"],
  ["linux.intelRdt", { closID: "x" }, "linux.intelRdt"],
  ["linux.personality", { domain: "LINUX32" }, "linux.personality.domain"],
  ["linux.seccomp", { defaultAction: "SCMP_ACT_NOTIFY" }, "linux.seccomp.defaultAction"],
  [
    "linux.seccomp",
    { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/x" },
    "linux.seccomp.listenerPath",
  ],
  ["linux.devices", [{ path: "/a", type: "c", major: 1, minor: 3 }], "linux.devices[0].path"],
  ["linux.resources.memory.newKind", 1, "linux.resources.memory.newKind"],
])("parseSpec() refuses what is not honoured: %s %j", (path, value, field) => {
  assert.throws(specWith(path, value), (error: { kind: string; message: string }) => {
    assert.equal(error.kind, "Unimplemented");
    assert.ok(error.message.startsWith(`${field}: `), error.message);
    return true;
  });
});

Deno.test.each([
  ["hooks", {}],
  ["windows", null],
  ["linux.intelRdt", null],
  ["linux.uidMappings", []],
  ["linux.personality", { domain: "LINUX" }],
  ["process.scheduler", {}],
  ["linux.namespaces", [{ type: "mount", path: "" }]],
])("parseSpec() takes what asks for nothing: %s %j", (path, value) => {
  assert.equal(specWith(path, value)().root.path, "rootfs");
});
