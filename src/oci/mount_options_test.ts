import assert from "node:assert/strict";
import { MS, parseMountOptions } from "./mount_options.ts";

const parse = (...options: string[]) => parseMountOptions(options, "mounts[0].options");

const NOTHING = { flags: 0, clear: 0, propagation: 0, data: "", copyUp: false };

Deno.test.each([
  [["rbind", "ro"], { flags: MS.BIND | MS.REC | MS.RDONLY }],
  [["bind", "nosuid", "nodev", "noexec"], { flags: MS.BIND | MS.NOSUID | MS.NODEV | MS.NOEXEC }],
  [["ro", "rw"], { clear: MS.RDONLY }],
  [["rw", "ro"], { flags: MS.RDONLY }],
  [["noexec", "exec"], { clear: MS.NOEXEC }],
  [["rprivate"], { propagation: MS.PRIVATE | MS.REC }],
  [["rslave"], { propagation: MS.SLAVE | MS.REC }],
  [["rshared", "private"], { propagation: MS.PRIVATE }],
  [["tmpcopyup"], { copyUp: true }],
  [["mode=755", "nosuid", "size=65536k"], { flags: MS.NOSUID, data: "mode=755,size=65536k" }],
  [["lowerdir=/a:/b", "index=off", "defaults"], { data: "lowerdir=/a:/b,index=off" }],
  [["sync", "async", "dirsync"], { flags: MS.DIRSYNC, clear: MS.SYNCHRONOUS }],
  [["noatime", "relatime", "lazytime"], { flags: MS.NOATIME | MS.RELATIME | MS.LAZYTIME }],
  [[""], {}],
  [[], {}],
])("parseMountOptions() reads %j", (options, expected) => {
  assert.deepEqual(parse(...options), { ...NOTHING, ...expected });
});

Deno.test.each([["idmap"], ["ridmap"], ["rro"], ["rnosuid"], ["rnodev"]])(
  "parseMountOptions() refuses %s",
  (option) => {
    assert.throws(() => parse("rbind", option), {
      kind: "Unimplemented",
      message: `mounts[0].options: option ${option}: not supported`,
    });
  },
);

Deno.test("parseMountOptions() has the numbers of linux/mount.h", () => {
  assert.equal(parse("ro", "nosuid", "nodev", "noexec", "strictatime").flags, 0x100000f);
  assert.equal(parse("rbind").flags, 0x5000);
  assert.equal(parse("rshared").propagation, 0x104000);
  assert.equal(parse("rslave").propagation, 0x84000);
  assert.equal(parse("rprivate").propagation, 0x44000);
});
