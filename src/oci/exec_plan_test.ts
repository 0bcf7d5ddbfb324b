import assert from "node:assert/strict";
import type { Op } from "../linux/plan.ts";
import { type ExecInput, execPlan } from "./exec_plan.ts";
import { parseProcessText } from "./parse.ts";

const INIT = { pid: 42, startTime: "123456" };
const STDIO: Op[] = [{ op: "open", path: "/run/io/in", flags: 0, mode: 0o644, fd: 0 }];
const SECCOMP = [{ flags: 0, filter: new Uint8Array([6, 0, 0, 0, 0, 0, 255, 127]) }];
const CGROUP = {
  version: 2,
  folders: [{ controllers: [], path: "/sys/fs/cgroup/c" }],
  entryFiles: ["/sys/fs/cgroup/c/cgroup.procs"],
} as const;

/** The plan of a process with these members, and the rest of the input. */
function planOf(process: Record<string, unknown> = {}, input: Partial<ExecInput> = {}) {
  return execPlan({
    process: parseProcessText(JSON.stringify({ args: ["/a.wasm"], cwd: "/", ...process })),
    init: INIT,
    stdio: STDIO,
    cgroup: CGROUP,
    seccomp: SECCOMP,
    host: { apparmor: undefined, selinux: false },
    ...input,
  });
}

Deno.test("execPlan() makes the whole plan", () => {
  const CAP_KILL = 1n << 5n;
  const kill = ["CAP_KILL"];
  const plan = planOf({
    cwd: "/srv",
    user: { uid: 7, gid: 8, umask: 0o77, additionalGids: [9] },
    capabilities: { bounding: kill, permitted: kill, inheritable: kill, ambient: kill },
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 1, hard: 2 }],
    apparmorProfile: "web",
    oomScoreAdj: 5,
  }, { host: { apparmor: "apparmor/current", selinux: false } });
  assert.deepEqual(plan, {
    monitor: [{ op: "enter", pid: 42, startTime: "123456", kinds: ["pid"] }],
    init: [
      ...STDIO,
      { op: "write", path: "/sys/fs/cgroup/c/cgroup.procs", data: "0", optional: false },
      { op: "write", path: "/proc/self/oom_score_adj", data: "5", optional: false },
      {
        op: "enter",
        pid: 42,
        startTime: "123456",
        kinds: ["cgroup", "ipc", "mount", "network", "uts"],
      },
      { op: "rlimit", resource: 7, soft: 1n, hard: 2n },
      { op: "label", attribute: "apparmor/current", data: "changeprofile web" },
      { op: "chdir", path: "/srv" },
      { op: "umask", mask: 0o77 },
      { op: "bounding", mask: CAP_KILL },
      { op: "user", uid: 7, gid: 8, groups: [9] },
      {
        op: "capabilities",
        effective: CAP_KILL,
        permitted: CAP_KILL,
        inheritable: CAP_KILL,
        ambient: CAP_KILL,
      },
      { op: "noNewPrivileges" },
      { op: "seccomp", ...SECCOMP[0] },
    ],
  });
});

Deno.test("execPlan() touches host paths before it enters, and never after", () => {
  const { init } = planOf({ oomScoreAdj: 0, terminal: true });
  const entered = init.findIndex(({ op }) => op === "enter");
  const host = ["open", "write", "join", "propagation", "root", "mount"];
  assert.deepEqual(init.slice(entered).filter(({ op }) => host.includes(op)), []);
});

Deno.test("execPlan() opens a terminal in the container, and none of the shim's streams", () => {
  const { init } = planOf({ terminal: true, user: { uid: 7, gid: 8 }, consoleSize: { width: 9 } });
  assert.deepEqual(
    init.slice(0, 3),
    [0, 1, 2].map((fd) => ({ op: "open", path: "/dev/null", flags: 2, mode: 0, fd })),
  );
  const entered = init.findIndex(({ op }) => op === "enter");
  assert.deepEqual(init[entered + 1], {
    op: "terminal",
    width: 9,
    height: 0,
    uid: 7,
    console: false,
  });
});

Deno.test("execPlan() makes no folder: the working directory must be there", () => {
  const { init } = planOf({ cwd: "/srv" });
  assert.deepEqual(init.filter(({ op }) => op === "mkdir"), []);
});
