import assert from "node:assert/strict";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { externals } from "./binary.ts";
import { transpile } from "./transpile.ts";
import { pack, unpack } from "./transpiled.ts";

/** Imports and exports of every kind that a component can have without being of use. */
const MIXED = await parse(`(component
  (import "wasi:cli/exit@0.2.3" (instance $exit
    (export "exit" (func (param "status" (result))))))
  (import "unused:some/thing@1.2.0-rc.1" (instance))
  (import "code" (core module $code (export "f" (func (result i32)))))
  (import "kind" (type (sub resource)))
  (import "also" (func $also (param "text" string)))
  (core instance $made (instantiate $code))
  (func $f (result u32) (canon lift (core func $made "f")))
  (instance $run (export "f" (func $f)))
  (export "test:it/all@0.1.0" (instance $run))
  (export "f" (func $f)))`);

Deno.test("externals() has every import and export with its version", () => {
  assert.deepEqual(externals(MIXED), {
    imports: [
      { name: "wasi:cli/exit@0.2.3", kind: "instance" },
      { name: "unused:some/thing@1.2.0-rc.1", kind: "instance" },
      { name: "code", kind: "core module" },
      { name: "kind", kind: "type" },
      { name: "also", kind: "function" },
    ],
    exports: [
      { name: "test:it/all@0.1.0", kind: "instance" },
      { name: "f", kind: "function" },
    ],
  });
});

Deno.test("externals() says where a component is cut", () => {
  assert.throws(() => externals(MIXED.subarray(0, 9)), {
    name: "RangeError",
    message: "read a component: ends at 9",
  });
});

const ANSWER = await parse(`(component
  (core module $code (func (export "f") (result i32) i32.const 42))
  (core instance $made (instantiate $code))
  (func $f (result u32) (canon lift (core func $made "f")))
  (export "answer" (func $f)))`);

Deno.test("transpile() makes a script that instantiates the core modules", async () => {
  const { script, modules, imports, exports } = await transpile(ANSWER, "/a.wasm");
  assert.deepEqual(imports, []);
  assert.deepEqual(exports, [{ name: "answer", kind: "function" }]);
  const { instantiate } = await import(`data:text/javascript,${encodeURIComponent(script)}`);
  const made = instantiate((name: string) => new WebAssembly.Module(modules.get(name)!), {});
  assert.equal(made.answer(), 42);
});

Deno.test("transpile() makes functions that suspend, of those that it is told", async () => {
  const code = await parse(`(component
    (import "later" (func $later (result u32)))
    (core func $lowered (canon lower (func $later)))
    (core module $code
      (import "" "later" (func $later (result i32)))
      (func (export "f") (result i32) call $later))
    (core instance $made (instantiate $code
      (with "" (instance (export "later" (func $lowered))))))
    (func $f (result u32) (canon lift (core func $made "f")))
    (export "answer" (func $f)))`);
  const { script, modules } = await transpile(code, "/a.wasm", {
    suspending: { imports: ["later"], exports: ["answer"] },
  });
  const { instantiate } = await import(`data:text/javascript,${encodeURIComponent(script)}`);
  const made = await instantiate((name: string) => new WebAssembly.Module(modules.get(name)!), {
    later: { default: () => new Promise((resolve) => setTimeout(() => resolve(7), 1)) },
  });
  assert.equal(await made.answer(), 7);
  await new Promise((resolve) => setTimeout(resolve, 50)); // timers of the script's own
});

Deno.test.each([
  ["0061736d0d0001007f", /^compile \/a\.wasm: unexpected end-of-file \(at offset 0x9\)$/],
  ["0061736d0d0001000701ff", /^compile \/a\.wasm: unexpected end-of-file \(at offset 0xb\)$/],
  ["0061736d0d0001007f00", /^compile \/a\.wasm: malformed section id: 127 \(at offset 0xa\)$/],
  ["0061736d0e000100", /^compile \/a\.wasm: unknown binary version.* \(at offset 0x4\)$/],
])("transpile() says where %s is wrong", async (hex, message) => {
  await assert.rejects(transpile(Uint8Array.fromHex(hex), "/a.wasm"), {
    kind: "InvalidArgument",
    message,
  });
});

Deno.test("unpack() answers what pack() was given", async () => {
  const transpiled = await transpile(ANSWER, "/a.wasm");
  const packed = pack(transpiled);
  assert.deepEqual(unpack(packed), transpiled);
  for (const size of [0, 3, 100, packed.length - 1]) {
    assert.throws(() => unpack(packed.subarray(0, size)), { kind: "DataLoss" });
  }
});
