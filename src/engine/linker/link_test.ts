import assert from "node:assert/strict";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { findExport } from "./exports.ts";
import { type HostInterfaces, interfaceName, Linker, parseComponent } from "./link.ts";
import { findShortcuts, fixupNames, shimSize } from "./shim.ts";

const toBytes = async (wat: string) => new Uint8Array(await parse(wat));
await parse("(component)"); // loads the tools

/**
 * A component that imports test:host/calls with `imports`, whose core functions are given to its module as "calls", and exports `go`
 * of the interface test:guest/run.
 */
const component = (imports: string, aliases: string, given: string, body: string) =>
  `(component
  (import "test:host/calls@0.2.7" (instance $host ${imports}))
  ${aliases}
  (core module $memory
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get 3)))))
  (core instance $memory (instantiate $memory))
  ${given}
  (core module $code ${body})
  (core instance $code (instantiate $code (with "calls" (instance $calls)) (with "memory" (instance $memory))))
  (func $go (canon lift (core func $code "go")))
  (instance $run (export "go" (func $go)))
  (export "test:guest/run@0.2.0" (instance $run)))`;

const RUN = "test:guest/run@0.2.0";

/** Runs `go` with a host, and answers what is thrown. */
async function go(wat: string, host: HostInterfaces, suspends: string[] = []): Promise<void> {
  const parsed = parseComponent(await toBytes(wat), "/app.wasm");
  const linker = new Linker(parsed, "/app.wasm", host, (_, name) => suspends.includes(name));
  linker.validate();
  await linker.compile().instantiate(RUN, "go").call();
}

const OPTIONS = '(memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))';

Deno.test("Linker passes values to and from functions of the host", async () => {
  const seen: unknown[] = [];
  const wat = component(
    `(export "shout" (func (param "text" string) (result string)))`,
    "",
    `(core func $shout (canon lower (func $host "shout") ${OPTIONS}))
     (core instance $calls (export "shout" (func $shout)))`,
    `(import "calls" "shout" (func $shout (param i32 i32 i32)))
     (import "memory" "memory" (memory 1))
     (data (i32.const 8) "quiet")
     (func (export "go")
       (call $shout (i32.const 8) (i32.const 5) (i32.const 64))
       (call $shout (i32.load (i32.const 64)) (i32.load (i32.const 68)) (i32.const 64)))`,
  );
  const shout = (text: string) => {
    seen.push(text);
    return `${text.toUpperCase()}!`;
  };
  await go(wat, { "test:host/calls": { shout } });
  assert.deepEqual(seen, ["quiet", "QUIET!"]);
});

const RESOURCE = component(
  `(export "thing" (type $thing (sub resource)))
   (export "[constructor]thing" (func (param "size" u32) (result (own $thing))))
   (export "[method]thing.size" (func (param "self" (borrow $thing)) (result u32)))
   (export "[static]thing.end" (func (param "this" (own $thing))))`,
  `(alias export $host "thing" (type $thing))`,
  `(core func $new (canon lower (func $host "[constructor]thing")))
   (core func $size (canon lower (func $host "[method]thing.size")))
   (core func $end (canon lower (func $host "[static]thing.end")))
   (core func $drop (canon resource.drop $thing))
   (core instance $calls
     (export "new" (func $new)) (export "size" (func $size)) (export "end" (func $end)) (export "drop" (func $drop)))`,
  `(import "calls" "new" (func $new (param i32) (result i32)))
   (import "calls" "size" (func $size (param i32) (result i32)))
   (import "calls" "end" (func $end (param i32)))
   (import "calls" "drop" (func $drop (param i32)))
   (func (export "go") (local $a i32)
     (local.set $a (call $new (i32.const 5)))
     (if (i32.ne (call $size (local.get $a)) (i32.const 5)) (then unreachable))
     (call $end (local.get $a))
     (call $drop (call $new (i32.const 6))))`,
);

Deno.test("Linker gives handles for resources, which methods and drops take", async () => {
  const seen: string[] = [];
  class Thing {
    constructor(readonly bytes: number) {}
    size() {
      return this.bytes;
    }
    static end(thing: Thing) {
      seen.push(`end ${thing.bytes}`);
    }
    [Symbol.dispose]() {
      seen.push(`dispose ${this.bytes}`);
    }
  }
  await go(RESOURCE, { "test:host/calls": { Thing } });
  assert.deepEqual(seen, ["end 5", "dispose 6"]);
});

/** Calls `wait` and then `done`. */
const WAITING = component(
  `(export "wait" (func)) (export "done" (func))`,
  "",
  `(core func $wait (canon lower (func $host "wait")))
   (core func $done (canon lower (func $host "done")))
   (core instance $calls (export "wait" (func $wait)) (export "done" (func $done)))`,
  `(import "calls" "wait" (func $wait)) (import "calls" "done" (func $done))
   (func (export "go") (call $wait) (call $wait) (call $done))`,
);

