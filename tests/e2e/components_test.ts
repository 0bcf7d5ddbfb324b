/** WebAssembly components (wasi:cli/command) as containers. */

import assert from "node:assert/strict";
import { assertCensus, type Daemon } from "../support/mod.ts";
import { newId, runWasm, spawnWasm, startDaemon, VERSIONS } from "../support/wasm.ts";

const DEMO = "/wasi-demo-app.component.wasm";
const FILES = "/files.component.wasm";
const EXIT = "/exit.component.wasm";

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: components`, async (t) => {
    await using daemon = await startDaemon({ version });
    const before = daemon.census();
    for (const [name, body] of Object.entries(STEPS)) {
      // The ctr of 1.6 never closes a container's stdin.
      if (name !== "stdin" || version !== "1.6") await t.step(name, () => body(daemon));
    }
    await t.step("nothing is left", () => assertCensus(daemon, before));
  });
}

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "demo echo": async (daemon) => {
    const { code, out, err } = await runWasm(daemon, [DEMO, "echo", "hello", "world"]);
    assert.deepEqual([code, out, err], [0, "hello world\n", "exiting\n"]);
  },

  "one of another toolchain: JavaScript in QuickJS, built with Rust": async (daemon) => {
    const { code, out, err } = await runWasm(daemon, ["/javascript.component.wasm", "a", "é"]);
    assert.deepEqual([code, out, err], [
      0,
      'arguments ["/javascript.component.wasm","a","é"]\nhello from JavaScript\n',
      "",
    ]);
  },

  "exit codes": async (daemon) => {
    for (
      const [args, code] of [
        [[DEMO, "exit", "0"], 0],
        [[DEMO, "exit", "1"], 1],
        [[EXIT], 42],
        [[`${EXIT}#status-ok`], 0],
        [[`${EXIT}#status-err`], 1],
        [[`${EXIT}#fail`], 1],
      ] as const
    ) assert.equal((await runWasm(daemon, [...args])).code, code, args.join(" "));
  },

  "an error with a text": async (daemon) => {
    const { code, err } = await runWasm(daemon, [`${EXIT}#text`]);
    assert.deepEqual([code, err], [1, "error: no luck\n"]);
  },

  "a trap": async (daemon) => {
    const { code, err } = await runWasm(daemon, [`${EXIT}#trap`]);
    assert.equal(code, 134);
    assert.match(err, /^trap: unreachable\n +at .*wasm/);
  },

  "arguments and environment": async (daemon) => {
    const { code, out } = await runWasm(daemon, ["/args.component.wasm", "", "é 😀"], {
      flags: ["--env", "A=1=2", "--env", "B="],
    });
    assert.equal(code, 0);
    assert.match(out, /^arg: \/args\.component\.wasm\narg: \narg: é 😀\n/);
    assert.match(out, /env: A=1=2\nenv: B=\n$/);
  },

  "stdin": async (daemon) => {
    // More than a pipe holds: ctr does not close the stdin of a container that is not there yet.
    const stdin = new TextEncoder().encode("0123456789abcde\n".repeat(1 << 16));
    const { code, out } = await runWasm(daemon, ["/cat.component.wasm"], { stdin });
    assert.equal(code, 0);
    assert.ok(out === new TextDecoder().decode(stdin), `${out.length} bytes`);
  },

  "files in a folder of the host": async (daemon) => {
    const volume = `${daemon.base}/${newId("volume")}`;
    await Deno.mkdir(volume);
    const flags = ["--mount", `type=bind,src=${volume},dst=/volume,options=rbind:rw`];
    const run = (...args: string[]) => runWasm(daemon, [FILES, ...args], { flags });
    assert.equal((await run("write", "/volume/f", "text")).code, 0);
    assert.equal(await Deno.readTextFile(`${volume}/f`), "text");
    assert.equal((await run("read", "/volume/f")).out, "text");
    assert.equal((await run("stat", "/volume/f")).out, "file 4\n");
    assert.equal((await run("list", "/volume")).out, "f\n");
    const missing = await run("read", "/volume/g");
    assert.deepEqual([missing.code, missing.err], [
      1,
      "read /volume/g: No such file or directory\n",
    ]);
  },

  "ends at a signal at once": async (daemon) => {
    const id = newId();
    const ctr = spawnWasm(daemon, [DEMO, "daemon"], { id });
    await ctr.waitForOutput("never ends.\n");
    await daemon.mustCtr(["task", "kill", "--signal", "TERM", id]);
    assert.equal((await ctr.result).code, 143);
  },

  "what cannot run is refused by Create": async (daemon) => {
    for (
      const [path, pattern] of [
        ["/unsupported.component.wasm", /no host gives its import wasi:keyvalue\/store@0\.2\.0/],
        ["/component.wasm", /find export wasi:cli\/run of \/component\.wasm: there is none/],
        ["/cut.component.wasm", /compile \/cut\.component\.wasm: unexpected end-of-file/],
        [`${EXIT}#missing`, /find export missing of \/exit\.component\.wasm: there is none/],
      ] as const
    ) {
      const { code, out, err } = await runWasm(daemon, [path]);
      assert.notEqual(code, 0, path);
      assert.equal(out, "");
      assert.match(err, pattern);
    }
  },
};
