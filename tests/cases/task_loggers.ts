/** Where output goes besides FIFOs: files, and programs that read it (`--log-uri`). */

import assert from "node:assert/strict";
import type { Cases } from "../support/cases.ts";
import { makeLogger, READS_ALL } from "../support/logger.ts";
import { waitFor } from "../support/mod.ts";
import { deleteTask, detachNative, execIn, removeTask, runNative, sh } from "../support/native.ts";
import { newId } from "../support/wasm.ts";

export const LOGGER_CASES: Cases = {
  "file:// gets both streams, in a folder that was not there": async (daemon, runtime) => {
    const path = `${daemon.base}/${newId("logs")}/new/log`;
    const flags = ["--log-uri", `file://${path}`];
    const id = await detachNative(daemon, runtime, sh("echo out; echo err >&2; exit 3"), { flags });
    assert.equal(await deleteTask(daemon, id), 3);
    // Whoever copies may copy one stream before the other, and runc's shim may do so late.
    const lines = async () => (await Deno.readTextFile(path)).split("\n").sort();
    await waitFor("both streams", async () => (await lines()).length === 3);
    assert.deepEqual(await lines(), ["", "err", "out"]);
  },

  "file:// is appended to": async (daemon, runtime) => {
    const path = `${daemon.base}/${newId("log")}`;
    for (const word of ["one", "two"]) {
      const flags = ["--log-uri", `file://${path}`];
      await runNative(daemon, runtime, ["echo", word], { flags });
    }
    assert.equal(await Deno.readTextFile(path), "one\ntwo\n");
  },

  "binary:// gets each stream, complete, and who it is": async (daemon, runtime) => {
    const logger = await makeLogger(daemon, READS_ALL);
    const id = newId();
    const script = "seq 1 100000; echo problem >&2; exit 3";
    const flags = ["--log-uri", `${logger.uri}?tag=some%20word`];
    assert.equal((await runNative(daemon, runtime, sh(script), { id, flags })).code, 3);
    await waitFor("the logger's end", () => logger.has("done"));
    assert.deepEqual((await logger.read("out")).split("\n").slice(99_999), ["100000", ""]);
    assert.equal(await logger.read("err"), "problem\n");
    assert.equal(await logger.read("args"), "tag\nsome word\n");
    assert.equal(await logger.read("id"), `${daemon.namespace} ${id}\n`);
  },

  "binary:// for an exec": async (daemon, runtime) => {
    const logger = await makeLogger(daemon, READS_ALL);
    const id = await detachNative(daemon, runtime, ["sleep", "100"]);
    const flags = ["--log-uri", logger.uri];
    const { code } = await execIn(daemon, id, sh("seq 1 50000; exit 4"), { flags });
    assert.equal(code, 4);
    await waitFor("the logger's end", () => logger.has("done"));
    assert.deepEqual((await logger.read("out")).split("\n").slice(49_999), ["50000", ""]);
    await removeTask(daemon, id);
  },

  "a logger that has ended holds nothing up": async (daemon, runtime) => {
    const logger = await makeLogger(daemon, "exec 5>&-; sleep 0.1");
    const flags = ["--log-uri", logger.uri];
    const script = "trap '' PIPE; echo one; sleep 0.2; echo two; exit 4";
    const id = await detachNative(daemon, runtime, sh(script), { flags });
    assert.equal(await deleteTask(daemon, id), 4);
  },

  "a logger that is not there is refused, by its name": async (daemon, runtime) => {
    const flags = ["--log-uri", "binary:///no/such/logger"];
    const { code, err } = await runNative(daemon, runtime, ["true"], { flags });
    assert.notEqual(code, 0);
    assert.match(err, /\/no\/such\/logger/);
  },
};
