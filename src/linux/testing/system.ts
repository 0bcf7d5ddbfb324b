/** The system calls of a library that is built as the sources are now. */

import { compileHelper } from "../../../scripts/native.ts";
import { openSystem, type System } from "../system.ts";

const BUILD = new URL("../../../build/testing", import.meta.url).pathname;

/** The binding as it ships, and one whose openat2(2) answers ENOSYS, as before Linux 5.6. */
export const VARIANTS = ["openat2", "walk"] as const;
export type Variant = typeof VARIANTS[number];

/** Path of the library, built when it has to be. */
export async function builtLibrary(variant: Variant = "openat2"): Promise<string> {
  const path = `${BUILD}/libdenowasi-${variant}.so`;
  const made = `${path}.${Deno.pid}`;
  await compileHelper(made, { defines: variant === "walk" ? ["DENOWASI_NO_OPENAT2"] : [] });
  await Deno.rename(made, path); // what is mapped already must not change
  return path;
}

export async function builtSystem(variant: Variant = "openat2"): Promise<System> {
  return openSystem(await builtLibrary(variant));
}
