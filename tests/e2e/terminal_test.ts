/** Terminals of native and of Wasm containers. */

import assert from "node:assert/strict";
import { TERMINAL_SETS } from "../cases/task.ts";
import { type Cases, runCases, runSets } from "../support/cases.ts";
import { makeFifos, readFifo } from "../support/fifos.ts";
import type { Daemon } from "../support/mod.ts";
import { removeTask, startMixed } from "../support/native.ts";
import { Pod } from "../support/pod.ts";
import { startTerminal } from "../support/terminal.ts";
import { detachWasm, IMAGE, newId, RUNTIME, VERSIONS } from "../support/wasm.ts";

const DEMO = "/wasi-demo-app.wasm";

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: terminals`, async (t) => {
    await using daemon = await startMixed({ version });
    await runSets(t, { daemon, runtime: RUNTIME, version }, TERMINAL_SETS);
    await t.step("Wasm", (t) => runCases(t, daemon, RUNTIME, WASM_CASES));
  });
}

const WASM_CASES: Cases = {
  "the streams are character devices": async (daemon) => {
    const { running } = await run(daemon, ["/fds.wasm"]);
    const { code, out } = await running.result;
    assert.equal(code, 0, out);
    assert.match(out, /^0 2\r\n1 2\r\n2 2\r\n/);
  },

  "it echoes, and ^D ends input": async (daemon) => {
    const { running } = await run(daemon, ["/cat.wasm"]);
    await running.write("hello\n");
    await running.waitForOutput("hello\r\nhello\r\n");
    await running.write("\x04");
    assert.equal((await running.result).code, 0);
  },

  "^C interrupts": async (daemon) => {
    const { running } = await run(daemon, [DEMO, "daemon"]);
    await running.waitForOutput("never ends.\r\n");
    await running.write("\x03");
    assert.equal((await running.result).code, 130);
  },

  "large output is complete to its last line": async (daemon) => {
    await using pod = await Pod.make(daemon, newId("pod"));
    const { stdout } = await makeFifos(daemon);
    const screen = readFifo(stdout);
    const args = ["/output.wasm", "1"];
    assert.equal(await pod.runToEnd(newId(), { args, terminal: true, stdout }), 0);
    const lines = (await screen.result).out.split("\r\n");
    assert.deepEqual([lines.length, lines.at(-1)], [(1 << 20) / 64 + 1, "end"]);
  },

  "exec at a terminal": async (daemon) => {
    const id = await detachWasm(daemon, [DEMO, "daemon"]);
    const argv = ["ctr", "task", "exec", "--tty", "--exec-id", newId("exec"), id, "/cat.wasm"];
    const { running } = await startTerminal(daemon, argv);
    await running.write("hello\n");
    await running.waitForOutput("hello\r\nhello\r\n");
    await running.write("\x03");
    assert.equal((await running.result).code, 130);
    await removeTask(daemon, id);
  },

  "resize: a size that cannot be, no terminal": async (daemon) => {
    await using pod = await Pod.make(daemon, newId("pod"));
    const [id, other] = [newId(), newId()];
    const { stdout } = await makeFifos(daemon);
    const screen = readFifo(stdout);
    await pod.run(id, { args: [DEMO, "daemon"], terminal: true, stdout });
    await pod.run(other, { args: [DEMO, "daemon"] });
    await pod.client.call("ResizePty", { id, width: 100, height: 30 });
    const kinds: [string, number, string][] = [
      [id, 65_536, "InvalidArgument"],
      [other, 100, "FailedPrecondition"],
    ];
    for (const [id, width, kind] of kinds) {
      await assert.rejects(pod.client.call("ResizePty", { id, width, height: 30 }), { kind });
    }
    await pod.kill(id);
    assert.equal(await pod.wait(id), 137);
    await pod.delete(id);
    assert.match((await screen.result).out, /never ends\.\r\n/);
  },
};

function run(daemon: Daemon, args: string[]) {
  const flags = ["run", "--rm", "--tty", "--runtime", RUNTIME];
  return startTerminal(daemon, ["ctr", ...flags, IMAGE, newId("tty"), ...args]);
}
