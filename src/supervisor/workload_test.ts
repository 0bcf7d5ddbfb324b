import assert from "node:assert/strict";
import type { SupervisorNative } from "../linux/native.ts";
import { fileKind, findFile, findWasm, wasmWorkload } from "./workload.ts";

const MODULE = "0061736d01000000";
const COMPONENT = "0061736d0d000100";

Deno.test.each(
  [
    [MODULE, "module"],
    [COMPONENT, "component"],
    ["0061736d0d000200", "module"],
    ["0061736d02000000", "module"],
    ["0061736d0d00010100", "module"],
    ["0061736d", "module"],
    ["0061736d0d0001", "module"],
    ["0061736e01000000", "other"],
    ["006173", "other"],
    ["", "other"],
    ["7f454c4602010100", "other"],
    ["23212f62696e2f73", "other"],
  ] as const,
)("fileKind(%s) is %s", (header, kind) => {
  assert.equal(fileKind(Uint8Array.fromHex(header)), kind);
});

/** A root with `files`: the bytes as hexadecimal digits, or the errno of opening them. */
function nativeWith(files: Record<string, string | number>): SupervisorNative {
  const text = (bytes: unknown) => new TextDecoder().decode((bytes as Uint8Array).slice(0, -1));
  const native = {
    dw_read_in_root(root: unknown, path: unknown, buffer: Uint8Array, capacity: bigint): bigint {
      assert.equal(text(root), "/root");
      const file = files[text(path)] ?? 2;
      if (typeof file === "number") return BigInt(-file);
      const bytes = Uint8Array.fromHex(file).subarray(0, Number(capacity));
      buffer.set(bytes);
      return BigInt(bytes.length);
    },
  };
  return native as unknown as SupervisorNative;
}

Deno.test("findFile() answers the first that is there", () => {
  const native = nativeWith({ "/a": 20, "/b": `${MODULE}ffff`, "/c": COMPONENT });
  assert.deepEqual(findFile(native, "/root", ["/none", "/a", "/b", "/c"]), {
    path: "/b",
    kind: "module",
  });
  assert.deepEqual(findFile(native, "/root", ["/c", "/b"]), { path: "/c", kind: "component" });
});

Deno.test("findFile() takes no byte of one file for the next", () => {
  const native = nativeWith({ "/short": "0061" });
  assert.equal(findFile(native, "/root", ["/short"])?.kind, "other");
});

Deno.test("findFile() answers null when there is none", () => {
  assert.equal(findFile(nativeWith({ "/a": 2, "/b": 20 }), "/root", ["/a", "/b", "/c"]), null);
});

const UNREADABLE = {
  kind: "InvalidArgument",
  message: "open process.args[0] /a: ELOOP: too many levels of symbolic links",
};

Deno.test("findFile() stops at one that cannot be opened", () => {
  const native = nativeWith({ "/a": 40, "/b": MODULE });
  assert.throws(() => findFile(native, "/root", ["/a", "/b"]), UNREADABLE);
});

Deno.test("findWasm() answers the path of a module or component and refuses the rest", () => {
  const native = nativeWith({ "/m": MODULE, "/c": COMPONENT, "/o": "7f454c46", "/a": 40 });
  assert.equal(findWasm(native, "/root", ["/m"]), "/m");
  assert.equal(findWasm(native, "/root", ["/c"]), "/c");
  assert.throws(() => findWasm(native, "/root", ["/o"]), {
    kind: "InvalidArgument",
    message: "run process.args[0] /o: it is not a WebAssembly module",
  });
  assert.throws(() => findWasm(native, "/root", ["/x", "/usr/bin/x"]), {
    kind: "NotFound",
    message: "find process.args[0] in the rootfs: /x, /usr/bin/x: no such file",
  });
  assert.throws(() => findWasm(native, "/root", ["/a"]), UNREADABLE);
});

Deno.test("wasmWorkload() knows a module by its bytes, whatever its name", () => {
  const native = nativeWith({ "/usr/bin/app": MODULE, "/app.wasm": MODULE });
  assert.equal(wasmWorkload(native, "/root", ["/bin/app", "/usr/bin/app"]), "/usr/bin/app");
  assert.equal(wasmWorkload(native, "/root", ["/app.wasm"]), "/app.wasm");
});

Deno.test("wasmWorkload() leaves to an OCI runtime what is no module, not there or not readable", () => {
  const native = nativeWith({ "/sh": "7f454c4602010100", "/a": 40, "/b": 13, "/empty": "" });
  for (const path of ["/sh", "/none", "/a", "/b", "/empty"]) {
    assert.equal(wasmWorkload(native, "/root", [path]), null, path);
  }
  assert.equal(wasmWorkload(native, "/root", []), null);
});

Deno.test("wasmWorkload() knows a component, whatever its name", () => {
  const native = nativeWith({ "/c": COMPONENT, "/c.wasm": COMPONENT });
  for (const path of ["/c", "/c.wasm"]) assert.equal(wasmWorkload(native, "/root", [path]), path);
});

Deno.test("wasmWorkload() demands a module where one is named", () => {
  const native = nativeWith({ "/o.wasm": "7f454c46", "/a": 40 });
  assert.throws(() => wasmWorkload(native, "/root", ["/none.wasm"]), {
    kind: "NotFound",
    message: "find process.args[0] in the rootfs: /none.wasm: no such file",
  });
  assert.throws(() => wasmWorkload(native, "/root", ["/o.wasm"]), { kind: "InvalidArgument" });
  assert.throws(() => wasmWorkload(native, "/root", ["/a", "/a.wasm"]), UNREADABLE);
});
