import assert from "node:assert/strict";
import type { SupervisorNative } from "../linux/native.ts";
import { findModule, findWorkload, workloadKind } from "./module.ts";

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
)("workloadKind(%s) is %s", (header, kind) => {
  assert.equal(workloadKind(Uint8Array.fromHex(header)), kind);
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

Deno.test("findWorkload() answers the first that is there", () => {
  const native = nativeWith({ "/a": 20, "/b": `${MODULE}ffff`, "/c": COMPONENT });
  assert.deepEqual(findWorkload(native, "/root", ["/none", "/a", "/b", "/c"]), {
    path: "/b",
    kind: "module",
  });
  assert.deepEqual(findWorkload(native, "/root", ["/c", "/b"]), { path: "/c", kind: "component" });
});

Deno.test("findWorkload() takes no byte of one file for the next", () => {
  const native = nativeWith({ "/short": "0061" });
  assert.equal(findWorkload(native, "/root", ["/short"]).kind, "other");
});

Deno.test("findWorkload() says what it has looked for", () => {
  assert.throws(() => findWorkload(nativeWith({}), "/root", ["/a", "/usr/bin/a"]), {
    kind: "NotFound",
    message: "find process.args[0] in the rootfs: /a, /usr/bin/a: no such file",
  });
});

Deno.test("findWorkload() stops at one that cannot be opened", () => {
  assert.throws(() => findWorkload(nativeWith({ "/a": 40, "/b": MODULE }), "/root", ["/a", "/b"]), {
    kind: "InvalidArgument",
    message: "open process.args[0] /a: ELOOP: too many levels of symbolic links",
  });
});

Deno.test("findModule() answers a module's path and refuses the rest", () => {
  const native = nativeWith({ "/m": MODULE, "/c": COMPONENT, "/o": "7f454c46" });
  assert.equal(findModule(native, "/root", ["/m"]), "/m");
  assert.throws(() => findModule(native, "/root", ["/c"]), {
    kind: "Unimplemented",
    message: "run process.args[0] /c: it is a WebAssembly component",
  });
  assert.throws(() => findModule(native, "/root", ["/o"]), {
    kind: "Unimplemented",
    message: "run process.args[0] /o: it is not a WebAssembly module",
  });
});
