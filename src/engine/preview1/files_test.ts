import assert from "node:assert/strict";
import { O } from "../../linux/system.ts";
import {
  AT,
  E,
  EVERY_RIGHT,
  FDFLAGS,
  OFLAGS,
  openDescriptors,
  PAGE,
  READ,
  READ_WRITE,
  SEEK,
  TELL,
  TestGuest,
  WRITE,
} from "./testing/guest.ts";
import { pipe } from "./testing/pipe.ts";

const test = (name: string, body: (guest: TestGuest) => void) =>
  Deno.test(name, () => {
    const before = openDescriptors();
    {
      using guest = new TestGuest();
      body(guest);
    }
    assert.deepEqual(openDescriptors(), before);
  });

const ALL = { oflags: OFLAGS.CREAT, base: EVERY_RIGHT & ((1n << 9n) - 1n) | 7n << 21n | 1n << 27n };

test("fd_read() and fd_write() take several vectors, and empty ones", (guest) => {
  const fd = guest.open("file", { oflags: OFLAGS.CREAT });
  guest.text("abcdef", AT.data);
  const written = guest.vectors([AT.data, 0], [AT.data, 2], [0, 0], [AT.data + 2, 4], [0, 0]);
  assert.equal(guest.get("fd_write", fd, ...written), 6);
  assert.equal(Deno.readTextFileSync(`${guest.folder}/file`), "abcdef");
  assert.equal(guest.call("fd_seek", fd, 0n, 0, AT.result), E.SUCCESS);
  assert.equal(guest.get("fd_read", fd, ...guest.vectors([0, 0], [2000, 1], [3000, 100])), 6);
  assert.equal(guest.bytes[2000], 97);
  assert.equal(new TextDecoder().decode(guest.bytes.slice(3000, 3005)), "bcdef");
  assert.equal(guest.get("fd_read", fd, ...guest.vectors([2000, 1])), 0);
  assert.equal(guest.get("fd_read", fd, AT.vectors, 0), 0);
});

test("fd_write() takes more vectors than writev(2), of which the first may all be empty", (guest) => {
  const fd = guest.open("file", { oflags: OFLAGS.CREAT });
  for (let index = 0; index < 3000; index++) {
    guest.view.setUint32(AT.data + 8 * index, AT.first, true);
    guest.view.setUint32(AT.data + 8 * index + 4, index < 1500 ? 0 : 1, true);
  }
  assert.equal(guest.get("fd_write", fd, AT.data, 3000), 1024);
});

test("fd_pread() and fd_pwrite() leave the position alone", (guest) => {
  const fd = guest.open("file", { oflags: OFLAGS.CREAT });
  guest.write(fd, "abcdef");
  assert.equal(guest.get("fd_pwrite", fd, ...guest.vectors(guest.text("XY", AT.data)), 2n), 2);
  assert.equal(guest.get("fd_pread", fd, ...guest.vectors([AT.data, 4]), 1n), 4);
  assert.equal(new TextDecoder().decode(guest.bytes.slice(AT.data, AT.data + 4)), "bXYe");
  assert.equal(guest.get("fd_tell", fd), 6);
  assert.equal(guest.get("fd_pread", fd, ...guest.vectors([AT.data, 4]), 6n), 0);
  assert.equal(guest.call("fd_pread", fd, ...guest.vectors([AT.data, 4]), -1n, 0), E.INVAL);
});

test("fd_seek() knows its three ways, and refuses what leads nowhere", (guest) => {
  const fd = guest.open("file", { oflags: OFLAGS.CREAT });
  guest.write(fd, "abcdef");
  assert.equal(guest.get("fd_seek", fd, 2n, 0), 2);
  assert.equal(guest.get("fd_seek", fd, 2n, 1), 4);
  assert.equal(guest.get("fd_seek", fd, -1n, 2), 5);
  assert.equal(guest.get("fd_tell", fd), 5);
  assert.equal(guest.get("fd_seek", fd, 100n, 2), 106);
  assert.equal(guest.call("fd_seek", fd, -1n, 0, 0), E.INVAL);
  assert.equal(guest.call("fd_seek", fd, 0n, 3, 0), E.INVAL);
  assert.equal(guest.call("fd_seek", fd, 0n, -1, 0), E.INVAL);
  assert.equal(guest.call("fd_seek", 3, 0n, 0, 0), E.NOTCAPABLE);
});

