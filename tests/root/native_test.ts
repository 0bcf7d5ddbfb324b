/** The operations of a sandbox plan, each with its success and its failures. Needs root. */

import assert from "node:assert/strict";
import type { Op } from "../../src/linux/plan.ts";
import { MS } from "../../src/oci/mod.ts";
import { ERRNO, folder, mountOp, type Outcome, perform, Root } from "./support.ts";

const { ENOENT, ENOTDIR, EINVAL, EBADF, ENAMETOOLONG } = ERRNO;

function assertFails(outcome: Outcome, result: number, step: string) {
  assert.deepEqual(outcome, { result, step, out: "" });
}

/** Performs what must succeed; answers what `after` printed. */
async function succeed(ops: Op[], after = "", before = ""): Promise<string> {
  const { result, step, out } = await perform(ops, { after, before });
  assert.equal(result, 0, step);
  return out;
}

Deno.test("perform: an empty plan does nothing", async () => {
  assert.equal(await succeed([], "echo done"), "done\n");
});

Deno.test("perform: open gives the command its streams, which survive exec", async () => {
  const path = `${folder}/opened`;
  const flags = 0o1 | 0o100 | 0o2000; // O_WRONLY | O_CREAT | O_APPEND
  const ops: Op[] = [
    { op: "open", path: "/dev/null", flags: 0, mode: 0, fd: 0 },
    { op: "open", path, flags, mode: 0o640, fd: 1 },
    { op: "open", path, flags, mode: 0o640, fd: 2 },
  ];
  assert.equal(await succeed(ops, "cat; echo out; echo err >&2"), "");
  assert.equal(Deno.readTextFileSync(path), "out\nerr\n");
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o640);
});

Deno.test("perform: open takes a descriptor that is free", async () => {
  const path = `${folder}/input`;
  Deno.writeTextFileSync(path, "text\n");
  const outcome = await perform([{ op: "open", path, flags: 0, mode: 0, fd: 0 }], {
    before: "exec 0<&-",
    after: "cat",
    descriptors: 1,
  });
  assert.deepEqual(outcome, { result: 0, step: "", out: "text\n" });
});

Deno.test("perform: open fails with its path", async () => {
  const ops: Op[] = [{ op: "open", path: "/nowhere/x", flags: 0, mode: 0, fd: 0 }];
  assertFails(await perform(ops), ENOENT, "open /nowhere/x");
});

Deno.test("perform: write writes to a file that is there", async () => {
  const path = `${folder}/written`;
  Deno.writeTextFileSync(path, "");
  await succeed([{ op: "write", path, data: "a\0b", optional: false }]);
  assert.equal(Deno.readTextFileSync(path), "a\0b");
});

Deno.test("perform: write fails without the file, unless it is optional", async () => {
  const path = `${folder}/absent`;
  assertFails(
    await perform([{ op: "write", path, data: "a", optional: false }]),
    ENOENT,
    `write ${path}`,
  );
  await succeed([{ op: "write", path, data: "a", optional: true }]);
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  const inFile: Op = { op: "write", path: "/etc/passwd/x", data: "a", optional: true };
  assertFails(await perform([inFile]), ENOTDIR, "write /etc/passwd/x");
});

Deno.test("perform: join enters a namespace, of the kind that it is", async () => {
  // The namespace is kept by a bind mount on a file; the way out of it is the host's.
  const path = `${folder}/uts`;
  Deno.writeTextFileSync(path, "");
  const before = `unshare --uts=${path} hostname joined`;
  const join: Op = { op: "join", kind: "uts", path };
  assert.equal(await succeed([join], "hostname", before), "joined\n");
  assertFails(await perform([{ ...join, kind: "network" }], { before }), EINVAL, `join ${path}`);
  assertFails(await perform([{ ...join, path: "/nowhere" }]), ENOENT, "join /nowhere");
});

