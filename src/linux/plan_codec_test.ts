import assert from "node:assert/strict";
import { CLONE_FLAGS, type Op } from "./plan.ts";
import { encodePlan } from "./plan_codec.ts";

/** Each operation and its encoding: the code, then the arguments. */
const GOLDEN: { [K in Op["op"]]: [op: Extract<Op, { op: K }>, hex: string] } = {
  open: [
    { op: "open", path: "/dev/null", flags: 0o2001, mode: 0o644, fd: 1 },
    "00000000 090000002f6465762f6e756c6c00 0104000000000000 a401000000000000 0100000000000000",
  ],
  write: [
    { op: "write", path: "/f", data: "1\n", optional: true },
    "01000000 020000002f6600 02000000310a00 0100000000000000",
  ],
  join: [
    { op: "join", kind: "network", path: "/n" },
    "02000000 0000004000000000 020000002f6e00",
  ],
  unshare: [{ op: "unshare", kinds: ["ipc", "mount", "time"] }, "03000000 8000020800000000"],
  propagation: [
    { op: "propagation", path: "/", flags: 0x84000 },
    "04000000 010000002f00 0040080000000000",
  ],
  root: [{ op: "root", path: "/r", flags: 4 }, "05000000 020000002f7200 0400000000000000"],
  mount: [
    {
      op: "mount",
      source: "proc",
      target: "/proc",
      type: "proc",
      flags: 14,
      propagation: 0x40000,
      data: "a=b",
    },
    "06000000 0400000070726f6300 050000002f70726f6300 0400000070726f6300 0e00000000000000 " +
    "0000040000000000 03000000613d6200",
  ],
  remount: [{ op: "remount", target: "/x", flags: 1 }, "07000000 020000002f7800 0100000000000000"],
  mkdir: [{ op: "mkdir", path: "/d", mode: 0o755 }, "08000000 020000002f6400 ed01000000000000"],
  mknod: [
    { op: "mknod", path: "/dev/n", mode: 0o20666, major: 1, minor: 3, uid: 5, gid: 6 },
    "09000000 060000002f6465762f6e00 b621000000000000 0100000000000000 0300000000000000 " +
    "0500000000000000 0600000000000000",
  ],
  symlink: [{ op: "symlink", path: "/l", target: "t" }, "0a000000 020000002f6c00 010000007400"],
  mask: [{ op: "mask", path: "/m" }, "0b000000 020000002f6d00"],
  readonly: [{ op: "readonly", path: "/o" }, "0c000000 020000002f6f00"],
  pivot: [{ op: "pivot" }, "0d000000"],
  hostname: [{ op: "hostname", name: "h" }, "0e000000 010000006800"],
  domainname: [{ op: "domainname", name: "é" }, "0f000000 02000000c3a900"],
  rlimit: [
    { op: "rlimit", resource: 7, soft: 1024n, hard: 2n ** 64n - 1n },
    "10000000 0700000000000000 0004000000000000 ffffffffffffffff",
  ],
  sysctl: [{ op: "sysctl", name: "a.b", data: "1" }, "11000000 03000000612e6200 010000003100"],
  label: [
    { op: "label", attribute: "exec", data: "p" },
    "12000000 040000006578656300 010000007000",
  ],
  umask: [{ op: "umask", mask: 0o22 }, "13000000 1200000000000000"],
  chdir: [{ op: "chdir", path: "/w" }, "14000000 020000002f7700"],
  user: [
    { op: "user", uid: 1000, gid: 4294967294, groups: [10, 11] },
    "15000000 e803000000000000 feffffff00000000 0200000000000000 0a00000000000000 " +
    "0b00000000000000",
  ],
  bounding: [{ op: "bounding", mask: 0xa80425fbn }, "16000000 fb2504a800000000"],
  capabilities: [
    { op: "capabilities", effective: 1n, permitted: 1n << 40n, inheritable: 3n, ambient: 4n },
    "17000000 0100000000000000 0000000000010000 0300000000000000 0400000000000000",
  ],
  noNewPrivileges: [{ op: "noNewPrivileges" }, "18000000"],
  seccomp: [
    { op: "seccomp", flags: 2, filter: Uint8Array.fromHex("0600000000000fff") },
    "19000000 0200000000000000 080000000600000000000fff00",
  ],
  enter: [
    { op: "enter", pid: 4194304, startTime: "71", kinds: ["cgroup", "pid", "uts"] },
    "1a000000 0000400000000000 02000000373100 0000002600000000",
  ],
  terminal: [
    { op: "terminal", width: 80, height: 65535, uid: 4294967294, console: true },
    "1b000000 5000000000000000 ffff000000000000 feffffff00000000 0100000000000000",
  ],
  listen: [
    { op: "listen", address: "::1", port: 65535, fd: 64 },
    "1c000000 03000000 3a3a3100 ffff000000000000 4000000000000000",
  ],
};

const hex = (text: string) => text.replaceAll(" ", "");

for (const [name, [op, encoded]] of Object.entries(GOLDEN)) {
  Deno.test(`encodePlan() encodes ${name}`, () => {
    assert.equal(encodePlan([op]).toHex(), hex("01000000" + encoded));
  });
}

Deno.test("encodePlan() puts operations one after the other, with their count first", () => {
  const all = Object.values(GOLDEN);
  assert.equal(
    encodePlan(all.map(([op]) => op)).toHex(),
    hex("1d000000" + all.map(([, encoded]) => encoded).join("")),
  );
  assert.equal(encodePlan([]).toHex(), "00000000");
});

Deno.test("encodePlan() encodes no groups and no filter", () => {
  assert.equal(
    encodePlan([{ op: "user", uid: 0, gid: 0, groups: [] }]).toHex(),
    "01000000" + "15000000" + "00".repeat(24),
  );
  assert.equal(
    encodePlan([{ op: "seccomp", flags: 0, filter: new Uint8Array() }]).toHex(),
    "01000000" + "19000000" + "00".repeat(13),
  );
});

Deno.test("encodePlan() numbers the operations as native/plan.c does", () => {
  const source = Deno.readTextFileSync(new URL("native/plan.c", import.meta.url));
  const table = /\boperations\[\] = \{\n(.*?)\n\};/s.exec(source)![1];
  const names = [...table.matchAll(/\{"(\w+)", do_\w+\},/g)].map(([, name]) => name);
  assert.equal(names.length, table.split("\n").length, "every line of the table is an operation");
  const codes = Object.entries(GOLDEN).map(([name, [op]]) =>
    [name, new DataView(encodePlan([op]).buffer).getUint32(4, true)] as const
  );
  assert.deepEqual(codes, names.map((name, code) => [name, code] as const));
});

Deno.test("CLONE_FLAGS are the kernel's", () => {
  const header = Deno.readTextFileSync("/usr/include/linux/sched.h");
  const names = {
    cgroup: "CGROUP",
    ipc: "IPC",
    mount: "NS",
    network: "NET",
    pid: "PID",
    time: "TIME",
    user: "USER",
    uts: "UTS",
  } satisfies Record<keyof typeof CLONE_FLAGS, string>;
  for (const [kind, flag] of Object.entries(CLONE_FLAGS)) {
    const name = names[kind as keyof typeof names];
    const found = new RegExp(`^#define CLONE_NEW${name}\\s+(0x\\w+)`, "m").exec(header);
    assert.equal(flag, Number(found?.[1]), kind);
  }
});