test("fd_fdstat_get() tells type, flags and rights", (guest) => {
  guest.file("file");
  const fd = guest.open("file", { base: READ, fdflags: FDFLAGS.NONBLOCK });
  assert.deepEqual(guest.fdstat(fd), {
    ...{ type: 4, flags: FDFLAGS.NONBLOCK, base: READ, inheriting: 0n },
  });
  const { type, base, inheriting } = guest.fdstat(3);
  assert.equal(type, 3);
  assert.equal(base & (READ | WRITE | 1n << 2n), 0n);
  assert.equal(inheriting & base, base);
  assert.equal(inheriting & READ_WRITE, READ_WRITE);
});

test("fd_fdstat_set_flags() changes how a file is written", (guest) => {
  const fd = guest.open("file", { ...ALL, fdflags: FDFLAGS.APPEND | FDFLAGS.SYNC });
  assert.equal(guest.fdstat(fd).flags, FDFLAGS.APPEND | FDFLAGS.SYNC);
  guest.write(fd, "ab");
  assert.equal(guest.get("fd_seek", fd, 0n, 0), 0);
  guest.write(fd, "cd");
  assert.equal(Deno.readTextFileSync(`${guest.folder}/file`), "abcd");
  assert.equal(guest.call("fd_fdstat_set_flags", fd, FDFLAGS.NONBLOCK), E.SUCCESS);
  assert.equal(guest.fdstat(fd).flags, FDFLAGS.NONBLOCK | FDFLAGS.SYNC); // cannot be taken away
  assert.equal(guest.get("fd_seek", fd, 0n, 0), 0);
  guest.write(fd, "X");
  assert.equal(Deno.readTextFileSync(`${guest.folder}/file`), "Xbcd");
  assert.equal(guest.call("fd_fdstat_set_flags", fd, FDFLAGS.DSYNC), E.NOTSUP);
  assert.equal(guest.call("fd_fdstat_set_flags", fd, 32), E.INVAL);
});

test("the right to seek implies that to tell", (guest) => {
  const fd = guest.open("file", { oflags: OFLAGS.CREAT, base: SEEK });
  assert.equal(guest.fdstat(fd).base, SEEK | TELL);
  assert.equal(guest.call("fd_tell", fd, AT.result), E.SUCCESS);
  assert.equal(guest.call("fd_seek", fd, 0n, 1, AT.result), E.SUCCESS);
  const teller = guest.open("file", { base: TELL });
  assert.equal(guest.call("fd_seek", teller, 0n, 1, AT.result), E.SUCCESS);
  assert.equal(guest.call("fd_seek", teller, 1n, 1, AT.result), E.NOTCAPABLE);
});

test("fd_fdstat_set_rights() takes rights away for good", (guest) => {
  const fd = guest.open("file", { oflags: OFLAGS.CREAT });
  assert.equal(guest.call("fd_fdstat_set_rights", fd, READ, 0n), E.SUCCESS);
  assert.equal(guest.call("fd_write", fd, 0, 0, 0), E.NOTCAPABLE);
  assert.equal(guest.call("fd_pread", fd, 0, 0, 0n, 0), E.NOTCAPABLE); // needs fd_seek, too
  assert.equal(guest.read(fd), "");
  assert.equal(guest.call("fd_fdstat_set_rights", fd, READ | WRITE, 0n), E.NOTCAPABLE);
  assert.equal(guest.call("fd_fdstat_set_rights", fd, READ, READ), E.NOTCAPABLE);
  assert.equal(guest.call("fd_fdstat_set_rights", fd, 0n, 0n), E.SUCCESS);
  assert.equal(guest.call("fd_read", fd, 0, 0, 0), E.NOTCAPABLE);
  assert.equal(guest.call("fd_close", fd), E.SUCCESS); // needs none
});