Deno.test("perform: unshare makes new namespaces, and no others", async () => {
  const kinds = ["cgroup", "ipc", "mnt", "net", "uts"];
  const links = `for kind in ${kinds.join(" ")}; do readlink /proc/self/ns/$kind; done`;
  const old = `${folder}/namespaces`;
  /** The kinds of those that are as they were. */
  const same = async (ops: Op[]) => {
    const now = (await succeed(ops, links, `(${links}) > ${old}`)).split("\n");
    const before = Deno.readTextFileSync(old).split("\n");
    return kinds.filter((_, index) => now[index] === before[index]);
  };
  assert.deepEqual(await same([{ op: "unshare", kinds: [] }]), kinds);
  assert.deepEqual(await same([{ op: "unshare", kinds: ["uts", "ipc"] }]), [
    "cgroup",
    "mnt",
    "net",
  ]);
  assert.deepEqual(
    await same([{ op: "unshare", kinds: ["cgroup", "ipc", "mount", "network", "uts"] }]),
    [],
  );
});

Deno.test("perform: propagation changes one mount, or with MS_REC every one below", async () => {
  using root = new Root();
  const { path } = root;
  const before =
    `mount -t tmpfs a ${path}; mkdir ${path}/b; mount -t tmpfs b ${path}/b; mount --make-rshared ${path}`;
  const shared = async (flags: number) => {
    const count = 'grep "shared:.* tmpfs [ab] " /proc/self/mountinfo | wc -l';
    return (await succeed([{ op: "propagation", path, flags }], count, before)).trim();
  };
  assert.equal(await shared(MS.SHARED | MS.REC), "2");
  assert.equal(await shared(MS.PRIVATE), "1");
  assert.equal(await shared(MS.PRIVATE | MS.REC), "0");
  assert.equal(await shared(MS.SLAVE | MS.REC), "0");
  assertFails(
    await perform([{ op: "propagation", path: "/nowhere", flags: MS.PRIVATE }]),
    ENOENT,
    "propagation /nowhere",
  );
  assertFails(
    await perform([{ op: "propagation", path, flags: MS.PRIVATE }]),
    EINVAL,
    `propagation ${path}`,
  );
});

Deno.test("perform: root is a mount of its own, with flags", async () => {
  using root = new Root();
  const op: Op = { op: "root", path: root.path, flags: MS.NODEV | MS.NOSUID };
  const out = await succeed([op], `grep " ${root.path} " /proc/self/mountinfo`);
  assert.match(out, / rw,nosuid,nodev,\w*atime /);
  assertFails(await perform([{ ...op, path: "/nowhere" }]), ENOENT, "root /nowhere");
  const file = `${root.path}/file`;
  Deno.writeTextFileSync(file, "");
  assertFails(await perform([{ ...op, path: file }]), ENOTDIR, `root ${file}`);
});

Deno.test("perform: root takes along what is mounted below", async () => {
  using root = new Root({ "/sub": null });
  const before = `mount -t tmpfs a ${root.path}/sub; echo text > ${root.path}/sub/file`;
  const ops: Op[] = [root.op, { op: "mkdir", path: "/sub/made", mode: 0o755 }];
  assert.equal(await succeed(ops, `ls ${root.path}/sub`, before), "file\nmade\n");
});

Deno.test("perform: what works below the root fails without one", async () => {
  const ops: Op[] = [
    mountOp({}),
    mountOp({ source: "/etc", flags: MS.BIND }),
    { op: "remount", target: "/a", flags: MS.RDONLY },
    { op: "mkdir", path: "/a", mode: 0o755 },
    { op: "mknod", path: "/a/b", mode: 0o10644, major: 0, minor: 0, uid: 0, gid: 0 },
    { op: "symlink", path: "/a", target: "b" },
    { op: "mask", path: "/proc" },
    { op: "readonly", path: "/proc" },
    { op: "chdir", path: "/" },
    { op: "pivot" },
    { op: "terminal", width: 0, height: 0, uid: 0, console: false },
  ];
  for (const op of ops) {
    const { result, step } = await perform([op]);
    assert.equal(result, EBADF, step);
    assert.equal(step.split(" ")[0], op.op);
  }
});

Deno.test("perform: pivot leaves nothing of the host", async () => {
  using root = new Root({ "/proc": null, "/etc/name": "guest\n" }).withShell();
  const ops: Op[] = [root.op, mountOp({ source: "proc", target: "/proc", type: "proc" }), {
    op: "pivot",
  }];
  const script =
    "ls /; pwd; cat /etc/name; ls /../..; while read l; do echo $l; done < /proc/self/mountinfo";
  const lines = (await succeed(ops, script)).trim().split("\n");
  assert.deepEqual(lines.slice(0, 8), ["bin", "etc", "proc", "/", "guest", "bin", "etc", "proc"]);
  assert.deepEqual(lines.slice(8).map((line) => line.split(" ")[4]), ["/", "/proc"]);
});

