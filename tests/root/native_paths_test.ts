/** Paths of a guest, with everything a hostile image can put in their way. Needs root. */

import assert from "node:assert/strict";
import type { Op } from "../../src/linux/plan.ts";
import { MS } from "../../src/oci/mod.ts";
import { must } from "../support/mod.ts";
import { DRIVER, ERRNO, folder, mountOp, perform, Root, shell } from "./support.ts";

const { ENOENT, ENXIO, EACCES, EISDIR, ENOTDIR, ELOOP, ENAMETOOLONG, EINVAL } = ERRNO;

/** A folder of the host's that no guest may reach. */
const OUTSIDE = `${folder}/outside`;
Deno.mkdirSync(OUTSIDE);
Deno.writeTextFileSync(`${OUTSIDE}/secret`, "secret\n");

/** A root with links to everywhere. */
function hostileRoot(): Root {
  const up = "../".repeat(20);
  return new Root({
    "/folder": null,
    "/file": "text\n",
    "/slash": { link: "/" },
    "/etc": { link: "/" },
    "/up": { link: up },
    "/outside": { link: OUTSIDE },
    "/upward": { link: `${up}${OUTSIDE.slice(1)}` },
    "/secret": { link: `${OUTSIDE}/secret` },
    "/relative": { link: "../../outside" },
    "/deep/link": { link: "../../../folder" },
    "/chain": { link: "chain2" },
    "/chain2": { link: "/slash/etc/folder" },
    "/loop": { link: "loop2" },
    "/loop2": { link: "loop" },
  });
}

/** Performs `op` on a hostile root; answers the outcome and which paths of the root are new. */
async function reach(op: Op): Promise<{ result: number; made: string[] }> {
  using root = hostileRoot();
  const there = root.list();
  const { result } = await perform([root.op, op]);
  assert.deepEqual([...Deno.readDirSync(OUTSIDE)].map(({ name }) => name), ["secret"]);
  assert.equal(Deno.readTextFileSync(`${OUTSIDE}/secret`), "secret\n");
  return { result, made: root.list().filter((path) => !there.includes(path)) };
}

/** Paths of something new, and where below the root it must be. */
const PATHS: [path: string, place: string][] = [
  ["/new", "/new"],
  ["new", "/new"],
  ["//folder///new", "/folder/new"],
  ["/etc/new", "/new"],
  ["/slash/slash/etc/new", "/new"],
  ["/up/new", "/new"],
  ["/../../../new", "/new"],
  ["/folder/../../../new", "/new"],
  ["/deep/link/new", "/folder/new"],
  ["/chain/new", "/folder/new"],
  ["/deep/../deep/./link/../new", "/new"],
];

for (const [path, place] of PATHS) {
  Deno.test(`perform: ${path} is ${place} of the root`, async () => {
    const ops: Op[] = [
      { op: "mkdir", path, mode: 0o755 },
      { op: "mknod", path, mode: 0o10644, major: 0, minor: 0, uid: 0, gid: 0 },
      { op: "symlink", path, target: "anywhere" },
      mountOp({ target: path }),
      mountOp({ target: path, source: "/etc", flags: MS.BIND }),
      mountOp({ target: path, source: "/etc/passwd", flags: MS.BIND }),
    ];
    for (const op of ops) assert.deepEqual(await reach(op), { result: 0, made: [place] }, op.op);
  });
}

Deno.test("perform: missing folders are made, below the root", async () => {
  const paths = ["/etc/a/b/c", "/up/a/b/c", "/chain/../a/b/c", "/a/b/c/"];
  for (const path of paths) {
    const { result, made } = await reach({ op: "mkdir", path, mode: 0o700 });
    assert.deepEqual([result, made], [0, ["/a", "/a/b", "/a/b/c"]], path);
  }
});

/** Links to what is not there, inside: below the root they are paths like any other. */
const DANGLING = ["/outside/new", "/upward/new", "/relative/new", "/outside", "/secret"];

Deno.test("perform: a link to outside leads nowhere outside", async () => {
  for (const path of DANGLING) {
    const ops: Op[] = [
      { op: "mkdir", path, mode: 0o755 },
      { op: "mknod", path, mode: 0o10644, major: 0, minor: 0, uid: 0, gid: 0 },
      { op: "symlink", path, target: "anywhere" },
      mountOp({ target: path }),
      mountOp({ target: path, source: "/etc/passwd", flags: MS.BIND }),
      { op: "chdir", path },
    ];
    // Whether it works is another question: reach() sees that nothing outside has changed.
    for (const op of ops) assert.ok((await reach(op)).result <= 0, `${op.op} ${path}`);
  }
});

Deno.test("perform: mask and readonly of a link to outside touch nothing there", async () => {
  for (const path of ["/outside", "/upward", "/secret", "/outside/secret"]) {
    for (const op of ["mask", "readonly"] as const) {
      using root = hostileRoot();
      const after =
        `grep ${OUTSIDE} /proc/self/mountinfo; cat ${OUTSIDE}/secret; : > ${OUTSIDE}/secret2; rm ${OUTSIDE}/secret2`;
      const { result, out } = await perform([root.op, { op, path }], { after });
      assert.deepEqual([result, out], [0, "secret\n"], `${op} ${path}`);
    }
  }
});

