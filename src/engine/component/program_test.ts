import assert from "node:assert/strict";
import { buildModules, modulePath } from "../../../scripts/modules.ts";
import { builtSystem } from "../../linux/testing/system.ts";
import type { Guest, Program } from "../mod.ts";
import { Calls } from "./host/calls.ts";
import { filesystem } from "./host/filesystem.ts";
import { FileSource, OpenFile } from "./host/files.ts";
import { Scope } from "./host/resource.ts";
import { InputStream, type OutputStream } from "./host/streams.ts";
import { componentProgram } from "./program.ts";
import { transpile } from "./transpile.ts";

await buildModules();
const system = await builtSystem();

async function load(name: string): Promise<Program> {
  const path = `/${name}.component.wasm`;
  const code = await Deno.readFile(modulePath(`${name}.component.wasm`));
  return componentProgram(system, await transpile(code, path), path);
}

const GUEST: Guest = {
  ...{ args: ["app"], env: [], cwd: "/", export: "_start" },
  ...{ preopens: [], listeners: [] },
};

const EXIT = await load("exit");

Deno.test.each([
  ["_start", { code: 42, message: "" }],
  ["status-ok", { code: 0, message: "" }],
  ["status-err", { code: 1, message: "" }],
  ["fail", { code: 1, message: "" }],
  ["text", { code: 1, message: "error: no luck\n" }],
])("Program.run() of export %s ends as it does", (name, outcome) => {
  EXIT.checkExport(name);
  assert.deepEqual(EXIT.run({ ...GUEST, export: name }), outcome);
  assert.deepEqual(EXIT.run({ ...GUEST, export: name }), outcome, "each time anew");
});

Deno.test("Program.run() answers a trap", () => {
  const { code, message } = EXIT.run({ ...GUEST, export: "trap" });
  assert.equal(code, 134);
  assert.match(message, /^trap: unreachable\n +at .*wasm.*\n$/);
});