Deno.test("Linker suspends the guest for a promise alone", async () => {
  for (const waits of [0, 1, 2]) {
    let [left, done] = [waits, false];
    const wait = () => left-- > 0 ? Promise.resolve() : undefined;
    const ended = go(WAITING, {
      "test:host/calls": { wait, done: () => void (done = true) },
    }, ["wait"]);
    await ended;
    assert.ok(done);
    assert.equal(left, waits - 2);
  }
  const parsed = parseComponent(await toBytes(WAITING), "/app.wasm");
  let done = false;
  const host = { "test:host/calls": { wait: () => {}, done: () => void (done = true) } };
  const linked = new Linker(parsed, "/app.wasm", host, (_, name) => name === "wait").compile()
    .instantiate(RUN, "go");
  const ended = linked.call();
  assert.ok(done, "nothing was waited for: it is done at once");
  await ended;
});

Deno.test("Linker passes on what a promise is rejected with", async () => {
  const wait = () => Promise.reject(new Error("lost"));
  await assert.rejects(
    go(WAITING, { "test:host/calls": { wait, done: () => {} } }, ["wait"]),
    { message: "lost" },
  );
});

Deno.test("Linker refuses what the host does not give", async () => {
  const refused = (host: HostInterfaces, what: RegExp) =>
    assert.rejects(go(WAITING, host), { kind: "InvalidArgument", message: what });
  await refused(
    {},
    /^link \/app\.wasm: no host gives its import test:host\/calls@0\.2\.7 \(instance\)$/,
  );
  await refused(
    { "test:host/calls": { wait: () => {} } },
    /^link \/app\.wasm: no host gives its import test:host\/calls@0\.2\.7\.done$/,
  );
});

Deno.test("Linker.validate() says where a module is wrong", async () => {
  const code = await toBytes(WAITING);
  const parsed = parseComponent(code, "/app.wasm");
  parsed.modules[1] = parsed.modules[1].slice(0, -1);
  const host = { "test:host/calls": { wait: () => {}, done: () => {} } };
  assert.throws(() => new Linker(parsed, "/app.wasm", host, () => false).validate(), {
    kind: "InvalidArgument",
    message: /^compile \/app\.wasm: .* @\+\d+$/,
  });
});

Deno.test("parseComponent() fails in order, whatever byte is changed or missing", async () => {
  const code = await toBytes(RESOURCE);
  const parse = (changed: Uint8Array<ArrayBuffer>) => {
    try {
      parseComponent(changed, "/app.wasm");
    } catch (error) {
      assert.match(
        String((error as { kind?: string }).kind),
        /^(InvalidArgument|Unimplemented)$/,
        String(error),
      );
    }
  };
  for (let size = 0; size < code.length; size++) parse(code.slice(0, size));
  for (let at = 0; at < code.length; at++) {
    for (const mask of [0x01, 0x55, 0xff]) {
      const changed = code.slice();
      changed[at] ^= mask;
      parse(changed);
    }
  }
});

Deno.test("Linker refuses types that grow beyond measure", async () => {
  const doubled = Array.from(
    { length: 40 },
    (_, index) => `(type $t${index + 1} (tuple $t${index} $t${index}))`,
  ).join("\n");
  const wat = `(component
    (type $t0 (tuple u8 u8))
    ${doubled}
    (import "test:host/calls@0.2.0" (instance $host
      (alias outer 1 $t40 (type $t))
      (export "take" (func (param "value" $t)))))
    (core module $memory (memory (export "memory") 1))
    (core instance $memory (instantiate $memory))
    (core func $take (canon lower (func $host "take") (memory (core memory $memory "memory")))))`;
  const parsed = parseComponent(await toBytes(wat), "/app.wasm");
  const host = { "test:host/calls": { take: () => {} } };
  assert.throws(() => new Linker(parsed, "/app.wasm", host, () => false), {
    kind: "Unimplemented",
    message: /^link \/app\.wasm: test:host\/calls@0\.2\.0\.take: a type of more than \d+ values/,
  });
});

Deno.test("findExport() finds functions behind the names that a linker gives them", async () => {
  const wat = `(component
    (core module $code (func (export "f")))
    (core instance $code (instantiate $code))
    (func $f (canon lift (core func $code "f")))
    (component $names
      (import "inner" (func $inner))
      (export "outer" (func $inner)))
    (instance $named (instantiate $names (with "inner" (func $f))))
    (export "test:guest/run@0.2.0" (instance $named)))`;
  const parsed = parseComponent(await toBytes(wat), "/app.wasm");
  assert.equal(findExport(parsed, RUN, "outer")?.from, "lift");
  assert.equal(findExport(parsed, RUN, "inner"), undefined);
  assert.equal(findExport(parsed, "test:guest/run@0.2.1", "outer"), undefined);
});

Deno.test("interfaceName() takes every patch of 0.2 and nothing else", () => {
  assert.equal(interfaceName("wasi:io/poll@0.2.0"), "wasi:io/poll");
  assert.equal(interfaceName("wasi:io/poll@0.2.12"), "wasi:io/poll");
  for (const name of ["wasi:io/poll", "wasi:io/poll@0.3.0", "wasi:io/poll@0.2.0-rc-2023", "run"]) {
    assert.equal(interfaceName(name), null);
  }
});

