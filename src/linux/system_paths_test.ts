/** Paths below a folder, which nothing a guest does may leave; by openat2(2) and by the walk that stands in for it. */

import assert from "node:assert/strict";
import { AT_REMOVEDIR, HOW, O, STAT_MODE, STAT_SIZE, type System } from "./system.ts";
import { builtLibrary, builtSystem, VARIANTS } from "./testing/system.ts";

const systems = Object.fromEntries(
  await Promise.all(VARIANTS.map(async (variant) => [variant, await builtSystem(variant)])),
) as Record<typeof VARIANTS[number], System>;

const [ENOENT, EPERM, EEXIST, ENOTDIR, EISDIR, EINVAL] = [-2, -1, -17, -20, -21, -22];
const [ENAMETOOLONG, ELOOP, ENOTEMPTY, EBUSY, EILSEQ] = [-36, -40, -39, -16, -84];

const encode = (text: string) => new TextEncoder().encode(text);

/** A folder with a secret beside it, and calls on paths below it. */
class Box implements Disposable {
  readonly outside = Deno.makeTempDirSync({ prefix: "denowasi-system-" });
  readonly inside = `${this.outside}/inside`;
  readonly fd: number;

  constructor(readonly system: System) {
    Deno.mkdirSync(`${this.inside}/folder/deep`, { recursive: true });
    Deno.writeTextFileSync(`${this.outside}/secret`, "secret");
    Deno.writeTextFileSync(`${this.inside}/file`, "file");
    Deno.writeTextFileSync(`${this.inside}/folder/deep/file`, "deep");
    this.fd = system.openHost(encode(`${this.inside}\0`), O.DIRECTORY);
    assert.ok(this.fd >= 0);
  }

  /** What is at `path`, or the negative errno. */
  read(path: string | Uint8Array<ArrayBuffer>, how: number = HOW.FOLLOW): string | number {
    const bytes = typeof path === "string" ? encode(path) : path;
    const fd = this.system.open(this.fd, bytes, 0, bytes.length, O.RDONLY, 0, how);
    if (fd < 0) return fd;
    try {
      const buffer = new Uint8Array(100);
      const count = this.system.read(fd, buffer, 0, 100);
      return count < 0 ? count : new TextDecoder().decode(buffer.subarray(0, count));
    } finally {
      this.system.close(fd);
    }
  }

  create(path: string, how: number = HOW.FOLLOW, flags = 0): number {
    const bytes = encode(path);
    const all = O.WRONLY | O.CREAT | flags;
    const fd = this.system.open(this.fd, bytes, 0, bytes.length, all, 0o600, how);
    return this.#opened(fd);
  }

  /** 0, or the negative errno. */
  #opened(fd: number): number {
    return fd < 0 ? fd : this.system.close(fd);
  }

  /** The type and permissions of `path`. */
  mode(path: string, how: number = HOW.FOLLOW): number {
    const bytes = encode(path);
    const out = new Uint8Array(STAT_SIZE);
    const failed = this.system.stat(this.fd, bytes, 0, bytes.length, how, out, 0);
    return failed < 0 ? failed : new DataView(out.buffer).getUint32(STAT_MODE, true);
  }

  /** Every other call, each on `path`, which leads outside: all that they answer. */
  others(path: string): Record<string, number> {
    const bytes = encode(path);
    const at = [this.fd, bytes, 0, bytes.length] as const;
    const file = [this.fd, encode("file"), 0, 4, 0] as const;
    const out = new Uint8Array(100);
    const { system } = this;
    return {
      mkdir: system.mkdir(...at, 0o700, 0),
      unlink: system.unlink(...at, 0, 0),
      rmdir: system.unlink(...at, AT_REMOVEDIR, 0),
      renameFrom: system.rename(...at, 0, this.fd, encode("new"), 0, 3, 0),
      renameTo: system.rename(...file, ...at, 0),
      linkFrom: system.link(...at, 0, this.fd, encode("new"), 0, 3, 0),
      linkTo: system.link(...file, ...at, 0),
      symlink: system.symlink(encode("file"), 0, 4, ...at, 0),
      readlink: system.readlink(...at, 0, out, 0, 100),
      utimens: system.utimens(...at, 0, 0n, 0n, 5),
      stat: system.stat(...at, 0, out, 0),
      open: this.#opened(system.open(...at, O.RDONLY, 0, 0)),
    };
  }

  link(target: string, path: string) {
    Deno.symlinkSync(target, `${this.inside}/${path}`);
  }

  /** Everything outside, to see that it stays as it was. */
  names(): string[] {
    return [...Deno.readDirSync(this.outside)].map(({ name }) => name).sort();
  }

  [Symbol.dispose]() {
    this.system.close(this.fd);
    Deno.removeSync(this.outside, { recursive: true });
  }
}

