/** The default engine: Deno's V8, with the hosts of WASI in preview1/ and component/. */

import { ShimError } from "../errdefs/mod.ts";
import {
  type Engine,
  type Guest,
  type Host,
  type Outcome,
  type Program,
  TRAP_EXIT_CODE,
} from "./mod.ts";
import { isComponent } from "./component/binary.ts";
import { isHandler } from "./http/detect.ts";
import { preview1Program } from "./module.ts";
import { NAMESPACE, Preview1 } from "./preview1/mod.ts";
import { trapMessage } from "./trap.ts";
import { WARM_UP_GUEST, WARM_UP_MODULE } from "./warm_up.ts";

/** Exit code when a guest cannot begin. */
const START_EXIT_CODE = 1;

export function denoEngine(host: Host): Engine {
  return new DenoEngine(host);
}

class DenoEngine implements Engine {
  readonly name = "deno";
  readonly #preview1: Preview1;

  constructor(readonly host: Host) {
    this.#preview1 = new Preview1(host.system);
  }

  compile(code: Uint8Array<ArrayBuffer>, path: string): Program | Promise<Program> {
    return isComponent(code) ? this.#compileComponent(code, path) : this.#compileModule(code, path);
  }

  /** What only components need is loaded with the first one. */
  async #compileComponent(code: Uint8Array<ArrayBuffer>, path: string): Promise<Program> {
    if (isHandler(code)) {
      const { httpProgram } = await import("./http/mod.ts");
      return httpProgram(this.host.system, code, path);
    }
    const { componentProgram } = await import("./component/program.ts");
    const transpile = this.host.transpile ??
      (await import("./component/transpile.ts")).transpile;
    const transpiled = await transpile(code, path);
    return componentProgram(this.host.system, transpiled, path);
  }

  #compileModule(code: Uint8Array<ArrayBuffer>, path: string): Program {
    return preview1Program(
      ...[this.#preview1, code, path] as const,
      (module, guest) => this.#run(module, guest),
    );
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