const SHIM = `(module
  (type (func (param i32 i64))) (type (func (result i32)))
  (table (export "$imports") 2 2 funcref)
  (func (export "0") (type 0) local.get 0 local.get 1 i32.const 0 call_indirect (type 0))
  (func (export "1") (type 1) i32.const 1 call_indirect (type 1)))`;
const FIXUPS = `(module
  (type (func (param i32 i64))) (type (func (result i32)))
  (import "shim" "$imports" (table 2 2 funcref))
  (import "actual" "b" (func (type 1)))
  (import "actual" "a" (func (type 0)))
  (elem (i32.const 0) func 1 0))`;

Deno.test("shimSize() and fixupNames() know the modules of wit-component, and no others", async () => {
  const toModule = async (wat: string) =>
    parseComponent(await toBytes(`(component (core ${wat.slice(1)})`), "/app.wasm").modules[0];
  assert.equal(shimSize(await toModule(SHIM)), 2);
  assert.deepEqual(fixupNames(await toModule(FIXUPS)), ["a", "b"]);
  assert.equal(shimSize(await toModule(FIXUPS)), undefined);
  assert.equal(fixupNames(await toModule(SHIM)), undefined);
  const others = [
    SHIM.replace("i32.const 1", "i32.const 0"),
    SHIM.replace("local.get 0 local.get 1", "i32.const 0 local.get 1"),
    SHIM.replace('"$imports"', '"table"'),
    SHIM.replace('(export "1")', ""),
    SHIM.replace("(table", "(memory 1) (table"),
    SHIM.replace("call_indirect (type 1)", "call_indirect (type 1) i32.const 1 i32.add"),
  ];
  for (const wat of others) assert.equal(shimSize(await toModule(wat)), undefined, wat);
  const fixups = [
    FIXUPS.replace("(elem (i32.const 0)", "(elem (i32.const 1)"),
    FIXUPS.replace("func 1 0", "func 1 1"),
    FIXUPS.replace("func 1 0", "func 1"),
    FIXUPS.replace("(elem", "(func) (elem"),
  ];
  for (const wat of fixups) assert.equal(fixupNames(await toModule(wat)), undefined, wat);
});

/** Calls `pass` of the host with 7 through a shim, and the shim's other function, which another module's is. */
const SHIMMED = (other: string) =>
  `(component
  (import "test:host/calls@0.2.0" (instance $host (export "pass" (func (param "text" string)))))
  (core module $shim
    (type (func (param i32 i32))) (type (func))
    (table (export "$imports") 2 2 funcref)
    (func (export "0") (type 0) local.get 0 local.get 1 i32.const 0 call_indirect (type 0))
    (func (export "1") (type 1) i32.const 1 call_indirect (type 1)))
  (core instance $shim (instantiate $shim))
  (core instance $calls
    (export "pass" (func $shim "0"))
    (export "other" (func $shim "1")))
  (core module $code
    (import "calls" "pass" (func $pass (param i32 i32)))
    (import "calls" "other" (func $other))
    (memory (export "memory") 1)
    (global $called (export "called") (mut i32) (i32.const 0))
    (data (i32.const 8) "through")
    (func (export "go")
      (call $pass (i32.const 8) (i32.const 7))
      (call $other)))
  (core instance $code (instantiate $code (with "calls" (instance $calls))))
  (core func $pass (canon lower (func $host "pass") (memory (core memory $code "memory"))))
  ${other}
  (core module $fixups
    (type (func (param i32 i32))) (type (func))
    (import "shim" "$imports" (table 2 2 funcref))
    (import "actual" "0" (func (type 0)))
    (import "actual" "1" (func (type 1)))
    (elem (i32.const 0) func 0 1))
  (core instance $actual (export "0" (func $pass)) (export "1" (func $other)))
  (core instance (instantiate $fixups
    (with "shim" (instance $shim)) (with "actual" (instance $actual))))
  (func $go (canon lift (core func $code "go")))
  (instance $run (export "go" (func $go)))
  (export "test:guest/run@0.2.0" (instance $run)))`;

Deno.test("Linker leaves a shim out, or only what it may of it", async () => {
  const host = (seen: string[]) => ({
    "test:host/calls": { pass: (text: string) => void seen.push(text) },
  });
  for (
    const [unused, other] of [
      [3, '(core func $other (canon lower (func $host "none")))'],
      [
        0,
        '(core module $last (func (export "f"))) (core instance $last (instantiate $last))' +
        ' (alias core export $last "f" (core func $other))',
      ],
    ] as const
  ) {
    const wat = SHIMMED(other).replace(
      unused === 0 ? "none" : '(param "text" string))',
      unused === 0 ? "none" : '(param "text" string))) (export "none" (func)',
    );
    const seen: string[] = [];
    const given = host(seen);
    Object.assign(given["test:host/calls"], { none: () => void seen.push("none") });
    await go(wat, given);
    assert.deepEqual(seen, unused === 0 ? ["through"] : ["through", "none"]);
    const parsed = parseComponent(await toBytes(wat), "/app.wasm");
    assert.equal(findShortcuts(parsed).unused.size, unused);
  }
});