Deno.test("perform: hostname and domainname, as long as the kernel takes them", async () => {
  const names: Op[] = [{ op: "unshare", kinds: ["uts"] }, { op: "hostname", name: "guest" }, {
    op: "domainname",
    name: "x".repeat(64),
  }];
  const out = await succeed(names, "hostname; cat /proc/sys/kernel/domainname");
  assert.equal(out, `guest\n${"x".repeat(64)}\n`);
  const name = "x".repeat(65);
  for (const op of ["hostname", "domainname"] as const) {
    const ops: Op[] = [{ op: "unshare", kinds: ["uts"] }, { op, name }];
    assertFails(await perform(ops), EINVAL, `${op} ${name}`);
  }
});

Deno.test("perform: rlimit sets both limits, without end too", async () => {
  const RLIMIT_NOFILE = 7, RLIMIT_CORE = 4, INFINITY = 2n ** 64n - 1n;
  const ops: Op[] = [
    { op: "rlimit", resource: RLIMIT_NOFILE, soft: 100n, hard: 200n },
    { op: "rlimit", resource: RLIMIT_CORE, soft: 0n, hard: INFINITY },
  ];
  assert.equal(
    await succeed(ops, "ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc"),
    "100\n200\n0\nunlimited\n",
  );
  assertFails(
    await perform([{ op: "rlimit", resource: 99, soft: 0n, hard: 0n }]),
    EINVAL,
    "rlimit",
  );
  assertFails(await perform([{ op: "rlimit", resource: 7, soft: 2n, hard: 1n }]), EINVAL, "rlimit");
});

Deno.test("perform: sysctl writes to procfs, whatever the guest has at /proc", async () => {
  using root = new Root({ "/proc/sys/net/ipv4/ip_default_ttl": "guest's\n" }).withShell();
  const ops: Op[] = [
    { op: "unshare", kinds: ["network"] },
    root.op,
    { op: "sysctl", name: "net.ipv4.ip_default_ttl", data: "77" },
    { op: "sysctl", name: "net/ipv4/ip_forward", data: "1" },
  ];
  const read = "cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/net/ipv4/ip_forward";
  assert.equal(await succeed(ops, read), "77\n1\n");
  await succeed([...ops.slice(0, 2), { op: "pivot" }, ...ops.slice(2)]);
  assert.equal(Deno.readTextFileSync(`${root.path}/proc/sys/net/ipv4/ip_default_ttl`), "guest's\n");
});

Deno.test("perform: sysctl and label fail with their name", async () => {
  const sysctl = (name: string, data = "1"): Op[] => [{ op: "unshare", kinds: ["network"] }, {
    op: "sysctl",
    name,
    data,
  }];
  assertFails(await perform(sysctl("net.none")), ENOENT, "sysctl net.none");
  assertFails(
    await perform(sysctl("net.ipv4.ip_default_ttl", "x")),
    EINVAL,
    "sysctl net.ipv4.ip_default_ttl",
  );
  const long = "a".repeat(600);
  const { result, step } = await perform(sysctl(long));
  assert.equal(result, ENAMETOOLONG);
  assert.equal(step, `sysctl ${long}`.slice(0, 511));
  assertFails(await perform([{ op: "label", attribute: "none", data: "a" }]), ENOENT, "label none");
  assertFails(
    await perform([{ op: "label", attribute: long, data: "a" }]),
    ENAMETOOLONG,
    `label ${long}`.slice(0, 511),
  );
});

Deno.test("perform: umask is the plan's, or else stays", async () => {
  using root = new Root();
  const mkdir: Op = { op: "mkdir", path: "/made", mode: 0o777 };
  assert.equal(await succeed([root.op, mkdir], "umask", "umask 027"), "0027\n");
  assert.equal(
    Deno.statSync(`${root.path}/made`).mode! & 0o777,
    0o777,
    "modes are as the plan has them",
  );
  assert.equal(await succeed([{ op: "umask", mask: 0o77 }], "umask", "umask 027"), "0077\n");
});
