/** The default engine: Deno's V8, with the host of WASI preview 1 in preview1/. */

import { ShimError } from "../errdefs/mod.ts";
import {
  type Engine,
  type Guest,
  type Host,
  type Outcome,
  type Program,
  TRAP_EXIT_CODE,
} from "./mod.ts";
import { NAMESPACE, Preview1 } from "./preview1/mod.ts";
import { WARM_UP_GUEST, WARM_UP_MODULE } from "./warm_up.ts";

/** Exit code when a guest cannot begin. */
const START_EXIT_CODE = 1;

export function denoEngine(host: Host): Engine {
  return new DenoEngine(host);
}

class DenoEngine implements Engine {
  readonly name = "deno";
  readonly #preview1: Preview1;

  constructor({ system }: Host) {
    this.#preview1 = new Preview1(system);
  }

  compile(code: Uint8Array<ArrayBuffer>, path: string): Program {
    let module: WebAssembly.Module;
    try {
      module = new WebAssembly.Module(code);
    } catch (error) {
      const reason = (error as Error).message.replace(/^WebAssembly\.Module\(\): /, "");
      throw new ShimError("InvalidArgument", `compile ${path}: ${reason}`, { cause: error });
    }
    const { functions } = this.#preview1;
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
      if (from === NAMESPACE && kind === "function" && Object.hasOwn(functions, name)) continue;
      throw new ShimError(
        "InvalidArgument",
        `link ${path}: no host gives its import ${from}.${name} (${kind})`,
      );
    }
    return {
      checkExport: (name) => checkExport(module, name, path),
      run: (guest) => this.#run(module, guest),
    };
  }

  warmUp(): void {
    const { code, message } = this.#run(new WebAssembly.Module(WARM_UP_MODULE), WARM_UP_GUEST);
    if (code !== 0) throw new ShimError("Internal", `warm up the engine: exit ${code}: ${message}`);
  }

  #run(module: WebAssembly.Module, guest: Guest): Outcome {
    const host = this.#preview1;
    try {
      host.start(guest);
      const { exports } = new WebAssembly.Instance(module, { [NAMESPACE]: host.functions });
      host.attach(exports.memory instanceof WebAssembly.Memory ? exports.memory : undefined);
      (exports[guest.export] as () => void)();
      return { code: 0, message: "" };
    } catch (error) {
      if (host.exitCode !== undefined) return { code: host.exitCode, message: "" };
      if (error instanceof ShimError) {
        return { code: START_EXIT_CODE, message: `${error.message}\n` };
      }
      return { code: TRAP_EXIT_CODE, message: trapMessage(error) };
    } finally {
      host.end();
    }
  }
}

/** The trap's reason and the WebAssembly frames of its stack, innermost first. */
function trapMessage(error: unknown): string {
  if (!(error instanceof Error)) return `trap: ${error}\n`;
  const frames = (error.stack ?? "").split("\n").filter((line) => line.includes("wasm"));
  return [`trap: ${error.message}`, ...frames, ""].join("\n");
}

function checkExport(module: WebAssembly.Module, name: string, path: string): void {
  const found = WebAssembly.Module.exports(module).find((item) => item.name === name);
  if (found?.kind === "function") return;
  const reason = found ? `it is a ${found.kind}, not a function` : "there is none";
  throw new ShimError("InvalidArgument", `find export ${name} of ${path}: ${reason}`);
}
