/** Core modules: what every engine checks of them before one is run. */

import { ShimError } from "../errdefs/mod.ts";
import type { Guest, Outcome, Program } from "./mod.ts";
import { NAMESPACE, type Preview1 } from "./preview1/mod.ts";

/** Compile `code`, of the file `path`. @throws ShimError InvalidArgument: not valid */
export function compileCode(code: Uint8Array<ArrayBuffer>, path: string): WebAssembly.Module {
  try {
    return new WebAssembly.Module(code);
  } catch (error) {
    const reason = (error as Error).message.replace(/^WebAssembly\.Module\(\): /, "");
    throw new ShimError("InvalidArgument", `compile ${path}: ${reason}`, { cause: error });
  }
}

/**
 * A module that imports functions of WASI preview 1 alone, as `host` gives them.
 * @param run runs it to its end
 * @throws ShimError InvalidArgument: not valid, or it imports something else
 */
export function preview1Program(
  { functions }: Preview1,
  code: Uint8Array<ArrayBuffer>,
  path: string,
  run: (module: WebAssembly.Module, guest: Guest) => Outcome,
): Program {
  const gives = (from: string, name: string) =>
    from === NAMESPACE && Object.hasOwn(functions, name);
  const module = compileModule(code, path, gives);
  return {
    checkExport: (name) => checkExport(module, name, path),
    run: (guest) => run(module, guest),
  };
}

/**
 * Compile `code`, of the file `path`.
 * @param gives says whether `from.name` can be imported, by a function
 * @throws ShimError InvalidArgument: not valid, or it imports something else
 */
export function compileModule(
  code: Uint8Array<ArrayBuffer>,
  path: string,
  gives: (from: string, name: string) => boolean,
): WebAssembly.Module {
  const module = compileCode(code, path);
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === "function" && gives(from, name)) continue;
    throw new ShimError(
      "InvalidArgument",
      `link ${path}: no host gives its import ${from}.${name} (${kind})`,
    );
  }
  return module;
}

/** @throws ShimError InvalidArgument: `module`, of the file `path`, exports no such function */
export function checkExport(module: WebAssembly.Module, name: string, path: string): void {
  const found = WebAssembly.Module.exports(module).find((item) => item.name === name);
  if (found?.kind === "function") return;
  const reason = found ? `it is a ${found.kind}, not a function` : "there is none";
  throw new ShimError("InvalidArgument", `find export ${name} of ${path}: ${reason}`);
}
