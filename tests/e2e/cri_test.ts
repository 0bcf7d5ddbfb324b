/** Pods of the shim, through the CRI: what runc's does too, and Wasm beside native containers. */

import { CRI_CASES, runCriCases } from "../cases/cri.ts";
import { CRI_IMAGE_CASES } from "../cases/cri_images.ts";
import { CRI_WASM_CASES } from "../cases/cri_wasm.ts";
import { Cri } from "../support/cri.ts";
import { startCriDaemon } from "../support/cri_daemon.ts";
import { assertCensus } from "../support/mod.ts";
import { VERSIONS } from "../support/wasm.ts";

const HANDLER = "deno";
const SHIM_DIR = new URL("../../dist", import.meta.url).pathname;

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: CRI`, async (t) => {
    const options = { version, handler: HANDLER, shimDir: SHIM_DIR, modules: true };
    await using daemon = await startCriDaemon(options);
    const before = daemon.census();
    using cri = new Cri(daemon);
    await runCriCases(t, cri, HANDLER, CRI_CASES);
    await runCriCases(t, cri, HANDLER, CRI_WASM_CASES);
    // Debian's 1.6 does not import such images.
    if (version !== "1.6") await runCriCases(t, cri, HANDLER, CRI_IMAGE_CASES);
    await t.step("nothing is left", () => assertCensus(daemon, before));
  });
}
