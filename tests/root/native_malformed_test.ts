/** Plans that no encoder makes: they must be refused without harm. Needs root. */

import assert from "node:assert/strict";
import type { Op } from "../../src/linux/plan.ts";
import { encodePlan } from "../../src/linux/plan_codec.ts";
import { MessageWriter } from "../../src/linux/wire.ts";
import { MS } from "../../src/oci/mod.ts";
import {
  ERRNO,
  identify,
  mountOp,
  perform,
  performInTerminal,
  planFile,
  Root,
  shell,
} from "./support.ts";

const { EBADMSG } = ERRNO;

/** SECCOMP_RET_ALLOW. */
const ALLOW = Uint8Array.fromHex("060000000000ff7f");

const ownProcess = identify(Deno.pid);

/** Every operation once or more, in an order in which all succeed on `root` (a path). */
function wholePlan(root: string): Op[] {
  return [
    { op: "open", path: "/dev/null", flags: 0, mode: 0, fd: 0 },
    { op: "write", path: "/proc/self/oom_score_adj", data: "500", optional: false },
    { op: "write", path: "/nowhere", data: "0", optional: true },
    { op: "enter", ...ownProcess, kinds: ["ipc", "network"] },
    { op: "unshare", kinds: ["mount", "uts", "ipc"] },
    { op: "join", kind: "uts", path: "/proc/self/ns/uts" },
    { op: "propagation", path: "/", flags: MS.PRIVATE | MS.REC },
    { op: "root", path: root, flags: MS.NODEV },
    mountOp({ source: "proc", target: "/proc", type: "proc" }),
    mountOp({ target: "/dev", data: "size=64k", flags: MS.NOSUID }),
    mountOp({
      source: "/etc/passwd",
      target: "/etc/x",
      type: "bind",
      flags: MS.BIND | MS.RDONLY,
      propagation: MS.PRIVATE,
    }),
    { op: "remount", target: "/dev", flags: MS.NOEXEC },
    { op: "mkdir", path: "/dev/pts", mode: 0o755 },
    mountOp({ source: "devpts", target: "/dev/pts", type: "devpts" }),
    { op: "mknod", path: "/dev/null", mode: 0o20666, major: 1, minor: 3, uid: 0, gid: 0 },
    { op: "symlink", path: "/dev/fd", target: "/proc/self/fd" },
    { op: "terminal", width: 80, height: 24, uid: 1000, console: true },
    { op: "pivot" },
    { op: "mask", path: "/proc/kcore" },
    { op: "readonly", path: "/proc/sys" },
    { op: "hostname", name: "guest" },
    { op: "domainname", name: "domain" },
    { op: "rlimit", resource: 7, soft: 512n, hard: 512n },
    { op: "sysctl", name: "kernel.hostname", data: "renamed" },
    { op: "umask", mask: 0o22 },
    { op: "chdir", path: "/" },
    { op: "bounding", mask: 1n },
    { op: "user", uid: 1000, gid: 1000, groups: [5, 6] },
    { op: "capabilities", effective: 0n, permitted: 1n, inheritable: 0n, ambient: 0n },
    { op: "noNewPrivileges" },
    { op: "listen", address: "127.0.0.1", port: 0, fd: 300 }, // above those that are counted
    { op: "seccomp", flags: 0, filter: ALLOW },
  ];
}

Deno.test("perform: every operation, in the order of a container", async () => {
  using root = new Root().withShell();
  const outcome = await performInTerminal(wholePlan(root.path), { after: "id -u; hostname; tty" });
  assert.deepEqual(outcome, {
    result: 0,
    step: "",
    out: "1000\r\nrenamed\r\n/dev/pts/0\r\n",
    status: 0,
  });
});

Deno.test("perform: a plan cut short anywhere is malformed, and leaves no descriptor", async () => {
  using root = new Root();
  const ops = wholePlan(root.path);
  // Without pivot: detaching a namespace's mounts again and again is slow.
  const plan = planFile(ops.filter(({ op }) => op !== "pivot"));
  const out = await shell('"$D" truncate $1', [plan]);
  assert.equal(out, `${Deno.statSync(plan).size} prefixes, 0 wrong\n`);
});

/** A plan of one operation whose arguments `write` writes. */
function raw(code: number, write: (writer: MessageWriter) => void): Uint8Array {
  const writer = new MessageWriter().u32(1).u32(code);
  write(writer);
  return writer.finish();
}