test("fd_filestat_get() tells what stat(2) does", (guest) => {
  const fd = guest.open("file", ALL);
  guest.write(fd, "abc");
  assert.equal(guest.call("fd_filestat_get", fd, AT.stat), E.SUCCESS);
  const { ino, type, nlink, size, modifiedNs } = guest.filestat();
  const expected = Deno.statSync(`${guest.folder}/file`);
  assert.deepEqual([ino, type, nlink, size], [BigInt(expected.ino!), 4, 1n, 3n]);
  assert.equal(Number(modifiedNs / 1_000_000n), expected.mtime!.getTime());
});

test("fd_filestat_set_size() and fd_allocate() make files longer and shorter", (guest) => {
  const fd = guest.open("file", ALL);
  guest.write(fd, "abc");
  const size = () => Deno.statSync(`${guest.folder}/file`).size;
  assert.equal(guest.call("fd_filestat_set_size", fd, 1000n), E.SUCCESS);
  assert.equal(size(), 1000);
  assert.equal(guest.call("fd_filestat_set_size", fd, 2n), E.SUCCESS);
  assert.equal(size(), 2);
  assert.equal(guest.call("fd_filestat_set_size", fd, -1n), E.INVAL);
  assert.equal(guest.call("fd_allocate", fd, 10n, 90n), E.SUCCESS);
  assert.equal(size(), 100);
  assert.equal(guest.call("fd_allocate", fd, 0n, 50n), E.SUCCESS);
  assert.equal(size(), 100);
  assert.equal(guest.call("fd_allocate", fd, 0n, 0n), E.INVAL);
  assert.equal(guest.call("fd_allocate", fd, -1n, 1n), E.INVAL);
  assert.equal(guest.call("fd_allocate", 3, 0n, 1n), E.NOTCAPABLE);
});

test("fd_filestat_set_times() sets nanoseconds, or now", (guest) => {
  const fd = guest.open("file", ALL);
  const times = () => {
    assert.equal(guest.call("fd_filestat_get", fd, AT.stat), E.SUCCESS);
    const { accessedNs, modifiedNs } = guest.filestat();
    return [accessedNs, modifiedNs];
  };
  assert.equal(guest.call("fd_filestat_set_times", fd, 1_000_000_001n, 2_000_000_003n, 5), 0);
  assert.deepEqual(times(), [1_000_000_001n, 2_000_000_003n]);
  assert.equal(guest.call("fd_filestat_set_times", fd, 7n, 7n, 0), E.SUCCESS);
  assert.deepEqual(times(), [1_000_000_001n, 2_000_000_003n]);
  assert.equal(guest.call("fd_filestat_set_times", fd, 0n, 0n, 8), E.SUCCESS);
  assert.equal(times()[0], 1_000_000_001n);
  assert.ok(Math.abs(Number(times()[1]) / 1e6 - Date.now()) < 60_000);
  for (const which of [3, 12, 15, 16, -1]) {
    assert.equal(guest.call("fd_filestat_set_times", fd, 0n, 0n, which), E.INVAL, `${which}`);
  }
});

test("fd_sync(), fd_datasync() and fd_advise() answer as the kernel does", (guest) => {
  const fd = guest.open("file", ALL);
  assert.equal(guest.call("fd_sync", fd), E.SUCCESS);
  assert.equal(guest.call("fd_datasync", fd), E.SUCCESS);
  for (let advice = 0; advice < 6; advice++) {
    assert.equal(guest.call("fd_advise", fd, 0n, 0n, advice), E.SUCCESS);
  }
  assert.equal(guest.call("fd_advise", fd, 0n, 0n, 6), E.INVAL);
  assert.equal(guest.call("fd_advise", fd, 0n, -1n, 0), E.INVAL);
  assert.equal(guest.call("fd_advise", 3, 0n, 0n, 0), E.NOTCAPABLE);
});

