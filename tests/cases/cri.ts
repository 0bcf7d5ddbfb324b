/**
 * What a runtime handler must do for the CRI, whichever shim it is: native containers only. Each case
 * makes its own pods and leaves nothing behind.
 */

import { prove } from "../support/cases.ts";
import type { Cri } from "../support/cri.ts";
import { CONTAINER_CASES } from "./cri_containers.ts";
import { EXEC_CASES } from "./cri_exec.ts";
import type { CriCase } from "./cri_helpers.ts";
import { POD_CASES } from "./cri_pods.ts";
import { RESOURCE_CASES } from "./cri_resources.ts";
import { RESTART_CASES } from "./cri_restart.ts";
import { SECURITY_CASES } from "./cri_security.ts";

/** Cases by their names. */
export interface CriCases {
  /** Those that touch nothing but their own pods. */
  concurrent: Record<string, CriCase>;
  /** Those that restart containerd. */
  alone: Record<string, CriCase>;
}

export const CRI_CASES: CriCases = {
  concurrent: {
    ...POD_CASES,
    ...CONTAINER_CASES,
    ...EXEC_CASES,
    ...SECURITY_CASES,
    ...RESOURCE_CASES,
  },
  alone: RESTART_CASES,
};

/** The name of the CRI's handler that is runc's shim. */
export const RUNC_HANDLER = "runc";

/** How many cases run at a time: most of a case's time is spent in waiting. */
const LANES = 3;

/** Parallel steps cannot tell whose a leak is. The test around them still sees it. */
const PARALLEL = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };

/** Runs every case as a step of `t`. */
export async function runCriCases(
  t: Deno.TestContext,
  cri: Cri,
  handler: string,
  cases: CriCases,
): Promise<void> {
  const left = Object.entries(cases.concurrent);
  const lane = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const [name, body] = next;
      const fn = () => prove(handler === RUNC_HANDLER, () => body(cri, handler));
      await t.step({ name, fn, ...PARALLEL });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  for (const [name, body] of Object.entries(cases.alone)) {
    await t.step(name, () => prove(handler === RUNC_HANDLER, () => body(cri, handler)));
  }
}
