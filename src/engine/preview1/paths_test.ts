import assert from "node:assert/strict";
import { VARIANTS } from "../../linux/testing/system.ts";
import {
  AT,
  E,
  EVERY_RIGHT,
  FDFLAGS,
  OFLAGS,
  openDescriptors,
  READ,
  READ_WRITE,
  TestGuest,
  WRITE,
} from "./testing/guest.ts";

for (const variant of VARIANTS) {
  const test = (name: string, body: (guest: TestGuest) => void, root = "/data") =>
    Deno.test(`${name}, by ${variant}`, () => {
      const before = openDescriptors();
      {
        using guest = new TestGuest({ variant, name: root });
        body(guest);
      }
      assert.deepEqual(openDescriptors(), before);
    });

  test("path_open() opens for what the rights need", (guest) => {
    guest.file("file", "abc");
    for (
      const [base, reads, writes] of [
        [READ, true, false],
        [WRITE, false, true],
        [READ_WRITE, true, true],
        [0n, false, false],
      ] as const
    ) {
      const fd = guest.open("file", { base });
      assert.equal(guest.fdstat(fd).base, base);
      const vectors = guest.vectors([AT.data, 1]);
      assert.equal(guest.call("fd_read", fd, ...vectors, 0), reads ? 0 : E.NOTCAPABLE);
      assert.equal(guest.call("fd_write", fd, ...vectors, 0), writes ? 0 : E.NOTCAPABLE);
    }
  });

  test("path_open() creates, empties and refuses as its flags say", (guest) => {
    const { CREAT, DIRECTORY, EXCL, TRUNC } = OFLAGS;
    Deno.mkdirSync(`${guest.folder}/folder`);
    const outcomes: [path: string, oflags: number, errno: number][] = [
      ["new", 0, E.NOENT],
      ["new", CREAT | EXCL, E.SUCCESS],
      ["new", CREAT | EXCL, E.EXIST],
      ["new", CREAT, E.SUCCESS],
      ["new", DIRECTORY, E.NOTDIR],
      ["folder", CREAT, E.ISDIR],
      ["folder", CREAT | EXCL, E.EXIST],
      ["other", CREAT | DIRECTORY, E.INVAL],
      ["new/", 0, E.NOTDIR],
      ["other/", CREAT, E.ISDIR],
      ["new/other", 0, E.NOTDIR],
      ["", 0, E.NOENT],
      ["new", 16, E.INVAL],
    ];
    for (const [path, oflags, errno] of outcomes) {
      assert.equal(guest.tryOpen(path, { oflags }), errno, `${path} ${oflags}`);
    }
    assert.equal(guest.tryOpen("folder", { base: WRITE }), E.ISDIR);
    assert.equal(guest.tryOpen("new", { fdflags: 32 }), E.INVAL);
    guest.file("new", "abc");
    guest.open("new", { oflags: TRUNC });
    assert.equal(Deno.readTextFileSync(`${guest.folder}/new`), "");
    assert.deepEqual([...Deno.readDirSync(guest.folder)].map(({ name }) => name).sort(), [
      "folder",
      "new",
    ]);
  });

  test("path_open() opens for writing with the right to write alone", (guest) => {
    guest.file("file", "abc");
    const [allocate, resize] = [1n << 8n, 1n << 22n];
    // What Go asks for to read: a file that nobody may write has to be opened, too.
    const fd = guest.open("file", { base: READ | allocate | resize });
    assert.equal(guest.fdstat(fd).base, READ);
    assert.equal(guest.call("fd_filestat_set_size", fd, 0n), E.NOTCAPABLE);
    Deno.mkdirSync(`${guest.folder}/folder`);
    assert.equal(guest.fdstat(guest.open("folder", { base: READ | resize })).type, 3);
  });

  test("path_open() truncates by right of the path, or by what could be done to the opened file", (guest) => {
    guest.file("file", "abc");
    Deno.mkdirSync(`${guest.folder}/folder`);
    const [open, resizePath, resize] = [1n << 13n, 1n << 19n, 1n << 22n];
    for (
      const [base, inheriting, expected] of [
        [open, WRITE | resize, E.SUCCESS],
        [open | resizePath, 0n, E.SUCCESS],
        [open, resize, E.NOTCAPABLE],
        [open, WRITE, E.NOTCAPABLE],
      ] as const
    ) {
      const folder = guest.open(".", { base, inheriting });
      guest.file("file", "abc");
      assert.equal(guest.tryOpen("file", { folder, base: 0n, oflags: OFLAGS.TRUNC }), expected);
      assert.equal(guest.stat("file").size, expected === E.SUCCESS ? 0n : 3n);
    }
  });

  test("path_open() synchronizes by right of fd_sync, or of fd_datasync as far as that goes", (guest) => {
    guest.file("file");
    const [open, datasync, sync] = [1n << 13n, 1n << 0n, 1n << 4n];
    const { DSYNC, RSYNC, SYNC } = FDFLAGS;
    for (
      const [inheriting, ...allowed] of [
        [datasync, DSYNC],
        [sync, DSYNC, RSYNC, SYNC],
        [0n],
      ] as [bigint, ...number[]][]
    ) {
      const folder = guest.open(".", { base: open, inheriting });
      for (const fdflags of [DSYNC, RSYNC, SYNC]) {
        const expected = allowed.includes(fdflags) ? E.SUCCESS : E.NOTCAPABLE;
        assert.equal(guest.tryOpen("file", { folder, base: 0n, fdflags }), expected);
      }
    }
  });

  test("path_open() drops rights that a file cannot have, and no others", (guest) => {
    Deno.mkdirSync(`${guest.folder}/folder`);
    const PATH_OPEN = 1n << 13n, READDIR = 1n << 14n, ACCEPT = 1n << 29n;
    const base = READ | PATH_OPEN | READDIR;
    const folder = guest.open("folder", { base, inheriting: READ | 1n << 10n });
    assert.deepEqual(guest.fdstat(folder), {
      ...{ type: 3, flags: 0, base: PATH_OPEN | READDIR, inheriting: READ | 1n << 10n },
    });
    guest.file("folder/file", "abc");
    assert.equal(guest.tryOpen("file", { folder, base: READ | WRITE }), E.NOTCAPABLE);
    assert.equal(guest.tryOpen("file", { folder, inheriting: WRITE, base: READ }), E.NOTCAPABLE);
    assert.equal(guest.tryOpen("x", { folder, base: READ, oflags: OFLAGS.CREAT }), E.NOTCAPABLE);
    assert.equal(guest.tryOpen("file", { folder, base: READ, oflags: OFLAGS.TRUNC }), E.NOTCAPABLE);
    assert.equal(
      guest.tryOpen("file", { folder, base: READ, fdflags: FDFLAGS.SYNC }),
      E.NOTCAPABLE,
    );
    assert.equal(guest.tryOpen("file", { folder, base: READ }), E.SUCCESS);
    assert.equal(guest.fdstat(guest.open("folder", { base: ACCEPT })).base, 0n);
    assert.equal(guest.tryOpen("folder", { base: EVERY_RIGHT << 30n }), E.SUCCESS); // without a meaning
  });

  test("paths need a directory, and the right for what is done", (guest) => {
    guest.file("file");
    const fd = guest.open("file", { base: READ });
    const bare = guest.open(".", { oflags: OFLAGS.DIRECTORY, base: 0n });
    const [at, size] = guest.text("x");
    const calls: [name: string, parameters: (fd: number) => (number | bigint)[]][] = [
      ["path_create_directory", (fd) => [fd, at, size]],
      ["path_filestat_get", (fd) => [fd, 0, at, size, AT.stat]],
      ["path_filestat_set_times", (fd) => [fd, 0, at, size, 0n, 0n, 0]],
      ["path_link", (fd) => [fd, 0, at, size, 3, at, size]],
      ["path_link", (fd) => [3, 0, at, size, fd, at, size]],
      ["path_open", (fd) => [fd, 0, at, size, 0, 0n, 0n, 0, AT.result]],
      ["path_readlink", (fd) => [fd, at, size, AT.data, 10, AT.result]],
      ["path_remove_directory", (fd) => [fd, at, size]],
      ["path_rename", (fd) => [fd, at, size, 3, at, size]],
      ["path_rename", (fd) => [3, at, size, fd, at, size]],
      ["path_symlink", (fd) => [at, size, fd, at, size]],
      ["path_unlink_file", (fd) => [fd, at, size]],
      ["fd_readdir", (fd) => [fd, AT.data, 100, 0n, AT.result]],
    ];
    for (const [name, parameters] of calls) {
      assert.equal(guest.call(name, ...parameters(fd)), E.NOTDIR, name);
      assert.equal(guest.call(name, ...parameters(bare)), E.NOTCAPABLE, name);
    }
  });

  test("path_filestat_get() follows links when told to", (guest) => {
    guest.file("file", "abc");
    Deno.symlinkSync("file", `${guest.folder}/link`);
    Deno.symlinkSync("nothing", `${guest.folder}/dangling`);
    assert.deepEqual([guest.stat("link").type, guest.stat("link").size], [4, 3n]);
    assert.deepEqual([guest.stat("link", false).type, guest.stat("link", false).size], [7, 4n]);
    assert.equal(guest.stat("dangling", false).type, 7);
    const [at, size] = guest.text("dangling");
    assert.equal(guest.call("path_filestat_get", 3, 1, at, size, AT.stat), E.NOENT);
    assert.equal(guest.call("path_filestat_get", 3, 2, at, size, AT.stat), E.INVAL);
    assert.equal(guest.stat(".").ino, BigInt(Deno.statSync(guest.folder).ino!));
  });

  test("path_filestat_set_times() sets those of the link or of what it leads to", (guest) => {
    guest.file("file");
    Deno.symlinkSync("file", `${guest.folder}/link`);
    const [at, size] = guest.text("link");
    const set = (lookup: number, accessedNs: bigint, modifiedNs: bigint, which: number) =>
      guest.call("path_filestat_set_times", 3, lookup, at, size, accessedNs, modifiedNs, which);
    assert.equal(set(1, 1n, 2_000_000_002n, 5), E.SUCCESS);
    assert.equal(set(0, 3n, 4n, 5), E.SUCCESS);
    const link = guest.stat("link", false); // before it is followed, which is an access
    assert.deepEqual([link.accessedNs, link.modifiedNs], [3n, 4n]);
    const file = guest.stat("link");
    assert.deepEqual([file.accessedNs, file.modifiedNs], [1n, 2_000_000_002n]);
    assert.equal(set(1, 0n, 0n, 12), E.INVAL);
  });

  test("path_create_directory() and path_remove_directory() mind what is there", (guest) => {
    const on = (name: string, path: string) => guest.call(name, 3, ...guest.text(path));
    assert.equal(on("path_create_directory", "folder"), E.SUCCESS);
    assert.equal(on("path_create_directory", "folder"), E.EXIST);
    assert.equal(on("path_create_directory", "folder/below/"), E.SUCCESS);
    assert.equal(on("path_create_directory", "nothing/below"), E.NOENT);
    assert.equal(on("path_remove_directory", "folder"), E.NOTEMPTY);
    assert.equal(on("path_remove_directory", "folder/below/"), E.SUCCESS);
    guest.file("file");
    assert.equal(on("path_remove_directory", "file"), E.NOTDIR);
    assert.equal(on("path_remove_directory", "file/"), E.NOTDIR);
    assert.equal(on("path_unlink_file", "folder"), E.ISDIR);
    assert.equal(on("path_unlink_file", "folder/"), E.ISDIR);
    assert.equal(on("path_unlink_file", "file/"), E.NOTDIR);
    assert.equal(on("path_unlink_file", "file"), E.SUCCESS);
    assert.equal(on("path_unlink_file", "file"), E.NOENT);
    assert.equal(on("path_remove_directory", "folder"), E.SUCCESS);
  });

  test("path_rename() and path_link() keep to the kernel's rules", (guest) => {
    const two = (name: string, from: string, to: string) => {
      const old = guest.text(from), next = guest.text(to, AT.second);
      const lookup = name === "path_link" ? [0] : [];
      return guest.call(name, 3, ...lookup, ...old, 3, ...next);
    };
    guest.file("a", "a");
    guest.file("b", "b");
    Deno.mkdirSync(`${guest.folder}/folder/below`, { recursive: true });
    assert.equal(two("path_rename", "a", "b"), E.SUCCESS);
    assert.equal(Deno.readTextFileSync(`${guest.folder}/b`), "a");
    assert.equal(two("path_rename", "b", "folder"), E.ISDIR);
    assert.equal(two("path_rename", "folder", "b"), E.NOTDIR);
    assert.equal(two("path_rename", "folder", "folder/below/x"), E.INVAL);
    assert.equal(two("path_rename", "b", "c/"), E.NOTDIR);
    assert.equal(two("path_rename", "folder", "moved/"), E.SUCCESS);
    assert.equal(two("path_link", "b", "moved/b"), E.SUCCESS);
    assert.equal(guest.stat("b").nlink, 2n);
    assert.equal(two("path_link", "b", "moved/b"), E.EXIST);
    assert.equal(two("path_link", "moved", "x"), E.PERM);
    assert.equal(two("path_link", "b", "x/"), E.NOENT);
    assert.equal(two("path_link", "b/", "x"), E.NOTDIR);
    const old = guest.text("b"), next = guest.text("x", AT.second);
    assert.equal(guest.call("path_link", 3, 1, ...old, 3, ...next), E.INVAL);
  });

  test("path_symlink() and path_readlink() keep targets as they are", (guest) => {
    const symlink = (target: string, path: string) =>
      guest.call("path_symlink", ...guest.text(target), 3, ...guest.text(path, AT.second));
    const readlink = (path: string, size: number) =>
      guest.get("path_readlink", 3, ...guest.text(path), AT.data, size);
    assert.equal(symlink("../any/where", "link"), E.SUCCESS);
    assert.equal(readlink("link", 100), 12);
    assert.equal(
      new TextDecoder().decode(guest.bytes.slice(AT.data, AT.data + 12)),
      "../any/where",
    );
    assert.equal(readlink("link", 4), 4);
    assert.equal(readlink("link", 0), 0);
    assert.equal(symlink("x", "link"), E.EXIST);
    assert.equal(symlink("", "empty"), E.NOENT);
    assert.equal(symlink("/etc/passwd", "absolute"), E.PERM);
    guest.file("file");
    assert.equal(symlink("x", "file/"), E.NOTDIR);
    assert.equal(symlink("x", "new/"), E.NOENT);
    const file = guest.text("file");
    assert.equal(guest.call("path_readlink", 3, ...file, AT.data, 10, AT.result), E.INVAL);
  });

  test("no path leads out of a preopen", (guest) => {
    Deno.writeTextFileSync(`${guest.outside}/secret`, "secret");
    Deno.symlinkSync("../secret", `${guest.folder}/secret`);
    Deno.symlinkSync(`${guest.outside}/created`, `${guest.folder}/dangling`);
    for (const path of ["/etc/passwd", "../secret", "secret", "./../folder/secret", "..", "/"]) {
      assert.equal(guest.tryOpen(path, { base: READ }), E.PERM, path);
      assert.equal(guest.call("path_filestat_get", 3, 1, ...guest.text(path), AT.stat), E.PERM);
    }
    for (const path of ["dangling", "../created", `${guest.outside}/created`]) {
      assert.equal(guest.tryOpen(path, { oflags: OFLAGS.CREAT }), E.PERM, path);
    }
    const link = guest.text("folder/../../created"), at = guest.text("own", AT.second);
    Deno.mkdirSync(`${guest.folder}/folder`);
    assert.equal(guest.call("path_symlink", ...link, 3, ...at), E.SUCCESS);
    assert.equal(guest.tryOpen("own", { oflags: OFLAGS.CREAT }), E.PERM);
    assert.deepEqual([...Deno.readDirSync(guest.outside)].map(({ name }) => name).sort(), [
      "folder",
      "secret",
    ]);
  });

  test("a preopen called / is the root of its links", (guest) => {
    const symlink = (target: string, path: string) =>
      guest.call("path_symlink", ...guest.text(target), 3, ...guest.text(path, AT.second));
    Deno.writeTextFileSync(`${guest.outside}/secret`, "secret");
    guest.file("file", "abc");
    assert.equal(symlink("/file", "link"), E.SUCCESS);
    assert.equal(guest.read(guest.open("link", { base: READ })), "abc");
    assert.equal(symlink(`${guest.outside}/created`, "dangling"), E.SUCCESS);
    assert.equal(guest.tryOpen("dangling", { oflags: OFLAGS.CREAT }), E.NOENT);
    assert.equal(guest.tryOpen("../secret"), E.NOENT);
    assert.equal(guest.tryOpen("/file"), E.PERM);
    // Below it a directory is one like others.
    Deno.mkdirSync(`${guest.folder}/folder`);
    Deno.symlinkSync("/file", `${guest.folder}/folder/up`);
    const folder = guest.open("folder", { base: 1n << 13n, inheriting: READ });
    assert.equal(guest.tryOpen("up", { folder, base: READ }), E.PERM);
    assert.equal(guest.read(guest.open("folder/up", { base: READ })), "abc");
  }, "/");

  test("path_open() answers MFILE when there are no more descriptors", (guest) => {
    guest.file("file");
    const limits = Deno.readTextFileSync("/proc/self/limits");
    const limit = Number(/^Max open files +(\d+)/m.exec(limits)![1]);
    let errno = 0, opened = 0;
    while (errno === 0) {
      errno = guest.tryOpen("file", { base: READ });
      if (errno === 0) opened++;
      assert.ok(opened < limit);
    }
    assert.equal(errno, E.MFILE);
    assert.equal(guest.call("fd_close", 10), E.SUCCESS);
    assert.equal(guest.open("file", { base: READ }), 10);
  });
}

Deno.test("a full device is NOSPC", () => {
  using guest = new TestGuest({ preopens: [{ host: "/dev", guest: "/dev" }] });
  const fd = guest.open("full", { base: WRITE });
  const vectors = guest.vectors([AT.data, 10]);
  assert.equal(guest.call("fd_write", fd, ...vectors, AT.result), E.NOSPC);
});
