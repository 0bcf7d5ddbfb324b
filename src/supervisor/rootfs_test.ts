import assert from "node:assert/strict";
import { MS } from "../oci/mod.ts";
import { commonFolder, mountRootfs, planRootfsMount } from "./rootfs.ts";
import type { SupervisorNative } from "../linux/native.ts";

const SNAPSHOTS = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots";
const layers = (count: number) =>
  Array.from({ length: count }, (_, index) => `${SNAPSHOTS}/${index + 1}/fs`);

function overlay(lower: string[], upper = `${SNAPSHOTS}/9999`) {
  return {
    type: "overlay",
    source: "overlay",
    options: [
      "index=off",
      `workdir=${upper}/work`,
      `upperdir=${upper}/fs`,
      `lowerdir=${lower.join(":")}`,
    ],
  };
}

const byteLength = (text: string) => new TextEncoder().encode(text).length;

/** What the kernel makes of the options: each path, made absolute. */
function absolute({ data, folder }: { data: string; folder: string }): string[] {
  const paths = data.split(",").slice(1).flatMap((option) =>
    option.slice(option.indexOf("=") + 1).split(":")
  );
  return paths.map((path) => path.startsWith("/") ? path : `${folder}/${path}`);
}

Deno.test("planRootfsMount() turns options into flags and data", () => {
  assert.deepEqual(
    planRootfsMount({ type: "bind", source: "/a", options: ["rbind", "ro", "nosuid"] }),
    {
      source: "/a",
      type: "bind",
      flags: MS.BIND | MS.REC | MS.RDONLY | MS.NOSUID,
      data: "",
      folder: "",
    },
  );
  assert.equal(planRootfsMount({ type: "tmpfs", source: "", options: [] }).source, "tmpfs");
});

Deno.test("planRootfsMount() names the same layers, in one page, for 1 to 500 of them", () => {
  let short = 0;
  for (let count = 1; count <= 500; count++) {
    const mount = overlay(layers(count));
    const call = planRootfsMount(mount);
    assert.ok(byteLength(call.data) <= 4095, `${count} layers: ${byteLength(call.data)} bytes`);
    const expected = [`${SNAPSHOTS}/9999/work`, `${SNAPSHOTS}/9999/fs`, ...layers(count)];
    assert.deepEqual(absolute(call), expected, `${count} layers`);
    if (mount.options.join(",").length > 4095) {
      short++;
      assert.equal(call.folder, SNAPSHOTS);
    } else {
      assert.deepEqual([call.data, call.folder], [mount.options.join(","), ""]);
    }
  }
  assert.ok(short > 400);
});

Deno.test("planRootfsMount() leaves a page alone and shortens a byte more", () => {
  const fill = (size: number) => {
    const name = "/a/b/";
    return overlay([`${name}${"x".repeat(100)}`, `${name}${"y".repeat(size)}`], "/a/b/c");
  };
  const base = fill(0).options.join(",").length;
  assert.equal(planRootfsMount(fill(4095 - base)).folder, "");
  assert.equal(planRootfsMount(fill(4096 - base)).folder, "/a/b");
});

Deno.test("planRootfsMount() counts bytes, not characters", () => {
  const call = planRootfsMount(
    overlay([`/ä/${"é".repeat(1010)}`, `/ä/${"é".repeat(1010)}`], "/ä/u"),
  );
  assert.equal(call.folder, "/ä");
  assert.ok(byteLength(call.data) > 4000 && call.data.length < 2100);
});

Deno.test("planRootfsMount() keeps an upper folder that is elsewhere absolute", () => {
  const call = planRootfsMount(overlay(layers(100), "/upper/elsewhere"));
  assert.deepEqual([call.folder, absolute(call)], [
    SNAPSHOTS,
    ["/upper/elsewhere/work", "/upper/elsewhere/fs", ...layers(100)],
  ]);
});

Deno.test("planRootfsMount() keeps layers apart whose paths repeat the folder's", () => {
  const lower = ["/a/a/x", `/a/a/${"y".repeat(2000)}`, `/a/a/a/a/${"z".repeat(2030)}`];
  const call = planRootfsMount(overlay(lower, "/a/a/u"));
  assert.equal(call.folder, "/a/a");
  assert.deepEqual(absolute(call).slice(2), lower);
});

