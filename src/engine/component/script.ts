/** The script of a transpiled component, as a function. */

import { ShimError } from "../../errdefs/mod.ts";
import type { Imports } from "./host/mod.ts";

export type Exports = Record<string, unknown>;

/**
 * Instantiates: core modules by the names that it asks for, the host's imports, and how to instantiate a core module,
 * which is WebAssembly.Instance unless told.
 */
export type Instantiate = (
  coreModule: (name: string) => WebAssembly.Module,
  imports: Imports,
  instantiateCore?: (
    module: WebAssembly.Module,
    imports: WebAssembly.Imports,
  ) => { exports: WebAssembly.Exports },
) => Exports;

/**
 * `text` is an ES module. It is read by V8 alone: importing a module of that size by Deno's loader takes four times as
 * long. @throws ShimError Internal: it is not of the expected form
 */
export function instantiateFunction(text: string): Instantiate {
  // It looks for process.env.JCO_DEBUG at every step, which would load Deno's Node layer in every child.
  const globals = { WebAssembly };
  const body = text.replace(/^export (?=function instantiate\b|const _util\b)/gm, "");
  try {
    return new Function("globalThis", `${body}\nreturn instantiate;`)(globals) as Instantiate;
  } catch (error) {
    throw new ShimError("Internal", `read a transpiled component: ${error}`, { cause: error });
  }
}
