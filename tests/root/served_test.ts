/** The native side of a runtime that serves a program in its sandbox. Needs root. */

import assert from "node:assert/strict";
import { SERVED_LOCK } from "../../src/oci/mod.ts";
import { SeccompCompiler } from "../../src/linux/seccomp.ts";
import { Running } from "../support/mod.ts";
import { folder, ROOT, RUNTIME, sandbox, TestZygote } from "./support_zygote.ts";

const LIBRARY = `${RUNTIME}/libdenowasi.so`;
const FILTER = `${folder}/lock.bpf`;
{
  using compiler = new SeccompCompiler("libseccomp.so.2");
  Deno.writeFileSync(FILTER, compiler.compile(SERVED_LOCK).filter);
}

/** A process that has `native` and `filter`, and runs `body`. */
function script(body: string): Running {
  const text = `
    import { openServedNative } from "${import.meta.resolve("../../src/linux/native.ts")}";
    const native = openServedNative("${LIBRARY}");
    const filter = Deno.readFileSync("${FILTER}");
    const say = (text) => Deno.stdout.writeSync(new TextEncoder().encode(text + "\\n"));
    ${body}`;
  const path = `${folder}/${crypto.randomUUID()}.ts`;
  Deno.writeTextFileSync(path, text);
  return new Running([Deno.execPath(), "run", "-A", "--quiet", "--no-check", path], {
    timeoutMs: 20_000,
  });
}

Deno.test("dw_served_lock() ends whoever execs, in every thread", async () => {
  const { code, out, err } = await script(`
    const run = () => new Deno.Command("/bin/true").output();
    say(String((await run()).code));
    say(String(native.dw_served_lock(filter, BigInt(filter.length))));
    say(String((await run()).signal));
    say(String(native.dw_served_lock(filter, BigInt(filter.length))));
  `).result;
  assert.deepEqual([code, err], [0, ""]);
  assert.equal(out, "0\n0\nSIGSYS\n-1\n", "nor is there another filter after it");
});

Deno.test("dw_served_lock() refuses what is no filter", async () => {
  const { out } = await script(`
    say(String(native.dw_served_lock(new Uint8Array(7), 7n)));
    say(String(native.dw_served_lock(new Uint8Array(8), 0n)));
  `).result;
  assert.equal(out, "-22\n-22\n");
});

/** Handles signals as the runtime does, then does `what`. */
const serving = (what: string) =>
  script(`
    const ended = new Promise((resolve) => Deno.addSignalListener("SIGINT", resolve));
    say(String(native.dw_served_signals(1)));
    ${what}`);

Deno.test("dw_served_signals() leaves SIGINT to the runtime's own handler", async () => {
  const process = serving(`await ended; say("ended"); Deno.exit(7);`);
  await process.waitForOutput("0\n");
  Deno.kill(process.pid, "SIGINT");
  const { code, out } = await process.result;
  assert.deepEqual([code, out], [7, "0\nended\n"]);
});

Deno.test("dw_served_signals() ends one that is busy with 0, some time after SIGINT", async () => {
  const process = serving(`for (;;);`);
  await process.waitForOutput("0\n");
  const startedMs = performance.now();
  Deno.kill(process.pid, "SIGINT");
  const { code } = await process.result;
  const ms = performance.now() - startedMs;
  assert.equal(code, 0);
  assert.ok(ms > 900 && ms < 3000, `${ms} ms`);
});

for (const [signal, code] of [["SIGTERM", 143], ["SIGHUP", 129], ["SIGUSR1", 138]] as const) {
  Deno.test(`dw_served_signals() ends one that is busy at once, at ${signal}`, async () => {
    const process = serving(`for (;;);`);
    await process.waitForOutput("0\n");
    Deno.kill(process.pid, signal);
    assert.equal((await process.result).code, code);
  });
}

Deno.test("zygote refuses to serve what cannot be, before there is a process", async () => {
  await using zygote = await TestZygote.start();
  for (let round = 0; round < 2; round++) { // it knows the program by then
    await assert.rejects(
      zygote.create({ module: "/http.wasm", served: sandbox(ROOT), refusal: "no: not now" }),
      { kind: "InvalidArgument", message: "no: not now" },
    );
  }
  const other = await zygote.run({ refusal: "no: not now", served: sandbox(ROOT) });
  assert.equal(other.code, 0, "a module is not served");
});

Deno.test("zygote's child that is to serve says when there is no /proc", async () => {
  await using zygote = await TestZygote.start();
  const served = sandbox(ROOT).filter((op) => op.op !== "mount");
  await assert.rejects(zygote.create({ module: "/http.wasm", served }), {
    message: /^set up the sandbox: find the runtime by \/proc, which must be mounted: ENOENT/,
  });
});