Deno.test.each([
  ["layers of too long names", overlay(layers(500).map((path) => `${path}/${"x".repeat(20)}`))],
  ["layers with nothing in common", overlay(layers(100).map((path, index) => `/${index}${path}`))],
  ["another type", { type: "tmpfs", source: "tmpfs", options: [`mpol=${"x".repeat(4100)}`] }],
])("planRootfsMount() rejects options over a page: %s", (_, mount) => {
  assert.throws(() => planRootfsMount({ ...mount, options: [...mount.options] }), {
    kind: "InvalidArgument",
    message: new RegExp(
      `^mount the ${mount.type} rootfs: options of \\d{4,} bytes exceed one page$`,
    ),
  });
});

Deno.test.each([
  [[], ""],
  [["/a/b/c"], "/a/b"],
  [["/a"], ""],
  [["/a/b/c", "/a/b/d"], "/a/b"],
  [["/a/b", "/a/b/c"], "/a"],
  [["/a/b/c", "/a/b"], "/a"],
  [["/a/bc/x", "/a/bd/x"], "/a"],
  [["/a/b/c", "/d/e/f"], ""],
  [["/a/b/x/1", "/a/b/y/1", "/a/c/z/1"], "/a"],
])("commonFolder(%j) is %j", (paths, expected) => {
  assert.equal(commonFolder([...paths]), expected);
});

Deno.test("commonFolder() is above every path, and no deeper folder is", () => {
  let seed = 7;
  const random = (below: number) => (seed = (Math.imul(seed, 48271) >>> 0) % 0x7fffffff) % below;
  for (let round = 0; round < 500; round++) {
    const paths = Array.from(
      { length: 1 + random(4) },
      () => Array.from({ length: 1 + random(5) }, () => `/${"ab"[random(2)]}`).join(""),
    );
    const folder = commonFolder(paths);
    const above = (candidate: string) => paths.every((path) => path.startsWith(`${candidate}/`));
    assert.ok(above(folder), `${folder} of ${paths}`);
    for (const name of ["a", "b"]) assert.ok(!above(`${folder}/${name}`), `${folder} of ${paths}`);
  }
});

/** A native side that keeps its calls and fails the mount number `failing`. */
function fakeNative(failing = Infinity) {
  const calls: string[] = [];
  const text = (bytes: unknown) => new TextDecoder().decode((bytes as Uint8Array).slice(0, -1));
  let mounts = 0;
  const native = {
    dw_mount: (source: unknown, target: unknown) => {
      calls.push(`mount ${text(source)} ${text(target)}`);
      return mounts++ === failing ? -19 : 0;
    },
    dw_unmount_all: (target: unknown) => {
      calls.push(`unmount ${text(target)}`);
      return 0;
    },
  };
  return { calls, native: native as unknown as SupervisorNative };
}

const TWO = [{ type: "tmpfs", source: "a", options: [] }, {
  type: "tmpfs",
  source: "b",
  options: [],
}];

Deno.test("mountRootfs() mounts one over the other", () => {
  const { calls, native } = fakeNative();
  mountRootfs(native, TWO, "/r");
  assert.deepEqual(calls, ["mount a /r", "mount b /r"]);
});

Deno.test("mountRootfs() leaves nothing mounted when one fails", () => {
  const { calls, native } = fakeNative(1);
  assert.throws(() => mountRootfs(native, TWO, "/r"), {
    kind: "InvalidArgument",
    message: "mount tmpfs b on /r: ENODEV: no such device",
  });
  assert.deepEqual(calls, ["mount a /r", "mount b /r", "unmount /r"]);
});

Deno.test("mountRootfs() mounts nothing when an option is wrong", () => {
  const { calls, native } = fakeNative();
  const long = { type: "tmpfs", source: "c", options: ["x".repeat(5000)] };
  assert.throws(() => mountRootfs(native, [...TWO, long], "/r"), { kind: "InvalidArgument" });
  assert.deepEqual(calls, []);
});
