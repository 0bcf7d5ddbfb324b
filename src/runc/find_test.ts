import assert from "node:assert/strict";
import { findRuntime } from "./find.ts";
import { DEFAULT_OPTIONS } from "./options.ts";

/** A folder with executables, for the time of a test. */
function programs(...names: string[]): { path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "denowasi-runc-" });
  for (const name of names) Deno.writeTextFileSync(`${path}/${name}`, "", { mode: 0o755 });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

const find = (path: string, binaryName = "") =>
  findRuntime({ ...DEFAULT_OPTIONS, binaryName }, path);

Deno.test("findRuntime() prefers crun, wherever it is, then runc, then youki", () => {
  using first = programs("runc", "youki");
  using second = programs("crun", "youki");
  using third = programs("youki");
  assert.equal(find(`${first.path}:${second.path}`), `${second.path}/crun`);
  assert.equal(find(`${third.path}:${first.path}`), `${first.path}/runc`);
  assert.equal(find(`/nowhere:${third.path}`), `${third.path}/youki`);
});

Deno.test("findRuntime() takes BinaryName, a name or a path", () => {
  using folder = programs("crun", "other");
  assert.equal(find(folder.path, "other"), `${folder.path}/other`);
  assert.equal(find("", `${folder.path}/other`), `${folder.path}/other`);
});

Deno.test("findRuntime() takes executable files only", () => {
  using folder = programs("runc");
  Deno.mkdirSync(`${folder.path}/crun`);
  Deno.symlinkSync("runc", `${folder.path}/link`);
  assert.equal(find(folder.path), `${folder.path}/runc`);
  assert.equal(find(folder.path, "link"), `${folder.path}/link`);
  Deno.chmodSync(`${folder.path}/runc`, 0o644);
  assert.throws(() => find(folder.path), {
    kind: "FailedPrecondition",
    message: `find the oci runtime: no crun, runc, youki in PATH = "${folder.path}"`,
  });
  assert.throws(() => find("", `${folder.path}/runc`), {
    kind: "FailedPrecondition",
    message: `find the oci runtime: BinaryName = "${folder.path}/runc": not an executable file`,
  });
});

Deno.test("findRuntime() does not fall back on another than BinaryName", () => {
  using folder = programs("crun");
  assert.throws(() => find(folder.path, "runc"), {
    kind: "FailedPrecondition",
    message: `find the oci runtime: no runc in PATH = "${folder.path}"`,
  });
  assert.throws(() => find(folder.path, "/nowhere/crun"), { kind: "FailedPrecondition" });
});

Deno.test("findRuntime() looks in no folder that depends on where it runs", () => {
  using folder = programs("crun");
  const before = Deno.cwd();
  Deno.chdir(folder.path);
  try {
    assert.throws(() => find(":."), { kind: "FailedPrecondition" });
    assert.throws(() => find(folder.path, "./crun"), { kind: "InvalidArgument" });
  } finally {
    Deno.chdir(before);
  }
});
