import assert from "node:assert/strict";
import { check, cString } from "./native.ts";

Deno.test("cString() is UTF-8 with a NUL", () => {
  assert.equal(cString("é").toHex(), "c3a900");
  assert.equal(cString("").toHex(), "00");
});

Deno.test("check() passes what is not negative", () => {
  assert.equal(check(0, "act"), 0);
  assert.equal(check(7n, "act"), 7);
});

Deno.test("check() throws what a negative errno means", () => {
  const expected = { kind: "NotFound", message: "act: ENOENT: no such file or directory" };
  assert.throws(() => check(-2, "act"), expected);
  assert.throws(() => check(-2n, "act"), expected);
});

Deno.test("every function of native.ts and system.ts is exported by native/*.c, and the reverse", () => {
  const folder = new URL("native", import.meta.url).pathname;
  const exported = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".c"))
    .flatMap(({ name }) => {
      const text = Deno.readTextFileSync(`${folder}/${name}`);
      return [...text.matchAll(/^DW_EXPORT .*?\b(dw_\w+)\(/gm)].map(([, symbol]) => symbol);
    });
  const binding = ["native.ts", "system.ts"].map((name) =>
    Deno.readTextFileSync(new URL(name, import.meta.url))
  ).join("");
  const bound = [...binding.matchAll(/^ {2}(dw_\w+): \{|name: "(dw_\w+)"/gm)]
    .map(([, symbol, named]) => symbol ?? named);
  assert.ok(bound.length > 10);
  assert.deepEqual(bound.sort(), exported.sort());
});
