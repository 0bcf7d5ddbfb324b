/** The operations of a sandbox plan that mount. Needs root. */

import assert from "node:assert/strict";
import type { Op } from "../../src/linux/plan.ts";
import { MS } from "../../src/oci/mod.ts";
import { ERRNO, flags, type Mount, mountAt, mountOp, perform, Root } from "./support.ts";

const { ENOENT, ENODEV, EINVAL } = ERRNO;

/** Performs `ops` on `root` and answers the mounts below it, by their path there. */
async function mounts(
  root: Root,
  ops: Op[],
  before = "",
): Promise<(path: string) => Mount | undefined> {
  const { result, step, out } = await perform([root.op, ...ops], {
    before,
    after: "cat /proc/self/mountinfo",
  });
  assert.equal(result, 0, step);
  return (path) => mountAt(out, `${root.path}${path}`);
}

Deno.test("perform: mount mounts a file system with flags and data", async () => {
  using root = new Root();
  const op = mountOp({
    target: "/a/b",
    flags: MS.NOSUID | MS.NOEXEC | MS.RDONLY,
    data: "mode=700,size=64k",
  });
  const found = await mounts(root, [op]);
  assert.deepEqual(flags(found("/a/b")), ["ro", "nosuid", "noexec"]);
  assert.match(found("/a/b")!.superOptions, /size=64k,mode=700/);
  assert.deepEqual(root.list(), ["/a", "/a/b"]);
  assert.equal(Deno.statSync(`${root.path}/a`).mode! & 0o777, 0o755);
});

Deno.test("perform: mount stacks on what is mounted", async () => {
  using root = new Root();
  const inner: Op = { op: "mkdir", path: "/a/inner", mode: 0o755 };
  const found = await mounts(root, [
    mountOp({ target: "/a" }),
    inner,
    mountOp({ target: "/a/inner", data: "size=4k" }),
  ]);
  assert.match(found("/a/inner")!.superOptions, /size=4k/);
  assert.deepEqual(root.list(), ["/a"]);
});

Deno.test("perform: mount sets the propagation", async () => {
  using root = new Root();
  const found = await mounts(root, [
    mountOp({ target: "/a", propagation: MS.SHARED }),
    mountOp({ target: "/b", propagation: MS.PRIVATE | MS.REC }),
    mountOp({ target: "/c", source: root.path, flags: MS.BIND, propagation: MS.SHARED | MS.REC }),
  ]);
  assert.deepEqual(["/a", "/b", "/c"].map((path) => found(path)?.shared), [true, false, true]);
});

Deno.test("perform: mount fails with its target", async () => {
  using root = new Root();
  const fail = async (values: Parameters<typeof mountOp>[0]) => {
    const { result, step } = await perform([root.op, mountOp(values)]);
    assert.equal(step, "mount /mnt");
    return result;
  };
  assert.equal(await fail({ type: "nonesuch" }), ENODEV);
  assert.equal(await fail({ data: "nonesuch=1" }), EINVAL);
  assert.equal(await fail({ source: "/nowhere", flags: MS.BIND }), ENOENT);
  assert.equal(
    await fail({ target: "/mnt", source: "proc", type: "proc", data: "hidepid=99" }),
    EINVAL,
  );
});

Deno.test("perform: mount binds a file on a file and a folder on a folder", async () => {
  using source = new Root({ "/file": "text\n", "/dir/x": "" });
  using root = new Root({ "/there": "old" });
  const bind = (from: string, target: string) =>
    mountOp({ source: `${source.path}${from}`, target, type: "bind", flags: MS.BIND | MS.REC });
  const { result, out } = await perform(
    [root.op, bind("/file", "/a/file"), bind("/dir", "/b/dir"), bind("/file", "/there")],
    { after: `cd ${root.path}; cat a/file there; ls b/dir` },
  );
  assert.equal(result, 0);
  assert.equal(out, "text\ntext\nx\n");
  assert.deepEqual(root.list(), ["/a", "/a/file", "/b", "/b/dir", "/there"]);
  assert.equal(Deno.readTextFileSync(`${root.path}/there`), "old");
  const { result: mixed } = await perform([root.op, bind("/dir", "/there")]);
  assert.equal(mixed, ERRNO.ENOTDIR);
});

