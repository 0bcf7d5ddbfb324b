import assert from "node:assert/strict";
import { AT, E, OFLAGS, TestGuest } from "./testing/guest.ts";

interface Entry {
  next: bigint;
  ino: bigint;
  type: number;
  name: string;
}

const HEAD = 24;

/** The whole entries of one fd_readdir, and how many bytes it answered. */
function readdir(guest: TestGuest, fd: number, cookie: bigint, size: number) {
  const used = guest.get("fd_readdir", fd, AT.data, size, cookie);
  const entries: Entry[] = [];
  for (let at = AT.data; at + HEAD <= AT.data + used;) {
    const length = guest.view.getUint32(at + 16, true);
    if (at + HEAD + length > AT.data + used) break;
    entries.push({
      next: guest.view.getBigUint64(at, true),
      ino: guest.view.getBigUint64(at + 8, true),
      type: guest.view.getUint8(at + 20),
      name: new TextDecoder().decode(guest.bytes.slice(at + HEAD, at + HEAD + length)),
    });
    at += HEAD + length;
  }
  return { used, entries };
}

/** Every entry, with buffers of `size` bytes, as wasi-libc reads them. */
function readAll(guest: TestGuest, fd: number, size: number, each = (_: Entry) => {}): Entry[] {
  const all: Entry[] = [];
  for (let cookie = 0n;;) {
    const { used, entries } = readdir(guest, fd, cookie, size);
    entries.forEach(each);
    all.push(...entries);
    if (used < size) return all;
    assert.ok(entries.length > 0, "progress");
    cookie = all.at(-1)!.next;
  }
}

const openFolder = (guest: TestGuest) =>
  guest.open(".", { oflags: OFLAGS.DIRECTORY, base: 1n << 14n | 1n << 21n });

Deno.test("fd_readdir() has . and .., types and inodes", () => {
  using guest = new TestGuest();
  guest.file("file");
  Deno.mkdirSync(`${guest.folder}/folder`);
  Deno.symlinkSync("file", `${guest.folder}/link`);
  const entries = readAll(guest, openFolder(guest), 4096).sort((a, b) => a.name < b.name ? -1 : 1);
  assert.deepEqual(entries.map(({ name, type }) => [name, type]), [
    [".", 3],
    ["..", 3],
    ["file", 4],
    ["folder", 3],
    ["link", 7],
  ]);
  for (const { name, ino } of entries.filter(({ name }) => name !== "..")) {
    assert.equal(ino, BigInt(Deno.lstatSync(`${guest.folder}/${name}`).ino!), name);
  }
});

Deno.test.each([[64], [100], [300], [4096], [20_000]])(
  "fd_readdir() gives every entry once, in %i bytes at a time",
  (size) => {
    using guest = new TestGuest();
    const names = Array.from(
      { length: 1000 },
      (_, index) => `file-${"x".repeat(index % 30)}${index}`,
    );
    names.forEach((name) => guest.file(name));
    const seen = readAll(guest, openFolder(guest), size).map(({ name }) => name);
    assert.deepEqual(seen.sort(), [".", "..", ...names].sort());
  },
);

Deno.test("fd_readdir() begins anew at cookie 0, and goes on at any it has given", () => {
  using guest = new TestGuest();
  for (let index = 0; index < 500; index++) guest.file(`file-${index}`);
  const fd = openFolder(guest);
  const all = readAll(guest, fd, 1000);
  for (const index of [0, 1, 100, 250, 400]) {
    const { entries } = readdir(guest, fd, all[index].next, 200);
    assert.equal(entries[0].name, all[index + 1].name);
  }
  // wasi-libc keeps them in a long, of 32 bits.
  assert.ok(all.every(({ next }) => next > 0n && next < 1n << 31n));
  guest.file("new");
  assert.ok(readAll(guest, fd, 1000).some(({ name }) => name === "new"));
  assert.equal(readdir(guest, fd, all.at(-1)!.next, 200).used < 200, true);
});

Deno.test("fd_readdir() misses nothing while what it has given is removed", () => {
  using guest = new TestGuest();
  for (let index = 0; index < 2000; index++) guest.file(`file-${index}`);
  const seen = readAll(guest, openFolder(guest), 300, ({ name }) => {
    if (name.startsWith("file")) Deno.removeSync(`${guest.folder}/${name}`);
  });
  assert.equal(seen.length, 2002);
});

Deno.test("fd_readdir() cuts off the last entry, and fills what it is given", () => {
  using guest = new TestGuest();
  guest.file("file");
  const fd = openFolder(guest);
  for (const size of [0, 1, 23, 24, 25, 30]) {
    assert.equal(readdir(guest, fd, 0n, size).used, size);
  }
  assert.equal(guest.call("fd_readdir", fd, AT.data, 100, -1n, AT.result), E.INVAL);
});

Deno.test("fd_readdir() of a folder that is gone is NOENT", () => {
  using guest = new TestGuest();
  Deno.mkdirSync(`${guest.folder}/gone`);
  const fd = guest.open("gone", { base: 1n << 14n });
  Deno.removeSync(`${guest.folder}/gone`);
  assert.equal(guest.call("fd_readdir", fd, AT.data, 100, 0n, AT.result), E.NOENT);
});
