import assert from "node:assert/strict";
import { outline } from "./outline.ts";

const parse = (document: unknown) => outline(JSON.stringify(document));

Deno.test("outline() reads what the shim must know", () => {
  const found = parse({
    ociVersion: "1.2.0",
    process: { args: ["sh", "-c", "x"], cwd: "/srv", env: ["A=1"], terminal: true },
    root: { path: "/images/web" },
    annotations: { "io.kubernetes.cri.sandbox-id": "pod" },
    linux: { cgroupsPath: "/pods/web", namespaces: [{ type: "mount" }, { type: "pid" }] },
  });
  assert.deepEqual(found, {
    process: { args: ["sh", "-c", "x"], cwd: "/srv", env: ["A=1"], terminal: true },
    root: { path: "/images/web" },
    annotations: { "io.kubernetes.cri.sandbox-id": "pod" },
    cgroupsPath: "/pods/web",
    ownPidNamespace: true,
  });
});

Deno.test("outline() of a container without a process has no arguments", () => {
  assert.deepEqual(parse({ root: { path: "r" } }), {
    process: { args: [], cwd: "/", env: [], terminal: false },
    root: { path: "r" },
    annotations: {},
    cgroupsPath: "",
    ownPidNamespace: false,
  });
});

Deno.test("outline() leaves to the runtime what it does not know", () => {
  const found = parse({
    ociVersion: "9",
    process: { args: ["a"], scheduler: { policy: "SCHED_FIFO" }, consoleSize: 5 },
    root: { path: "r", readonly: "yes" },
    hooks: { poststart: [{}] },
    linux: { namespaces: [{ type: "user" }, { type: "new", path: "/x" }], intelRdt: {} },
  });
  assert.deepEqual(found.process.args, ["a"]);
});

Deno.test("outline() tells a pid namespace of its own from one that is joined", () => {
  const own = (...namespaces: unknown[]) =>
    parse({ root: { path: "r" }, linux: { namespaces } }).ownPidNamespace;
  assert.equal(own({ type: "pid", path: "" }), true);
  assert.equal(own({ type: "pid", path: "/proc/9/ns/pid" }), false);
  assert.equal(own({ type: "ipc" }), false);
  assert.equal(own(), false);
});

Deno.test.each([
  [{ root: {} }, "root.path: absent: not a string"],
  [{ root: { path: "r" }, process: { args: "sh" } }, 'process.args: "sh": not an array'],
  [{ root: { path: "r" }, process: { args: [7] } }, "process.args[0]: 7: not a string"],
  [{ root: { path: "r" }, process: [] }, "process: []: not an object"],
  [{ root: { path: "r" }, process: { cwd: 1 } }, "process.cwd: 1: not a string"],
  [{ root: { path: "r" }, process: { env: ["A=\0"] } }, 'process.env[0]: "A=\\u0000": holds a NUL'],
  [{ root: { path: "r" }, process: { terminal: 1 } }, "process.terminal: 1: not a boolean"],
  [{ root: { path: "r" }, annotations: { a: {} } }, "annotations.a: {}: not a string"],
  [{ root: { path: "r" }, linux: { cgroupsPath: 3 } }, "linux.cgroupsPath: 3: not a string"],
  [
    { root: { path: "r" }, linux: { namespaces: [{ type: 1 }] } },
    "linux.namespaces[0].type: 1: not a string",
  ],
  [[], "parse config.json: not an object"],
])("outline() rejects %j", (document, message) => {
  assert.throws(() => parse(document), { kind: "InvalidArgument", message });
});
