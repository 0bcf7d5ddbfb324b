import assert from "node:assert/strict";
import { entrypoint, isSameProgram, program } from "./entrypoint.ts";

const find = (program: string, { cwd = "/", env = ["PATH=/bin:/usr/bin"] } = {}) =>
  entrypoint({ args: [program, "argument"], cwd, env });

Deno.test.each([
  ["/app.wasm", ["/app.wasm"], "_start"],
  ["/app.wasm#foo", ["/app.wasm"], "foo"],
  ["/app.wasm#", ["/app.wasm"], "_start"],
  ["/app.wasm#a#b", ["/app.wasm"], "a#b"],
  ["//srv/../app.wasm", ["/app.wasm"], "_start"],
  ["./app.wasm", ["/work/app.wasm"], "_start"],
  ["sub/app.wasm#x", ["/work/sub/app.wasm"], "x"],
  ["../../../app.wasm", ["/app.wasm"], "_start"],
  ["app.wasm", ["/bin/app.wasm", "/usr/bin/app.wasm", "/work/app.wasm"], "_start"],
])("entrypoint() of %s", (program, candidates, name) => {
  assert.deepEqual(find(program, { cwd: "/work" }), { candidates, export: name });
});

Deno.test("entrypoint() takes the last PATH, relative to the working directory", () => {
  const env = ["PATH=/bin", "PATHS=/x", "PATH=tools::/opt"];
  assert.deepEqual(find("a", { cwd: "/work", env }).candidates, [
    "/work/tools/a",
    "/work/a",
    "/opt/a",
  ]);
});

Deno.test.each<[string[]]>([[[]], [["PATH="]]])(
  "entrypoint() has a PATH without one: %j",
  (env) => {
    const { candidates } = find("a", { env });
    assert.deepEqual([candidates[0], candidates.at(-1)], ["/usr/local/sbin/a", "/a"]);
  },
);

Deno.test.each([[""], ["#foo"], ["/srv/"]])("entrypoint() rejects %j", (program) => {
  assert.throws(() => find(program), {
    kind: "InvalidArgument",
    message: `process.args[0]: ${JSON.stringify(program)}: names no file`,
  });
});

const named = (text: string, cwd = "/", env: string[] = []) => ({ args: [text], cwd, env });

Deno.test.each([
  ["/app.wasm", "/app.wasm", "_start"],
  ["app#run", "app", "run"],
  ["#run#fast", "", "run#fast"],
  ["/", "/", "_start"],
  ["", "", "_start"],
  ["app#", "app", "_start"],
])("program() of %j is %j and %j", (text, file, name) => {
  assert.deepEqual(program(named(text)), { file, export: name });
});

Deno.test("program() of no arguments is empty", () => {
  assert.deepEqual(program({ args: [] }), { file: "", export: "_start" });
});

Deno.test.each([
  [named("/app.wasm"), named("/app.wasm#run"), true],
  [named("#run"), named(""), true],
  [named("/"), named("/"), true],
  [named("app.wasm", "/srv"), named("/srv/app.wasm"), true],
  [named("./app.wasm", "/srv"), named("app.wasm", "/srv"), true],
  [named("app.wasm", "/", ["PATH=/opt"]), named("/opt/app.wasm"), true],
  [named("/a/../app.wasm"), named("/app.wasm"), true],
  [named("./app.wasm", "/srv"), named("/app.wasm"), false],
  [named("/app.wasm"), named("/app.wasm/"), false],
  [named("/other.wasm"), named("/app.wasm"), false],
  [named("/"), named("/app.wasm"), false],
])("isSameProgram() of %j and %j is %j", (process, entry, expected) => {
  assert.equal(isSameProgram(process, entry), expected);
  assert.equal(isSameProgram(entry, process), expected);
});
