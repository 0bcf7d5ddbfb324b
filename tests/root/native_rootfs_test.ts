/** Mounting and unmounting the root of a task. Needs root. */

import assert from "node:assert/strict";
import { compileHelper } from "../../scripts/native.ts";
import { MS } from "../../src/oci/mod.ts";
import { ERRNO, flags, folder, mountAt, Root, shell } from "./support.ts";

const { ENOENT, ENODEV } = ERRNO;

Deno.test("dw_mount() mounts, binds with flags, and says what fails", async () => {
  using root = new Root({ "/a": null, "/b": null });
  const script = `
    $D mount tmpfs $1/a tmpfs ${MS.NOSUID} size=4k ""
    $D mount $1/a $1/b bind ${MS.BIND | MS.RDONLY | MS.NODEV} "" ""
    $D mount tmpfs $1/none tmpfs 0 "" ""
    $D mount tmpfs $1/a nonesuch 0 "" ""
    $D mount tmpfs $1/a tmpfs 0 "" /nowhere
    cat /proc/self/mountinfo`;
  const out = await shell(script, [root.path]);
  assert.deepEqual(out.split("\n").slice(0, 5).map(Number), [0, 0, ENOENT, ENODEV, ENOENT]);
  assert.deepEqual(flags(mountAt(out, `${root.path}/a`)), ["rw", "nosuid"]);
  assert.deepEqual(flags(mountAt(out, `${root.path}/b`)), ["ro", "nodev"]);
});

Deno.test("dw_mount() mounts an overlay of 150 layers, relative to a folder", async () => {
  using base = new Root();
  const names = Array.from({ length: 150 }, (_, index) => `${1000 + index}/${"x".repeat(20)}`);
  names.forEach((name, index) => {
    Deno.mkdirSync(`${base.path}/lower/${name}`, { recursive: true });
    Deno.writeTextFileSync(`${base.path}/lower/${name}/f${index}`, "");
  });
  for (const name of ["up", "work", "at"]) Deno.mkdirSync(`${base.path}/${name}`);
  // Overlays do not stack on every file system that /tmp may be on.
  const script = `mount -t tmpfs t /mnt; cp -r $1/. /mnt; cd /
    $D mount overlay /mnt/at overlay 0 "lowerdir=$2,upperdir=/mnt/up,workdir=/mnt/work" /mnt/lower
    ls /mnt/at | wc -l; touch /mnt/at/new; ls /mnt/up; $D unmount /mnt/at; ls /mnt/at | wc -l`;
  const out = await shell(script, [base.path, names.join(":")]);
  assert.equal(out, "0\n150\nnew\n0\n0\n");
});

Deno.test("mountRootfs() mounts 150 layers from Deno's process, which has other threads", async () => {
  await compileHelper(`${folder}/libdenowasi.so`);
  const source = new URL("../../src/", import.meta.url);
  const code = `
    import { openSupervisorNative } from "${source}linux/native.ts";
    import { mountRootfs, unmountRootfs } from "${source}supervisor/rootfs.ts";
    const [library, base] = Deno.args;
    const native = openSupervisorNative(library);
    const lower = Array.from({ length: 150 }, (_, index) => base + "/snapshots/" + index + "/fs");
    for (const path of [...lower, base + "/u/fs", base + "/u/work", base + "/rootfs"]) {
      Deno.mkdirSync(path, { recursive: true });
    }
    lower.forEach((path, index) => Deno.writeTextFileSync(path + "/f" + index, ""));
    const mount = { type: "overlay", source: "overlay", options: ["index=off",
      "workdir=" + base + "/u/work", "upperdir=" + base + "/u/fs", "lowerdir=" + lower.join(":")] };
    const count = () => console.log([...Deno.readDirSync(base + "/rootfs")].length);
    mountRootfs(native, [mount], base + "/rootfs");
    count();
    unmountRootfs(native, base + "/rootfs");
    count();
    const wrong = { ...mount, options: [...mount.options, "nonesuch"] };
    try {
      mountRootfs(native, [mount, wrong], base + "/rootfs");
    } catch (error) {
      console.log(error.kind, error.message.replaceAll(base, ""));
    }
    count();`;
  const path = `${folder}/mount.ts`;
  Deno.writeTextFileSync(path, code);
  // Overlays do not stack on every file system that /tmp may be on.
  const base = `/mnt/${"x".repeat(60)}`;
  const out = await shell('mount -t tmpfs t /mnt; "$1" run -A --quiet --no-check "$2" "$3" "$4"', [
    ...[Deno.execPath(), path, `${folder}/libdenowasi.so`, base],
  ]);
  const message = "mount overlay overlay on /rootfs: EINVAL: invalid argument";
  assert.equal(out, `150\n0\nInvalidArgument ${message}\n0\n`);
});

Deno.test("dw_unmount_all() detaches every mount of a stack, busy ones too", async () => {
  using root = new Root({ "/a": null });
  const script = `
    for i in 1 2 3; do $D mount tmpfs $1/a tmpfs 0 "" ""; done
    mkdir $1/a/sub; $D mount tmpfs $1/a/sub tmpfs 0 "" ""
    cd $1/a; exec 3> open; cd /
    $D unmount $1/a; grep -c $1/a /proc/self/mountinfo || true
    $D unmount $1/a; $D unmount $1/none`;
  assert.equal(await shell(script, [root.path]), "0\n0\n0\n0\n0\n0\n0\n0\n");
});

Deno.test("dw_unmount_all() does not follow a link", async () => {
  using root = new Root({ "/a": null, "/link": { link: "a" } });
  const script =
    '$D mount tmpfs $1/a tmpfs 0 "" ""; $D unmount $1/link; grep -c $1/a /proc/self/mountinfo';
  assert.equal(await shell(script, [root.path]), "0\n0\n1\n");
});
