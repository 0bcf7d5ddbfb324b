/** What a guest in a container finds open. */

import type { Preopen } from "./mod.ts";

/**
 * The container's root, and its working directory `cwd`: programs look relative paths up below ".", absolute ones below
 * the last preopen that fits.
 */
export function containerPreopens(cwd: string): Preopen[] {
  const root = { guest: "/", host: "/" };
  return cwd === "/" ? [root] : [{ guest: ".", host: cwd }, root];
}