Deno.test("perform: mask and readonly of a link work on what it leads to inside", async () => {
  using root = hostileRoot();
  const ops: Op[] = [root.op, { op: "mask", path: "/chain" }, {
    op: "readonly",
    path: "/etc/file",
  }];
  const { out } = await perform(ops, { after: "cat /proc/self/mountinfo" });
  for (const path of ["/folder", "/file"]) {
    assert.ok(out.includes(` ${root.path}${path} ro,`), path);
  }
});

Deno.test("perform: loops and files in the way are errors", async () => {
  for (const [path, result] of [["/loop/x", ELOOP], ["/file/x", ENOTDIR]] as const) {
    for (const op of ["mkdir", "chdir"] as const) {
      assert.deepEqual(await reach(op === "mkdir" ? { op, path, mode: 0o755 } : { op, path }), {
        result,
        made: [],
      }, `${op} ${path}`);
    }
    assert.deepEqual(await reach(mountOp({ target: path })), { result, made: [] });
    assert.deepEqual(await reach({ op: "symlink", path, target: "x" }), { result, made: [] });
  }
  const long = "/a".repeat(2100);
  assert.equal((await reach({ op: "mkdir", path: long, mode: 0o755 })).result, ENAMETOOLONG);
  assert.equal(
    (await reach({ op: "symlink", path: `${long}/b`, target: "x" })).result,
    ENAMETOOLONG,
  );
  assert.equal((await reach({ op: "symlink", path: "/folder/", target: "x" })).result, EINVAL);
});

Deno.test("perform: what is there already stays", async () => {
  using root = hostileRoot();
  const ops: Op[] = [
    { op: "mkdir", path: "/folder", mode: 0o700 },
    { op: "symlink", path: "/file", target: "x" },
    { op: "symlink", path: "/outside", target: "x" },
    { op: "mknod", path: "/file", mode: 0o10600, major: 0, minor: 0, uid: 7, gid: 7 },
    { op: "mknod", path: "/secret", mode: 0o10600, major: 0, minor: 0, uid: 7, gid: 7 },
  ];
  assert.equal((await perform([root.op, ...ops])).result, 0);
  assert.equal(Deno.statSync(`${root.path}/folder`).mode! & 0o777, 0o755);
  assert.equal(Deno.readTextFileSync(`${root.path}/file`), "text\n");
  assert.equal(Deno.statSync(`${root.path}/file`).uid, 0);
  assert.equal(root.has("/outside"), OUTSIDE);
  assert.equal(Deno.statSync(`${OUTSIDE}/secret`).uid, 0);
});

Deno.test("perform: mknod and symlink make what they say", async () => {
  using root = new Root();
  const ops: Op[] = [
    { op: "mknod", path: "/dev/null", mode: 0o20666, major: 1, minor: 3, uid: 5, gid: 6 },
    { op: "mknod", path: "/dev/block", mode: 0o60640, major: 259, minor: 70000, uid: 0, gid: 0 },
    { op: "mknod", path: "/dev/fifo", mode: 0o10600, major: 0, minor: 0, uid: 0, gid: 0 },
    { op: "symlink", path: "/dev/fd", target: "/proc/self/fd" },
  ];
  const after = `cd ${root.path}/dev && stat -c '%n %f %t:%T %u:%g' null block fifo && readlink fd`;
  const { result, out } = await perform([root.op, ...ops], { after, before: "umask 077" });
  assert.equal(result, 0);
  assert.equal(
    out,
    "null 21b6 1:3 5:6\nblock 61a0 103:11170 0:0\nfifo 1180 0:0 0:0\n/proc/self/fd\n",
  );
});

Deno.test("perform: chdir enters a folder that is there, and never leaves", async () => {
  const places: [string, string][] = [
    ["/folder", "/folder"],
    ["/chain", "/folder"],
    ["/up", "/"],
    ["/etc/..", "/"],
  ];
  for (const [path, place] of places) {
    using root = hostileRoot().withShell();
    const ops: Op[] = [root.op, { op: "pivot" }, { op: "chdir", path }];
    const { result, out } = await perform(ops, { after: "pwd; ls -d /file" });
    assert.deepEqual([result, out], [0, `${place}\n/file\n`], path);
  }
  using root = hostileRoot();
  for (
    const [path, errno] of [["/a/b", ENOENT], ["/file", ENOTDIR], ["/outside", ENOENT]] as const
  ) {
    const { result, step } = await perform([root.op, { op: "pivot" }, { op: "chdir", path }]);
    assert.deepEqual([result, step], [errno, `chdir ${path}`]);
  }
  assert.equal(root.has("/a"), undefined);
  const proc = mountOp({ source: "proc", target: "/proc", type: "proc" });
  const magic: Op[] = [root.op, proc, { op: "pivot" }, { op: "chdir", path: "/proc/self/cwd" }];
  assert.equal((await perform(magic)).result, ELOOP);
});

