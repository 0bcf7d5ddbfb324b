/** How a guest ends: nothing of its own may stop it. */

import assert from "node:assert/strict";
import wabt from "wabt";
import { builtSystem } from "../../linux/testing/system.ts";
import { denoEngine } from "../deno.ts";
import type { Program } from "../mod.ts";

const { parseWat } = await wabt();
const engine = denoEngine({ system: await builtSystem() });

function run(source: string) {
  const module = parseWat("test.wat", source, { exceptions: true, reference_types: true });
  try {
    const program = engine.compile(
      new Uint8Array(module.toBinary({}).buffer),
      "/app.wasm",
    ) as Program;
    return program.run({
      ...{ args: [], env: [], cwd: "/", export: "_start", preopens: [], listeners: [] },
    });
  } finally {
    module.destroy();
  }
}

const IMPORTS = `
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "proc_raise" (func $proc_raise (param i32) (result i32)))`;
const EXIT = "(call $proc_exit (i32.const 7))";

Deno.test.each([
  ["try and catch_all", `(try (do ${EXIT}) (catch_all (call $proc_exit (i32.const 99))))`],
  ["try and delegate", `(try (do (try (do ${EXIT}) (delegate 0))) (catch_all))`],
  ["try_table and catch_all", `(block $caught (try_table (catch_all $caught) ${EXIT}))`],
])("proc_exit() is not caught by %s", (_, body) => {
  assert.deepEqual(run(`(module ${IMPORTS} (func (export "_start") ${body}))`), {
    code: 7,
    message: "",
  });
});

Deno.test("proc_exit() ends a guest while it is instantiated", () => {
  const source =
    `(module ${IMPORTS} (func $begin ${EXIT}) (start $begin) (func (export "_start")))`;
  assert.equal(run(source).code, 7);
});

Deno.test.each([
  [0, 0],
  [1, 1],
  [255, 255],
  [256, 0],
  [-1, 255],
])("proc_exit(%i) is the code %i", (given, code) => {
  const body = `(call $proc_exit (i32.const ${given}))`;
  assert.equal(run(`(module ${IMPORTS} (func (export "_start") ${body}))`).code, code);
});

Deno.test.each([
  [2, 130], // int
  [6, 134], // abrt
  [9, 137], // kill
  [15, 143], // term
  [23, 128 + 24], // xcpu, one more on Linux
  [30, 128 + 31], // sys
])("proc_raise(%i) ends the guest with %i", (signal, code) => {
  const body = `(call $proc_exit (call $proc_raise (i32.const ${signal})))`;
  assert.deepEqual(run(`(module ${IMPORTS} (func (export "_start") ${body}))`), {
    code,
    message: "",
  });
});

Deno.test.each([
  [0, 0], // none
  [16, 0], // chld
  [17, 0], // cont
  [27, 0], // winch
  [18, 58], // stop: ENOTSUP
  [31, 28], // EINVAL
  [-1, 28],
])("proc_raise(%i) answers %i", (signal, errno) => {
  const body = `(call $proc_exit (call $proc_raise (i32.const ${signal})))`;
  assert.equal(run(`(module ${IMPORTS} (func (export "_start") ${body}))`).code, errno);
});

Deno.test("a trap is not taken for an exit that came before, in another run", () => {
  assert.equal(run(`(module ${IMPORTS} (func (export "_start") ${EXIT}))`).code, 7);
  assert.equal(run(`(module (func (export "_start") unreachable))`).code, 134);
});
