/** Limits of Wasm guests by the runtime's options: a guest that wants everything meets them. */

import assert from "node:assert/strict";
import { assertCensus, type Daemon } from "../support/mod.ts";
import { detachWasm, removeWasm, runWasm, startDaemon, VERSIONS } from "../support/wasm.ts";

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: limits of Wasm guests`, async (t) => {
    await using daemon = await startDaemon({ version });
    const before = daemon.census();
    for (const [name, body] of Object.entries(STEPS)) await t.step(name, () => body(daemon));
    await t.step("nothing is left", () => assertCensus(daemon, before));
  });
}

/** The flags of ctr for runtime options of this TOML. */
async function optionsOf(daemon: Daemon, toml: string): Promise<string[]> {
  const path = `${daemon.base}/limits.toml`;
  await Deno.writeTextFile(path, toml);
  return ["--runtime-config-path", path];
}

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "a guest that fills memory gets no more than the limit": async (daemon) => {
    const flags = await optionsOf(daemon, 'MemoryLimit = "32MiB"');
    const { code, err } = await runWasm(daemon, ["/memory.wasm", "4000"], { flags });
    assert.equal(code, 1);
    assert.match(err, /^malloc: no memory after (2\d|3[01]) MiB\n$/);
    const within = await runWasm(daemon, ["/memory.wasm", "16"], { flags });
    assert.deepEqual([within.code, within.out], [0, "touched 16\n"]);
  },

  "a guest in an endless loop ends at the deadline": async (daemon) => {
    const flags = await optionsOf(daemon, 'CpuDeadline = "1s"');
    const { code, err } = await runWasm(daemon, ["/loop.wasm"], { flags });
    assert.deepEqual([code, err], [128 + 24, "cpu deadline reached: 1 s\n"]);
  },

  "what is exec'd has limits of its own": async (daemon) => {
    const flags = await optionsOf(daemon, 'MemoryLimit = "32MiB"\nCpuDeadline = "1s"');
    const id = await detachWasm(daemon, ["/wasi-demo-app.wasm", "sleep", "60"], {
      flags: [...flags, "--null-io"],
    });
    const exec = (name: string, ...args: string[]) =>
      daemon.ctr(["task", "exec", "--exec-id", name, id, ...args]);
    const memory = await exec("memory", "/memory.wasm", "40");
    assert.equal(memory.code, 1);
    assert.match(memory.err, /^malloc: no memory after /);
    const loop = await exec("loop", "/loop.wasm");
    assert.deepEqual([loop.code, loop.err], [128 + 24, "cpu deadline reached: 1 s\n"]);
    await removeWasm(daemon, id);
  },

  "a module that begins above the limit, or a limit that is none, fails at Create": async (
    daemon,
  ) => {
    const small = await optionsOf(daemon, 'MemoryLimit = "64KiB"');
    const above = await runWasm(daemon, ["/memory.wasm", "1"], { flags: small });
    assert.notEqual(above.code, 0);
    assert.match(
      above.err,
      /limit memory 0 of \/memory\.wasm: it begins with \d+ bytes: above the limit of 65536/,
    );
    const wrong = await optionsOf(daemon, 'CpuDeadline = "soon"');
    const refused = await runWasm(daemon, ["/hello.wasm"], { flags: wrong });
    assert.notEqual(refused.code, 0);
    assert.match(refused.err, /CpuDeadline = "soon": not a duration in whole seconds/);
  },
};