test("fd_prestat_get() and fd_prestat_dir_name() name preopens alone", (guest) => {
  assert.equal(guest.call("fd_prestat_get", 3, AT.result), E.SUCCESS);
  assert.deepEqual([...guest.bytes.slice(0, 8)], [0, 0, 0, 0, 5, 0, 0, 0]);
  assert.equal(guest.call("fd_prestat_dir_name", 3, AT.data, 5), E.SUCCESS);
  assert.equal(new TextDecoder().decode(guest.bytes.slice(AT.data, AT.data + 6)), "/data\0");
  assert.equal(guest.call("fd_prestat_dir_name", 3, AT.data, 4), E.NAMETOOLONG);
  assert.equal(guest.call("fd_prestat_dir_name", 3, PAGE - 4, 5), E.FAULT);
  assert.equal(guest.call("fd_prestat_get", 4, AT.result), E.BADF);
  assert.equal(guest.open(".", { oflags: OFLAGS.DIRECTORY, base: 0n }), 4);
  assert.equal(guest.call("fd_prestat_get", 4, AT.result), E.BADF);
  assert.equal(guest.call("fd_prestat_dir_name", 1, AT.data, 100), E.BADF);
});

test("descriptors are the lowest free ones", (guest) => {
  guest.file("file");
  const fds = Array.from({ length: 4 }, () => guest.open("file", { base: READ }));
  assert.deepEqual(fds, [4, 5, 6, 7]);
  assert.equal(guest.call("fd_close", 5), E.SUCCESS);
  assert.equal(guest.call("fd_close", 4), E.SUCCESS);
  assert.equal(guest.call("fd_close", 4), E.BADF);
  assert.deepEqual(Array.from({ length: 3 }, () => guest.open("file", { base: READ })), [4, 5, 8]);
  assert.equal(guest.call("fd_close", 3), E.SUCCESS);
  assert.equal(guest.tryOpen("file"), E.BADF);
});

test("fd_renumber() moves a descriptor onto another", (guest) => {
  guest.file("a", "a");
  guest.file("b", "b");
  const [a, b] = [guest.open("a", { base: READ }), guest.open("b", { base: READ })];
  assert.equal(guest.call("fd_renumber", a, b), E.SUCCESS);
  assert.equal(guest.read(b), "a");
  assert.equal(guest.call("fd_close", a), E.BADF);
  assert.equal(guest.call("fd_renumber", b, a), E.BADF);
  assert.equal(guest.call("fd_renumber", a, b), E.BADF);
  assert.equal(guest.call("fd_renumber", b, b), E.SUCCESS);
  assert.equal(guest.call("fd_renumber", b, 3), E.SUCCESS);
  assert.equal(guest.call("fd_prestat_get", 3, AT.result), E.BADF);
  assert.equal(guest.call("fd_close", 3), E.SUCCESS);
});

test("every function answers EBADF to a descriptor that is not open", (guest) => {
  const names = Object.keys(guest.host.functions).filter((name) => /^(fd|sock|path)_/.test(name));
  assert.equal(names.length, 21 + 4 + 10);
  for (const name of names) {
    for (const fd of [4, 1000, -1, 0x7fff_ffff, -0x8000_0000]) {
      const { length } = guest.host.functions[name];
      const parameters = Array.from({ length }, () => 0 as number | bigint);
      parameters[name === "path_symlink" ? 2 : 0] = fd;
      if (name === "path_open") parameters[5] = parameters[6] = 0n;
      if (/seek|advise|allocate|readdir/.test(name)) parameters[name === "fd_readdir" ? 3 : 1] = 0n;
      assert.equal(guest.call(name, ...parameters), E.BADF, `${name} ${fd}`);
    }
  }
});

test("standard streams block again when the guest has ended", ({ system }) => {
  const [reader, writer] = pipe();
  const other = system.dup(reader);
  {
    using guest = new TestGuest({ streams: [reader, writer, system.dup(writer)] });
    assert.equal(guest.call("fd_fdstat_set_flags", 0, FDFLAGS.NONBLOCK), E.SUCCESS);
    assert.equal(guest.call("fd_read", 0, ...guest.vectors([AT.data, 1]), AT.result), E.AGAIN);
    assert.notEqual(system.getFlags(other) & O.NONBLOCK, 0);
  }
  assert.equal(system.getFlags(other) & O.NONBLOCK, 0);
  system.close(other);
});