Deno.test("Program.run() leaves no descriptor open", async () => {
  const files = await load("files");
  const folder = Deno.makeTempDirSync();
  try {
    const preopens = [{ host: folder, guest: "/" }];
    const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const before = descriptors();
    const run = (...args: string[]) => files.run({ ...GUEST, args: ["app", ...args], preopens });
    assert.deepEqual(run("write", "/f", "text"), { code: 0, message: "" });
    assert.equal(Deno.readTextFileSync(`${folder}/f`), "text");
    assert.equal(run("open-rw", "/f").code, 0);
    assert.equal(run("symlink", "f", "/l").code, 0);
    assert.equal(Deno.readLinkSync(`${folder}/l`), "f");
    assert.equal(descriptors(), before);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("componentProgram() names the import that no host gives", async () => {
  await assert.rejects(load("unsupported"), {
    kind: "InvalidArgument",
    message:
      "link /unsupported.component.wasm: no host gives its import wasi:keyvalue/store@0.2.0 (instance)",
  });
});

/** The descriptor of a new folder, named `guest`, in a scope that must leave nothing open. */
function withFolder(
  guest: string,
  body: (folder: ReturnType<typeof open>, path: string, calls: Calls) => void,
): void {
  const path = Deno.makeTempDirSync();
  try {
    using scope = new Scope();
    body(open(scope, path, guest), path, new Calls(system));
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

function open(scope: Scope, host: string, guest: string) {
  const found = filesystem(new Calls(system), scope, [{ host, guest }]);
  return found["wasi:filesystem/preopens"].getDirectories()[0][0];
}

const failed = (code: string) => ({ tag: "err", val: code });
const CREATE = { create: true, exclusive: true };
const BOTH = { read: true, write: true };

Deno.test("Descriptor keeps to its folder", () => {
  withFolder("/volume", (folder, path) => {
    Deno.symlinkSync("/etc/passwd", `${path}/absolute`);
    Deno.symlinkSync("../outside", `${path}/up`);
    const follow = { symlinkFollow: true };
    for (const name of ["absolute", "up", "../outside", "/etc/passwd", ".."]) {
      for (const flags of [{}, { create: true }]) {
        const { tag } = folder.openAt(follow, name, flags, { write: name !== ".." });
        assert.equal(tag, "err", name);
      }
    }
    assert.deepEqual(folder.statAt({}, "../x"), failed("not-permitted"));
    assert.deepEqual(folder.symlinkAt("/etc/passwd", "made"), failed("not-permitted"));
    assert.deepEqual(folder.readlinkAt("absolute"), failed("not-permitted"));
    assert.deepEqual(folder.renameAt("up", folder, "../up"), failed("not-permitted"));
    assert.deepEqual(folder.linkAt({}, "up", folder, "../up"), failed("not-permitted"));
  });
});

Deno.test("Descriptor reads and writes at offsets, and by streams", () => {
  withFolder("/volume", (folder, path) => {
    const { val: file } = folder.openAt({}, "f", CREATE, BOTH);
    assert.ok(typeof file === "object");
    assert.deepEqual(folder.openAt({}, "f", CREATE, BOTH), failed("exist"));
    const bytes = new TextEncoder().encode("0123456789");
    assert.deepEqual(file.write(bytes, 0n), { tag: "ok", val: 10n });
    assert.deepEqual(file.read(3n, 8n), { tag: "ok", val: [bytes.slice(8), false] });
    assert.deepEqual(file.read(3n, 10n), { tag: "ok", val: [new Uint8Array(), true] });
    const appending = file.appendViaStream().val as OutputStream;
    appending.blockingWriteAndFlush(bytes.subarray(0, 2));
    const writing = file.writeViaStream(5n).val as OutputStream;
    writing.blockingWriteAndFlush(Uint8Array.of(65));
    const reading = file.readViaStream(4n).val as InputStream;
    assert.equal(new TextDecoder().decode(reading.blockingRead(3n).val as Uint8Array), "4A6");
    assert.equal(Deno.readTextFileSync(`${path}/f`), "01234A678901");
    file[Symbol.dispose]();
    // A stream outlives the descriptor that it is from.
    assert.equal(new TextDecoder().decode(reading.blockingRead(9n).val as Uint8Array), "78901");
    assert.deepEqual(reading.blockingRead(9n), { tag: "err", val: { tag: "closed" } });
  });
});

Deno.test("Descriptor knows times, types, names and identity", () => {
  withFolder("/volume", (folder, path) => {
    Deno.writeTextFileSync(`${path}/f`, "text");
    Deno.symlinkSync("f", `${path}/l`);
    Deno.mkdirSync(`${path}/d`);
    const time = { tag: "timestamp", val: { seconds: 5n, nanoseconds: 7 } } as const;
    folder.setTimesAt({}, "f", { tag: "no-change" }, time);
    const { val: stat } = folder.statAt({ symlinkFollow: true }, "l");
    assert.ok(typeof stat === "object");
    assert.equal(stat.type, "regular-file");
    assert.equal(stat.size, 4n);
    assert.deepEqual(stat.dataModificationTimestamp, { seconds: 5n, nanoseconds: 7 });
    const { val: entries } = folder.readDirectory();
    assert.ok(typeof entries === "object");
    const found: string[] = [];
    for (;;) {
      const { val: entry } = entries.readDirectoryEntry();
      if (typeof entry !== "object") break;
      found.push(`${entry.type} ${entry.name}`);
    }
    assert.deepEqual(found.sort(), ["directory d", "regular-file f", "symbolic-link l"]);
    const [f, l] = ["f", "l"].map((name) => folder.metadataHashAt({ symlinkFollow: true }, name));
    assert.deepEqual(f, l);
    assert.notDeepEqual(f, folder.metadataHashAt({}, "l"));
    assert.deepEqual(folder.unlinkFileAt("d"), failed("is-directory"));
    assert.deepEqual(folder.removeDirectoryAt("f"), failed("not-directory"));
  });
});

Deno.test("Descriptor has every entry of a large folder once", () => {
  withFolder("/volume", (folder, path) => {
    const names = Array.from({ length: 3000 }, (_, index) => `${index}-${"x".repeat(index % 200)}`);
    for (const name of names) Deno.writeTextFileSync(`${path}/${name}`, "");
    const entries = folder.readDirectory().val;
    assert.ok(typeof entries === "object");
    const found: string[] = [];
    for (;;) {
      const entry = entries.readDirectoryEntry().val;
      if (typeof entry !== "object") break;
      found.push(entry.name);
    }
    assert.deepEqual(found.sort(), names.sort());
  });
});

Deno.test("Descriptor of the root follows absolute links below it", () => {
  withFolder("/", (folder, path) => {
    Deno.writeTextFileSync(`${path}/f`, "text");
    Deno.symlinkSync("/f", `${path}/l`);
    const { tag } = folder.openAt({ symlinkFollow: true }, "l", {}, { read: true });
    assert.equal(tag, "ok");
    assert.deepEqual(folder.readlinkAt("l"), { tag: "ok", val: "/f" });
  });
});

Deno.test("OutputStream traps when more is written than was permitted", () => {
  withFolder("/volume", (folder) => {
    const { val: file } = folder.openAt({}, "f", CREATE, BOTH);
    assert.ok(typeof file === "object");
    const stream = file.writeViaStream(0n).val as OutputStream;
    assert.throws(() => stream.write(new Uint8Array(1)), WebAssembly.RuntimeError);
    stream.checkWrite();
    assert.deepEqual(stream.write(new Uint8Array(1)).tag, "ok");
  });
});

Deno.test("InputStream tells an error once, and is closed then", () => {
  using scope = new Scope();
  const calls = new Calls(system);
  const folder = new OpenFile(calls, calls.openHost("/", 0));
  const stream = new InputStream(scope, calls, new FileSource(folder, 0n));
  const { val } = stream.read(1n);
  assert.ok(val && "tag" in val && val.tag === "last-operation-failed");
  assert.equal(val.val.toDebugString(), "EISDIR: is a directory");
  assert.deepEqual(stream.read(1n), { tag: "err", val: { tag: "closed" } });
});