for (const variant of VARIANTS) {
  const test = (name: string, body: (box: Box) => void) =>
    Deno.test(`System ${name}, by ${variant}`, () => {
      using box = new Box(systems[variant]);
      const before = openDescriptors();
      body(box);
      assert.deepEqual(openDescriptors(), before);
    });

  test("opens what is below the folder", (box) => {
    for (
      const path of [
        "folder/deep/file",
        "./folder/./deep//file",
        "folder/../folder/deep/../deep/file",
        "folder/deep/../../folder/deep/file",
      ]
    ) assert.equal(box.read(path), "deep", path);
    assert.equal(box.mode("folder/..") & 0o170000, 0o040000);
    assert.equal(box.mode(".") & 0o170000, 0o040000);
  });

  test("follows links that stay below the folder", (box) => {
    box.link("folder/deep", "link");
    box.link("../../file", "folder/deep/up");
    box.link("link/up", "chain");
    box.link("folder/", "slash");
    box.link(".", "dot");
    for (const path of ["folder/deep/up", "link/up", "chain", "link/../../file", "dot/dot/file"]) {
      assert.equal(box.read(path), "file", path);
    }
    assert.equal(box.read("slash/deep/file"), "deep");
    assert.equal(box.read("chain", 0), ELOOP);
    assert.equal(box.mode("chain", 0) & 0o170000, 0o120000);
  });

  test("refuses paths that leave the folder", (box) => {
    box.link("..", "up");
    box.link("../secret", "secret");
    box.link(`${box.outside}/secret`, "absolute");
    box.link("/", "root");
    box.link("folder/../../secret", "winding");
    box.link("secret", "indirect");
    for (
      const path of [
        "..",
        "../secret",
        "/etc/passwd",
        "folder/../../secret",
        "folder/deep/../../../secret",
        "up/secret",
        "secret",
        "absolute",
        "root/etc/passwd",
        "winding",
        "indirect",
        "../inside/file",
      ]
    ) {
      assert.equal(box.read(path), EPERM, path);
      assert.equal(box.mode(path), EPERM, path);
    }
    for (const path of ["../new", "up/secret", "root/secret", "/secret", "folder/../../secret"]) {
      for (const [call, result] of Object.entries(box.others(path))) {
        assert.equal(result, EPERM, `${call} ${path}`);
      }
    }
    assert.deepEqual(box.names(), ["inside", "secret"]);
  });

  test("creates nothing through a link that leads outside", (box) => {
    box.link("../created", "relative");
    box.link(`${box.outside}/created`, "absolute");
    box.link("..", "up");
    box.link("relative", "chain");
    for (const path of ["relative", "absolute", "up/created", "../created", "chain"]) {
      assert.equal(box.create(path), EPERM, path);
      assert.equal(box.create(path, HOW.FOLLOW, O.EXCL) < 0, true, path);
    }
    assert.equal(box.create("relative", 0), ELOOP);
    assert.deepEqual(box.names(), ["inside", "secret"]);
    box.link("new", "dangling");
    assert.equal(box.create("dangling", HOW.FOLLOW, O.EXCL), EEXIST);
    assert.equal(box.create("dangling"), 0);
    assert.equal(box.read("new"), "");
  });

  test("keeps absolute links and .. inside of a root", (box) => {
    box.link("/folder/deep/file", "absolute");
    box.link("/", "root");
    box.link("/../../folder", "above");
    box.link("/etc/passwd", "missing");
    box.link("/created", "dangling");
    const rooted = HOW.FOLLOW | HOW.IN_ROOT;
    for (
      const path of [
        "absolute",
        "root/folder/deep/file",
        "above/deep/file",
        "../../folder/deep/file",
      ]
    ) {
      assert.equal(box.read(path, rooted), "deep", path);
    }
    assert.equal(box.read("missing", rooted), ENOENT);
    assert.equal(box.read("../secret", rooted), ENOENT);
    assert.equal(box.read("root/../secret", rooted), ENOENT);
    assert.equal(box.create("dangling", rooted), 0);
    assert.equal(box.read("created"), "");
    assert.deepEqual(box.names(), ["inside", "secret"]);
  });

  test("has an end for loops and for long paths", (box) => {
    box.link("loop", "loop");
    box.link("b/x", "a");
    box.link("a/x", "b");
    box.link(".", "dot");
    assert.equal(box.read("loop"), ELOOP);
    assert.equal(box.read("a"), ELOOP);
    assert.equal(box.read("dot/".repeat(41) + "file"), ELOOP);
    assert.equal(box.read("dot/".repeat(40) + "file"), "file");
    assert.equal(box.read("a".repeat(256)), ENAMETOOLONG);
    assert.equal(box.read("./".repeat(2047) + "file"), ENAMETOOLONG);
    assert.equal(box.read("./".repeat(2044) + "file"), "file");
    assert.equal(box.read("folder/../".repeat(400) + "file"), "file");
  });

  test("minds trailing slashes", (box) => {
    box.link("folder", "link");
    box.link("file", "to-file");
    box.link("nothing", "dangling");
    assert.equal(box.mode("link/", 0) & 0o170000, 0o040000);
    assert.equal(box.mode("link", 0) & 0o170000, 0o120000);
    for (const path of ["file/", "to-file/", "file/.", "file/.."]) {
      assert.equal(box.mode(path), ENOTDIR, path);
      assert.equal(box.read(path), ENOTDIR, path);
    }
    assert.equal(box.mode("dangling/"), ENOENT);
    assert.equal(box.create("new/"), EISDIR);
    assert.equal(box.create("folder/"), EISDIR);
    assert.deepEqual([...Deno.readDirSync(box.inside)].some(({ name }) => name === "new"), false);
  });

  test("tells nothing of what is outside by a link with a slash", (box) => {
    box.link("..", "up");
    box.link("../secret", "there");
    box.link("../nothing", "absent");
    for (const path of ["there/", "absent/", "up/", "up/..", "up/."]) {
      const { readlink, linkFrom, stat, utimens, open } = box.others(path);
      assert.deepEqual([readlink, linkFrom, stat, utimens, open], [
        EPERM,
        EPERM,
        EPERM,
        EPERM,
        EPERM,
      ]);
    }
  });

  test("calls on . and .. of the folder change nothing", (box) => {
    for (const path of [".", "folder/.."]) {
      const results = box.others(path);
      assert.equal(results.mkdir, EEXIST);
      assert.equal(results.unlink, EISDIR);
      assert.equal(results.rmdir, path === "." ? EINVAL : ENOTEMPTY);
      assert.equal(results.renameFrom, EBUSY);
      assert.equal(results.symlink, EEXIST);
      assert.equal(results.linkFrom, EPERM);
    }
    assert.deepEqual(box.names(), ["inside", "secret"]);
  });

  test("refuses what is no path", (box) => {
    assert.equal(box.read(""), ENOENT);
    assert.equal(box.read("file\0"), EINVAL);
    for (const hex of ["ff", "c0af", "66eda080", "e282", "f4908080", "80"]) {
      assert.equal(box.read(Uint8Array.fromHex(hex)), EILSEQ, hex);
    }
    assert.equal(box.create("日本語😀é"), 0);
    assert.equal(box.read("日本語😀é"), "");
  });

  test("hard links and renames stay below the folder", (box) => {
    box.link("../secret", "link");
    const [from, to] = [encode("link"), encode("hard")];
    assert.equal(box.system.link(box.fd, from, 0, 4, 0, box.fd, to, 0, 4, 0), 0);
    assert.equal(box.mode("hard", 0) & 0o170000, 0o120000); // the link itself
    assert.equal(box.read("hard"), EPERM);
    assert.equal(box.system.rename(box.fd, from, 0, 4, 0, box.fd, encode("moved"), 0, 5, 0), 0);
    assert.equal(box.read("moved"), EPERM);
  });

  test("follows no magic link out of the folder", (box) => {
    const proc = box.system.openHost(encode("/proc/self\0"), O.DIRECTORY);
    try {
      for (const path of ["exe", "root/etc/passwd", "cwd/deno.json", `fd/${box.fd}/file`]) {
        const bytes = encode(path);
        const fd = box.system.open(proc, bytes, 0, bytes.length, O.RDONLY, 0, HOW.FOLLOW);
        assert.ok(fd === EPERM || fd === ELOOP, `${path}: ${fd}`);
      }
    } finally {
      box.system.close(proc);
    }
  });

  Deno.test(`System stays below the folder while it changes, by ${variant}`, async () => {
    using box = new Box(systems[variant]);
    Deno.mkdirSync(`${box.inside}/swap/folder`, { recursive: true });
    Deno.writeTextFileSync(`${box.inside}/swap/folder/secret`, "inside");
    Deno.mkdirSync(`${box.outside}/folder`);
    Deno.writeTextFileSync(`${box.outside}/folder/secret`, "secret");
    const swapper = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL("testing/swap.ts", import.meta.url).pathname, box.inside],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const output = swapper.stdout.getReader();
    await output.read(); // it has begun
    const seen = new Map<string | number, number>();
    for (let round = 0; round < 20_000; round++) {
      for (const path of ["swap/folder/secret", "swap/folder/../folder/secret"]) {
        const result = box.read(path);
        seen.set(result, (seen.get(result) ?? 0) + 1);
      }
      box.create("swap/folder/created");
    }
    await swapper.stdin.close();
    await output.cancel();
    await swapper.status;
    for (const result of seen.keys()) {
      assert.ok(["inside", EPERM, ENOENT, ENOTDIR, ELOOP].includes(result), `${result}`);
    }
    assert.ok(seen.get("inside")! > 0 && seen.size > 1, "the race was run");
    assert.deepEqual([...Deno.readDirSync(`${box.outside}/folder`)].map(({ name }) => name), [
      "secret",
    ]);
  });
}

Deno.test("System walks when openat2 is refused by a filter that came after it was used", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", new URL("testing/refuse_openat2.ts", import.meta.url).pathname],
      await builtLibrary(),
    ],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  // Before and after, inside and outside; then a file that may not be opened at all.
  assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), [0, EPERM, 0, EPERM, EPERM]);
});

function openDescriptors(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name).sort();
}