Deno.test("perform: mount gives a bind mount its own flags, and leaves its source alone", async () => {
  using source = new Root();
  using root = new Root();
  const before = `mount -t tmpfs -o noexec a ${source.path}`;
  const { out } = await perform(
    [
      root.op,
      mountOp({ source: source.path, target: "/a", flags: MS.BIND | MS.RDONLY | MS.NOSUID }),
    ],
    { before, after: "cat /proc/self/mountinfo" },
  );
  assert.deepEqual(flags(mountAt(out, `${root.path}/a`)), ["ro", "nosuid", "noexec"]);
  assert.deepEqual(flags(mountAt(out, source.path)), ["rw", "noexec"]);
});

/** A source with a tmpfs that has a second, with flags of its own, on /sub. */
const nested = (source: Root) =>
  `mount -t tmpfs a ${source.path}; mkdir ${source.path}/sub; mount -t tmpfs -o nodev,noatime b ${source.path}/sub`;

Deno.test("perform: mount binds what is mounted below with MS_REC only", async () => {
  using source = new Root();
  using root = new Root();
  const found = await mounts(root, [
    mountOp({ source: source.path, target: "/one", flags: MS.BIND }),
    mountOp({
      source: source.path,
      target: "/all",
      flags: MS.BIND | MS.REC | MS.RDONLY,
      propagation: MS.PRIVATE | MS.REC,
    }),
  ], nested(source));
  assert.equal(found("/one/sub"), undefined);
  assert.deepEqual(flags(found("/all")), ["ro"]);
  assert.deepEqual(
    flags(found("/all/sub")),
    ["rw", "nodev"],
    "as mount(2): flags are the top mount's",
  );
});

Deno.test("perform: mount leaves the access times below a recursive bind mount as they are", async () => {
  for (const flag of [MS.RELATIME, MS.STRICTATIME, 0]) {
    using source = new Root();
    using root = new Root();
    const op = mountOp({
      source: source.path,
      target: "/a",
      flags: MS.BIND | MS.REC | flag,
      propagation: MS.PRIVATE | MS.REC,
    });
    const found = await mounts(root, [op], nested(source));
    assert.match(found("/a/sub")!.options, /\bnoatime\b/, `flags ${flag}`);
  }
});

Deno.test("perform: remount adds flags to those that are there", async () => {
  using root = new Root();
  const remount: Op = { op: "remount", target: "/a", flags: MS.RDONLY | MS.NOEXEC };
  const found = await mounts(root, [mountOp({ target: "/a", flags: MS.NOSUID }), remount]);
  assert.deepEqual(flags(found("/a")), ["ro", "nosuid", "noexec"]);
  assert.equal((await perform([root.op, { ...remount, target: "/none" }])).result, ENOENT);
  // /a is a folder of the root, not a mount.
  assert.deepEqual(await perform([root.op, remount]), {
    result: EINVAL,
    step: "remount /a",
    out: "",
  });
});

Deno.test("perform: mask hides files and folders, and nothing where nothing is", async () => {
  using root = new Root({ "/file": "secret", "/dir/secret": "", "/link": { link: "file" } });
  const mask = (path: string): Op => ({ op: "mask", path });
  const { result, step, out } = await perform(
    [root.op, ...["/file", "/dir", "/none", "/none/x", "/file/x"].map(mask)],
    {
      after:
        `cd ${root.path}; cat file link; ls dir; touch dir/x 2>/dev/null || echo read-only; stat -c %t:%T file`,
    },
  );
  assert.equal(result, 0, step);
  assert.equal(out, "read-only\n1:3\n");
  assert.deepEqual(root.list(), ["/dir", "/dir/secret", "/file", "/link"]);
});

Deno.test("perform: readonly makes files and folders read-only, and nothing where nothing is", async () => {
  using root = new Root({ "/file": "text\n", "/dir/x": "" });
  const readonly = (path: string): Op => ({ op: "readonly", path });
  const script = `cd ${root.path}
    for path in file dir/x dir/new; do (: > $path) 2>/dev/null && echo $path; done; cat file; touch free; ls dir`;
  const { result, step, out } = await perform(
    [root.op, ...["/file", "/dir", "/none", "/file/x"].map(readonly)],
    { after: script },
  );
  assert.equal(result, 0, step);
  assert.equal(out, "text\nx\n");
  assert.equal(root.has("/free"), "file");
});

Deno.test("perform: readonly is recursive", async () => {
  using root = new Root({ "/dir": null });
  const before = nested(root).replaceAll(root.path, `${root.path}/dir`);
  const found = await mounts(root, [{ op: "readonly", path: "/dir" }], before);
  assert.deepEqual(flags(found("/dir")), ["ro"]);
  assert.deepEqual(flags(found("/dir/sub")), ["ro", "nodev"]);
});
