/** Proves the cases of the CRI on the shim that is known to be right, runc's. */

import assert from "node:assert/strict";
import { CRI_CASES, RUNC_HANDLER, runCriCases } from "../cases/cri.ts";
import { Cri } from "../support/cri.ts";
import { startCriDaemon } from "../support/cri_daemon.ts";
import { parseLog, textOf } from "../support/cri_logs.ts";
import { assertCensus } from "../support/mod.ts";
import { VERSIONS } from "../support/wasm.ts";

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}, runc: CRI`, async (t) => {
    await using daemon = await startCriDaemon({ version, handler: RUNC_HANDLER });
    const before = daemon.census();
    using cri = new Cri(daemon);
    await runCriCases(t, cri, RUNC_HANDLER, CRI_CASES);
    await t.step("nothing is left", () => assertCensus(daemon, before));
  });
}

Deno.test("parseLog() refuses what is not of the format", () => {
  const good = "2026-01-31T12:00:00.5Z stdout F a\n2026-01-31T12:00:00+01:00 stderr P  b \n";
  assert.equal(textOf(parseLog(good), "stderr"), " b ");
  for (
    const bad of [
      "a\n",
      "2026-01-31 12:00:00Z stdout F a\n",
      "2026-01-31T12:00:00Z stdin F a\n",
      "2026-01-31T12:00:00Z stdout X a\n",
      "2026-01-31T12:00:00Z stdout F\n",
    ]
  ) assert.throws(() => parseLog(bad), /unexpected line/, bad);
});
