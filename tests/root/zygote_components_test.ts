/** Components in forked children of the zygote, which has them transpiled in a process apart. Needs root. */

import assert from "node:assert/strict";
import { waitFor } from "../support/mod.ts";
import { ROOT, TestZygote } from "./support_zygote.ts";

Deno.test("zygote runs components as it does modules", async () => {
  await using zygote = await TestZygote.start();
  const args = ["app", "", "é 😀", "a\nb"];
  const env = ["B=2", "A=1", "B=3"];
  const lines = [...args.map((arg) => `arg: ${arg}\n`), ...env.map((entry) => `env: ${entry}\n`)];
  assert.deepEqual(await zygote.run({ module: "/args.component.wasm", args, env }), {
    code: 0,
    out: lines.join(""),
    err: "",
  });
  assert.equal((await zygote.run({ module: "/exit.component.wasm" })).code, 42);
  assert.deepEqual(await zygote.run({ module: "/exit.component.wasm", export: "fail" }), {
    code: 1,
    out: "",
    err: "",
  });
  const trap = await zygote.run({ module: "/exit.component.wasm", export: "trap" });
  assert.equal(trap.code, 134);
  assert.match(trap.err, /^trap: unreachable\n.*wasm/);
});

Deno.test("zygote transpiles the same component once", async () => {
  await using zygote = await TestZygote.start();
  await zygote.run({ module: "/random.component.wasm" });
  const descriptors = zygote.descriptors();
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: 10 }, () => zygote.run({ module: "/random.component.wasm" })),
  );
  const ms = performance.now() - begun;
  assert.ok(ms < 1000, `${ms} ms`);
  assert.equal(zygote.descriptors(), descriptors);
  await waitFor("monitors to end", () => zygote.children().length === 0);
});

Deno.test("zygote's children draw different random bytes by wasi:random", async () => {
  await using zygote = await TestZygote.start();
  const runs = Array.from({ length: 8 }, () => zygote.run({ module: "/random.component.wasm" }));
  const drawn = (await Promise.all(runs)).map(({ out }) => out);
  assert.match(drawn[0], /^[0-9a-f]{32}\n$/);
  assert.equal(new Set(drawn).size, drawn.length);
});

Deno.test("zygote refuses components that cannot run, and goes on", async () => {
  Deno.writeFileSync(`${ROOT}/cut.wasm`, Uint8Array.fromHex("0061736d0d0001000701ff"));
  await using zygote = await TestZygote.start();
  const refused: [container: { module: string; export?: string }, message: string][] = [
    [
      { module: "/unsupported.component.wasm" },
      "link /unsupported.component.wasm: no host gives its import wasi:keyvalue/store@0.2.0 (instance)",
    ],
    [{ module: "/cut.wasm" }, "compile /cut.wasm: unexpected end-of-file (at offset 0xb)"],
    [{ module: "/component.wasm" }, "find export wasi:cli/run of /component.wasm: there is none"],
    [
      { module: "/exit.component.wasm", export: "missing" },
      "find export missing of /exit.component.wasm: there is none",
    ],
    [
      { module: "/exit.component.wasm", export: "wasi:cli/run@0.2.4" },
      "find export wasi:cli/run@0.2.4 of /exit.component.wasm: it is no function but instance",
    ],
  ];
  for (const [container, message] of refused) {
    await assert.rejects(zygote.create(container), { kind: "InvalidArgument", message });
  }
  assert.equal((await zygote.run({ module: "/exit.component.wasm" })).code, 42);
});
