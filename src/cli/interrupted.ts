/** The end of a program that is served. */

import { check, type openServedNative } from "../linux/native.ts";

/** How long requests that are under way have when SIGINT ends the program. */
const GRACE_S = 4;

/** Settled at SIGINT. If the event loop does not come to it, the process ends with 0 all the same; other signals end it at once. */
export function interrupted(native: ReturnType<typeof openServedNative>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGINT", () => resolve());
  check(native.dw_served_signals(GRACE_S), "handle signals");
  return promise;
}
