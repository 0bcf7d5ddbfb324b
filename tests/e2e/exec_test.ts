/** Programs run in containers that run already, native and Wasm. */

import { EXEC_SETS } from "../cases/task.ts";
import { WASM_CASES, WASM_EXEC_CASES } from "../cases/task_wasm.ts";
import { runCases, runSets } from "../support/cases.ts";
import { startMixed } from "../support/native.ts";
import { RUNTIME, VERSIONS } from "../support/wasm.ts";

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: exec`, async (t) => {
    await using daemon = await startMixed({ version });
    await runSets(t, { daemon, runtime: RUNTIME, version }, EXEC_SETS);
    await t.step("in a Wasm container", (t) => runCases(t, daemon, RUNTIME, WASM_EXEC_CASES));
    await t.step("Wasm as native", (t) => runCases(t, daemon, RUNTIME, WASM_CASES));
  });
}