/** The code of an operation. */
const code = (op: Op) => new DataView(encodePlan([op]).buffer).getUint32(4, true);
const MKDIR = code({ op: "mkdir", path: "", mode: 0 });
const USER = code({ op: "user", uid: 0, gid: 0, groups: [] });
const ENTER = code({ op: "enter", ...ownProcess, kinds: [] });
const TERMINAL = code({ op: "terminal", width: 0, height: 0, uid: 0, console: false });
const LAST = code({ op: "listen", address: "", port: 0, fd: 0 });

const MALFORMED: [what: string, plan: Uint8Array, step: string][] = [
  ["no count", new Uint8Array(), ""],
  ["a count without operations", new MessageWriter().u32(1).finish(), "unknown operation"],
  ["a huge count", new MessageWriter().u32(0xffffffff).finish(), "unknown operation"],
  ["the code after the last", raw(LAST + 1, () => {}), "unknown operation"],
  ["a huge code", raw(0xffffffff, () => {}), "unknown operation"],
  ["a string longer than the plan", raw(MKDIR, (w) => w.u32(1000).u64(0).u64(0)), "mkdir"],
  ["a string of 4 GiB less one", raw(MKDIR, (w) => w.u32(0xffffffff).u64(0).u64(0)), "mkdir"],
  ["a string without its NUL", raw(MKDIR, (w) => w.u32(3).u32(0x61616161).u64(0o755)), "mkdir"],
  ["a string with a NUL inside", raw(MKDIR, (w) => w.bytes("/a\0b").u64(0o755)), "mkdir /a"],
  ["a start time with a NUL", raw(ENTER, (w) => w.u64(1).bytes("1\0").u64(0)), "enter"],
  ["a terminal without an owner", raw(TERMINAL, (w) => w.u64(80).u64(24)), "terminal"],
  ["a port of 17 bits", raw(LAST, (w) => w.bytes("::").u64(65536).u64(64)), "listen"],
  ["a descriptor of 32 bits", raw(LAST, (w) => w.bytes("::").u64(1).u64(2 ** 31)), "listen"],
  ["more groups than it has", raw(USER, (w) => w.u64(0).u64(0).u64(9).u64(1)), "user"],
];

for (const [what, plan, step] of MALFORMED) {
  Deno.test(`perform: a plan with ${what} is malformed`, async () => {
    assert.deepEqual(await perform(plan), { result: EBADMSG, step, out: "" });
  });
}

Deno.test("perform: a count of groups beyond all bounds is refused", async () => {
  for (const count of [1025n, 2n ** 32n, 2n ** 61n + 1n, 2n ** 64n - 1n]) {
    const plan = raw(USER, (w) => w.u64(0).u64(0).u64(count).u64(1));
    assert.deepEqual(await perform(plan), { result: ERRNO.E2BIG, step: "user", out: "" });
  }
});

Deno.test("perform: what comes before a malformed operation is done, what comes after is not", async () => {
  using root = new Root();
  const mkdir = (path: string): Op => ({ op: "mkdir", path, mode: 0o755 });
  const good = encodePlan([root.op, mkdir("/a"), mkdir("/b"), mkdir("/c")]);
  const at = good.length - encodePlan([mkdir("/b"), mkdir("/c")]).length + 4;
  good[at] = 0xff; // the code of /b
  assert.equal((await perform(good)).result, EBADMSG);
  assert.deepEqual(root.list(), ["/a"]);
});

Deno.test("perform: 20,000 mutated plans crash nothing", async () => {
  const ops = wholePlan("/nowhere").filter(({ op }) =>
    !["unshare", "pivot", "seccomp"].includes(op)
  );
  // What fails early is decoded all the same. A filter that no mutation makes valid: it would apply to the driver.
  ops.push({ op: "seccomp", flags: 0, filter: new Uint8Array(16).fill(0xff) });
  const rounds = ops.map((op) => planFile([op, ...ops.slice(-3)]));
  const count = Math.ceil(20_000 / rounds.length);
  const script = 'count=$1; shift; for plan; do "$D" mutate $plan 42 $count; done';
  const out = await shell(script, [`${count}`, ...rounds]);
  assert.equal(out, `${count} mutations, 0 wrong\n`.repeat(rounds.length));
});
