/**
 * Turns a component into JavaScript and core modules, in memory. The transpiler is a component itself, transpiled, of
 * some MB: only a process that needs it loads this file.
 * https://github.com/bytecodealliance/jco/tree/main/packages/jco-transpile
 */

import { $init, generate } from "@bytecodealliance/jco-transpile/component";
import { ShimError } from "../../errdefs/mod.ts";
import { externals } from "./binary.ts";
import type { Transpiled } from "./transpiled.ts";

const NAME = "component";

export interface TranspileOptions {
  /**
   * The functions that may suspend the guest's stack (WebAssembly.Suspending and WebAssembly.promising):
   * "wasi:io/poll@0.2.3#poll" and "wasi:http/incoming-handler@0.2.3#handle". Left out: none, all of it is synchronous.
   */
  suspending?: { imports: string[]; exports: string[] };
}

/** Transpiles `code`, of the file `path`. @throws ShimError InvalidArgument: not a valid component */
export async function transpile(
  code: Uint8Array,
  path: string,
  options: TranspileOptions = {},
): Promise<Transpiled> {
  await $init;
  const files = new Map(generated(code, path, options));
  const script = files.get(`${NAME}.js`);
  if (!script) {
    throw new ShimError("Internal", `transpile ${path}: ${[...files.keys()]}: no script`);
  }
  files.delete(`${NAME}.js`);
  return {
    ...externals(code),
    script: new TextDecoder().decode(script),
    modules: files as Map<string, Uint8Array<ArrayBuffer>>,
  };
}

function generated(
  code: Uint8Array,
  path: string,
  { suspending }: TranspileOptions,
): [string, Uint8Array][] {
  try {
    return generate(code, {
      name: NAME,
      instantiation: { tag: suspending ? "async" : "sync" },
      asyncMode: suspending && { tag: "jspi", val: suspending },
      // A host's function may bring its own lowering, Symbol.for("cabiLower").
      importBindings: { tag: "hybrid" },
      base64Cutoff: 0, // no module goes into the script
      noTypescript: true,
      noNodejsCompat: true,
    }).files;
  } catch (error) {
    throw new ShimError("InvalidArgument", `compile ${path}: ${reason(error)}`, { cause: error });
  }
}

/** The transpiler's words, without the part that every one of them begins with. */
function reason(error: unknown): string {
  const { payload } = error as { payload?: unknown };
  const text = typeof payload === "string" ? payload : (error as Error).message;
  return text.replace(/^failed to extract [^]*?Caused by:/, "").trim().replaceAll(/\s*\n\s*/g, " ");
}
