/** Core modules: what every engine checks of them before one is run. */

import { ShimError } from "../errdefs/mod.ts";

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
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(code);
  } catch (error) {
    const reason = (error as Error).message.replace(/^WebAssembly\.Module\(\): /, "");
    throw new ShimError("InvalidArgument", `compile ${path}: ${reason}`, { cause: error });
  }
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