Deno.test("perform: a mount target may be a link to what is not there yet", async () => {
  // As /etc/resolv.conf and /var/run often are. runc resolves the link inside the root and makes what it names.
  using root = new Root({
    "/run": null,
    "/etc/resolv.conf": { link: "../run/systemd/resolve/stub-resolv.conf" },
    "/var/run": { link: "/run/later" },
  });
  const { result, step } = await perform([
    root.op,
    mountOp({ source: "/etc/passwd", target: "/etc/resolv.conf", flags: MS.BIND }),
    mountOp({ target: "/var/run/secrets" }),
  ]);
  assert.equal(result, 0, step);
  assert.equal(root.has("/run/systemd/resolve/stub-resolv.conf"), "file");
  assert.equal(root.has("/run/later/secrets"), "folder");
});

/** dw_read_in_root: the result and, without the bytes' count, what was read. */
async function read(
  root: { path: string },
  path: string,
  capacity = 4096,
): Promise<[result: number, text: string]> {
  const { out } = await must([DRIVER, "read", root.path, path, `${capacity}`]);
  const [, result, descriptors, text] = /^(\S+) (\S+) (.*)\n$/s.exec(out)!;
  assert.equal(descriptors, "0", "descriptors left open");
  return [Number(result), text];
}

Deno.test("dw_read_in_root() reads the beginning of a file", async () => {
  using root = hostileRoot();
  Deno.writeTextFileSync(`${root.path}/empty`, "");
  assert.deepEqual(await read(root, "/file"), [5, "text\n"]);
  assert.deepEqual(await read(root, "file", 2), [2, "te"]);
  assert.deepEqual(await read(root, "/etc/up/file"), [5, "text\n"]);
  assert.deepEqual(await read(root, "/empty"), [0, ""]);
  assert.deepEqual(await read(root, "/file", 0), [0, ""]);
});

Deno.test("dw_read_in_root() resolves links inside", async () => {
  using root = hostileRoot();
  for (const path of ["/secret", "/outside/secret", "/upward/secret", "/../../../../etc/shadow"]) {
    assert.deepEqual(await read(root, path), [ENOENT, ""], path);
  }
  Deno.mkdirSync(`${root.path}${OUTSIDE}`, { recursive: true });
  Deno.writeTextFileSync(`${root.path}${OUTSIDE}/secret`, "the guest's own");
  assert.deepEqual(await read(root, "/secret"), [15, "the guest's own"]);
  assert.deepEqual(await read(root, "/loop"), [ELOOP, ""]);
});

Deno.test("dw_read_in_root() refuses what is no file, without waiting", async () => {
  using root = hostileRoot();
  await must(["mkfifo", `${root.path}/fifo`]);
  await must(["mknod", `${root.path}/zero`, "c", "1", "5"]);
  await must(["mknod", `${root.path}/tty`, "c", "5", "0"]);
  using _ = Deno.listen({ transport: "unix", path: `${root.path}/socket` });
  assert.deepEqual(await read(root, "/folder"), [EISDIR, ""]);
  assert.deepEqual(await read(root, "/"), [EISDIR, ""]);
  assert.deepEqual(await read(root, ""), [EISDIR, ""]);
  assert.deepEqual(await read(root, "/fifo"), [EACCES, ""]);
  assert.deepEqual(await read(root, "/zero"), [EACCES, ""]);
  assert.deepEqual(await read(root, "/socket"), [ENXIO, ""]);
  assert.ok((await read(root, "/tty"))[0] < 0);
  assert.deepEqual(await read(root, "/file/x"), [ENOTDIR, ""]);
  assert.deepEqual(await read({ path: "/nowhere" }, "/x"), [ENOENT, ""]);
  assert.deepEqual(await read({ path: `${root.path}/file` }, "/x"), [ENOTDIR, ""]);
});

Deno.test("dw_read_in_root() does not follow magic links", async () => {
  using root = new Root({ "/proc": null });
  const out = await shell(
    'mount -t proc proc $1/proc; exec 9< $2; cd $1; for path in /proc/self/fd/9 /proc/self/root/etc/passwd /proc/self/cwd/x; do "$D" read $1 $path 10; done',
    [root.path, `${OUTSIDE}/secret`],
  );
  assert.equal(out, `${ELOOP} 0 \n`.repeat(3));
});

Deno.test("perform: a long chain of links to what is not there is an error, not a crash", async () => {
  for (const count of [100, 3000]) {
    using root = new Root();
    for (let index = 0; index < count; index++) {
      Deno.symlinkSync(`/missing${index}/../link${index + 1}`, `${root.path}/link${index}`);
    }
    for (
      const op of [
        mountOp({ target: "/link0" }),
        mountOp({ target: "/link0", source: "/etc/passwd", flags: MS.BIND }),
      ]
    ) {
      assert.equal((await perform([root.op, op])).result, ELOOP, `${count} links`);
    }
  }
});
