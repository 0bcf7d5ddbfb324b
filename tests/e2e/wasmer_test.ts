/** The engine wasmer, by the runtime type io.containerd.wasmer.v1. */

import assert from "node:assert/strict";
import { assertCensus, type Daemon } from "../support/mod.ts";
import { newId, runWasm, spawnWasm, startDaemon, taskStatus, VERSIONS } from "../support/wasm.ts";

const RUNTIME = "io.containerd.wasmer.v1";

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: the engine wasmer`, async (t) => {
    await using daemon = await startDaemon({ version });
    const before = daemon.census();
    for (const [name, body] of Object.entries(STEPS)) await t.step(name, () => body(daemon));
    await t.step("nothing is left", () => assertCensus(daemon, before));
  });
}

/** A later --runtime counts. */
const run = (daemon: Daemon, args: string[], flags: string[] = []) =>
  runWasm(daemon, args, { flags: ["--runtime", RUNTIME, ...flags], timeoutMs: 20_000 });

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "it runs modules, with their exit codes": async (daemon) => {
    const hello = await run(daemon, ["/hello.wasm"]);
    assert.deepEqual([hello.code, hello.out, hello.err], [0, "hello world\n", ""]);
    assert.equal((await run(daemon, ["/hello.wasm#foo"])).out, "hello from foo\n");
    assert.equal((await run(daemon, ["/exit42.wasm"])).code, 42);
    const trap = await run(daemon, ["/unreachable.wasm"]);
    assert.equal(trap.code, 134);
    assert.match(trap.err, /^trap: unreachable\n.*inner.*\n.*outer.*\n/);
    const args = await run(daemon, ["/args.wasm", "a b", ""], ["--env", "Z=1", "--env", "A=2"]);
    assert.match(
      args.out,
      /^arg: \/args\.wasm\narg: a b\narg: \n(env: .*\n)*env: Z=1\nenv: A=2\n$/,
    );
  },

  "output comes as it is written, and input as it is asked for": async (daemon) => {
    const id = newId();
    const cat = spawnWasm(daemon, ["/cat.wasm"], {
      id,
      flags: ["--runtime", RUNTIME],
      stdin: "open",
      timeoutMs: 20_000,
    });
    await cat.write("first\n");
    await cat.waitForOutput("first\n");
    await cat.write("second\n");
    await cat.waitForOutput("second\n");
    const task = await taskStatus(daemon, id);
    assert.equal(task?.status, "RUNNING");
    const zygote = await Deno.readTextFile(daemon.path(`/proc/${task?.pid}/cmdline`));
    assert.deepEqual(zygote.split("\0").slice(-3), ["wasmer", "eager", ""]);
    await daemon.mustCtr(["task", "kill", "--signal", "SIGTERM", id]);
    assert.equal((await cat.result).code, 143);
  },

  "a large module is compiled as it is called": async (daemon) => {
    const { code, out } = await run(daemon, ["/large.wasm"]);
    assert.deepEqual([code, out], [7, "large\n"]);
  },

  "it reads and writes files of a mounted folder": async (daemon) => {
    const folder = `${daemon.base}/${newId("data")}`;
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/in`, "inside\n");
    const flags = ["--mount", `type=bind,src=${folder},dst=/data,options=rbind:rw`];
    assert.equal((await run(daemon, ["/files.wasm", "read", "/data/in"], flags)).out, "inside\n");
    const write = await run(daemon, ["/files.wasm", "write", "/data/out", "text"], flags);
    assert.deepEqual([write.code, write.err], [0, ""]);
    assert.equal(await Deno.readTextFile(`${folder}/out`), "text");
    assert.equal(await Deno.readTextFile(`${folder}/in`), "inside\n");
  },

  "it sleeps, and siblings draw different random bytes": async (daemon) => {
    const sleep = await run(daemon, ["/wasi-demo-app.wasm", "sleep", "0.5"]);
    assert.equal(sleep.code, 0);
    assert.ok(sleep.ms > 500);
    const group = ["--annotation", "io.kubernetes.cri.sandbox-id=wasmer"];
    const drawn = await Promise.all([1, 2, 3, 4].map(() => run(daemon, ["/random.wasm"], group)));
    for (const { out } of drawn) assert.match(out, /^[0-9a-f]{32}\n$/);
    assert.equal(new Set(drawn.map(({ out }) => out)).size, drawn.length);
  },
};
