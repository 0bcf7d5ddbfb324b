import assert from "node:assert/strict";
import { VARIANTS } from "../../linux/testing/system.ts";
import { Memory } from "./memory.ts";
import { AT, E, OFLAGS, PAGE, READ_WRITE, TestGuest } from "./testing/guest.ts";

Deno.test("Memory sees what has grown", () => {
  const memory = new Memory();
  const given = new WebAssembly.Memory({ initial: 0, maximum: 2 });
  memory.attach(given);
  assert.equal(memory.fresh().has(0, 1), false);
  given.grow(1);
  assert.equal(memory.fresh().has(PAGE - 1, 1), true);
  assert.equal(memory.has(PAGE - 1, 2), false);
  given.grow(1);
  memory.fresh().view.setUint8(2 * PAGE - 1, 7);
  assert.equal(new Uint8Array(given.buffer)[2 * PAGE - 1], 7);
  assert.equal(memory.size, BigInt(2 * PAGE));
});

Deno.test("Memory sees what has grown of a shared one", () => {
  const memory = new Memory();
  const given = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
  memory.attach(given);
  assert.equal(memory.fresh().has(PAGE, 1), false);
  given.grow(1);
  assert.equal(memory.fresh().has(PAGE, 1), true);
});

Deno.test("a guest without memory has no address", () => {
  using guest = new TestGuest();
  guest.host.attach(undefined);
  assert.equal(guest.call("random_get", 0, 1), E.FAULT);
  assert.equal(guest.call("random_get", 0, 0), E.SUCCESS);
  assert.equal(guest.call("fd_write", 1, 0, 1, 0), E.FAULT);
});

Deno.test("functions reach memory up to its end, and that which was added", () => {
  using guest = new TestGuest();
  assert.equal(guest.call("random_get", PAGE - 8, 8), E.SUCCESS);
  assert.equal(guest.call("random_get", PAGE - 8, 9), E.FAULT);
  guest.memory.grow(1);
  assert.equal(guest.call("random_get", PAGE - 8, 9), E.SUCCESS);
  const fd = guest.open("file", { oflags: OFLAGS.CREAT });
  assert.equal(guest.get("fd_write", fd, ...guest.vectors([2 * PAGE - 10, 10])), 10);
  guest.memory.grow(1);
  assert.equal(guest.get("fd_write", fd, ...guest.vectors([2 * PAGE - 10, 11])), 11);
});

Deno.test("nothing is read or written when the answer has no room", () => {
  using guest = new TestGuest();
  const fd = guest.open("file", { oflags: OFLAGS.CREAT });
  const vectors = guest.vectors(guest.text("abc", AT.data));
  assert.equal(guest.call("fd_write", fd, ...vectors, PAGE - 3), E.FAULT);
  assert.equal(Deno.statSync(`${guest.folder}/file`).size, 0);
});

Deno.test.each([
  [[PAGE - 4, 1]],
  [[-8, 1]],
  [[AT.vectors, 0x2000_0000]],
  [[AT.vectors, -1]],
])("fd_write() refuses vectors that are not the guest's: %j", (vectors) => {
  using guest = new TestGuest();
  const fd = guest.open("file", { oflags: OFLAGS.CREAT });
  assert.equal(guest.call("fd_write", fd, ...vectors, AT.result), E.FAULT);
});

Deno.test.each([
  [[PAGE, 1]],
  [[PAGE - 1, 2]],
  [[-1, 1]],
  [[8, -1]],
  [[-8, -8]],
  [[-1, 0]],
])("fd_read() and fd_write() refuse a vector that is not the guest's: %j", ([at, size]) => {
  using guest = new TestGuest();
  const fd = guest.open("file", { oflags: OFLAGS.CREAT });
  const vectors = guest.vectors([AT.data, 1], [at, size]);
  for (const name of ["fd_read", "fd_write"]) {
    assert.equal(guest.call(name, fd, ...vectors, AT.result), E.FAULT);
  }
  for (const name of ["fd_pread", "fd_pwrite"]) {
    assert.equal(guest.call(name, fd, ...vectors, 0n, AT.result), E.FAULT);
  }
  assert.equal(Deno.statSync(`${guest.folder}/file`).size, 0);
});

/** What a guest may pass for an i32. */
const I32 = [
  0,
  1,
  3,
  4,
  64,
  256,
  1024,
  PAGE - 8,
  PAGE - 1,
  PAGE,
  -1,
  -8,
  0x7fff_ffff,
  -0x8000_0000,
];
const I64 = [0n, 1n, 64n, -1n, (1n << 63n) - 1n, -(1n << 63n)];
/** Parameters that are i64, by their place. */
const LONG: Record<string, number[]> = {
  ...{ clock_time_get: [1], fd_advise: [1, 2], fd_allocate: [1, 2], fd_fdstat_set_rights: [1, 2] },
  ...{ fd_filestat_set_size: [1], fd_filestat_set_times: [1, 2], fd_pread: [3], fd_pwrite: [3] },
  ...{ fd_readdir: [3], fd_seek: [1], path_filestat_set_times: [4, 5], path_open: [5, 6] },
};
/** Those that end the guest, wait for ever or change how much of the disk it has. */
const NOT_TRIED = ["proc_exit", "proc_raise", "poll_oneoff", "fd_allocate", "fd_filestat_set_size"];

for (const variant of VARIANTS) {
  Deno.test(`every function answers an errno to whatever numbers it is called with, by ${variant}`, () => {
    // Numbers that are the same in every run.
    let state = 12345;
    const pick = <T>(from: readonly T[]): T => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fff_ffff;
      return from[(state >>> 8) % from.length];
    };
    const names: string[] = [];
    for (let round = 0; round < 30; round++) {
      using guest = new TestGuest({ variant, streams: [-1, -1, -1] });
      names.push(...Object.keys(guest.host.functions));
      guest.file("file", "abc");
      guest.open("file", { base: READ_WRITE });
      guest.bytes.fill(0);
      guest.text("file", 64);
      guest.text("../file", 1024);
      for (const name of Object.keys(guest.host.functions)) {
        if (NOT_TRIED.includes(name)) continue;
        for (let call = 0; call < 60; call++) {
          const { length } = guest.host.functions[name];
          const parameters = Array.from(
            { length },
            (_, index) => LONG[name]?.includes(index) ? pick(I64) : pick(I32.concat([3, 4, 3, 4])),
          );
          const errno = guest.call(name, ...parameters);
          assert.ok(Number.isInteger(errno) && errno >= 0 && errno <= 76, `${name} ${parameters}`);
        }
      }
      assert.deepEqual([...Deno.readDirSync(guest.outside)].map(({ name }) => name), ["folder"]);
    }
    assert.equal(new Set(names).size, 46);
  });
}
