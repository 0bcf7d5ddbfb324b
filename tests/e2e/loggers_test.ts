/** Loggers of native and of Wasm containers. */

import assert from "node:assert/strict";
import { LOGGER_SETS } from "../cases/task.ts";
import { type Cases, runCases, runSets } from "../support/cases.ts";
import { makeLogger, READS_ALL } from "../support/logger.ts";
import { waitFor } from "../support/mod.ts";
import { deleteTask, startMixed } from "../support/native.ts";
import { detachWasm, newId, RUNTIME, runWasm, VERSIONS } from "../support/wasm.ts";

const DEMO = "/wasi-demo-app.wasm";

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: loggers`, async (t) => {
    await using daemon = await startMixed({ version });
    await runSets(t, { daemon, runtime: RUNTIME, version }, LOGGER_SETS);
    await t.step("Wasm", (t) => runCases(t, daemon, RUNTIME, WASM_CASES));
  });
}

const WASM_CASES: Cases = {
  "a Wasm container's output is complete": async (daemon) => {
    const logger = await makeLogger(daemon, READS_ALL);
    const id = newId();
    const flags = ["--log-uri", logger.uri];
    assert.equal((await runWasm(daemon, ["/output.wasm", "4"], { id, flags })).code, 0);
    await waitFor("the logger's end", () => logger.has("done"));
    assert.equal((await logger.read("out")).length, (4 << 20) + "end".length);
    assert.equal(await logger.read("id"), `${daemon.namespace} ${id}\n`);
  },

  "each stream has its own descriptor": async (daemon) => {
    const logger = await makeLogger(daemon, READS_ALL);
    await runWasm(daemon, [DEMO, "echo", "words"], { flags: ["--log-uri", logger.uri] });
    await waitFor("the logger's end", () => logger.has("done"));
    assert.equal(await logger.read("out"), "words\n");
    assert.equal(await logger.read("err"), "exiting\n");
  },

  "a logger that ended holds no Wasm container up": async (daemon) => {
    const logger = await makeLogger(daemon, "exec 5>&-; sleep 0.1");
    const flags = ["--log-uri", logger.uri];
    const id = await detachWasm(daemon, [DEMO, "sleep", "0.5"], { flags });
    assert.equal(await deleteTask(daemon, id), 0);
  },

  "a logger that ends before it is ready is refused": async (daemon) => {
    const logger = await makeLogger(daemon, "exit 3");
    const flags = ["--log-uri", logger.uri];
    const { code, err } = await runWasm(daemon, ["/hello.wasm"], { flags });
    assert.notEqual(code, 0);
    assert.ok(err.includes(logger.uri), err);
  },

  "a logger that is never ready is refused, and ended": async (daemon) => {
    const logger = await makeLogger(daemon, "exec sleep 987");
    const flags = ["--log-uri", logger.uri];
    const { code, err } = await runWasm(daemon, ["/hello.wasm"], { flags, timeoutMs: 20_000 });
    assert.notEqual(code, 0);
    assert.ok(err.includes(logger.uri), err);
    assert.ok(!daemon.processes().some(({ argv }) => argv.includes("987")));
  },
};
