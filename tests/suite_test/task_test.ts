/** Proves the cases of tasks on runc's shim: a case that fails there is wrong. */

import { EXEC_SETS, LOGGER_SETS, TASK_SETS, TERMINAL_SETS } from "../cases/task.ts";
import { runSets } from "../support/cases.ts";
import { Daemon } from "../support/mod.ts";
import { prepareNative, RUNC } from "../support/native.ts";
import { VERSIONS } from "../support/wasm.ts";

const SETS = { ...TASK_SETS, ...EXEC_SETS, ...TERMINAL_SETS, ...LOGGER_SETS };

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}, runc's shim: tasks`, async (t) => {
    await using daemon = await Daemon.start({ version });
    await prepareNative(daemon, RUNC);
    await runSets(t, { daemon, runtime: RUNC, version }, SETS);
  });
}
