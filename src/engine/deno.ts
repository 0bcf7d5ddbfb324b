/**
 * The default engine: Deno's V8 with WASI preview 1 by `node:wasi`.
 * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md
 */

import { ShimError } from "../errdefs/mod.ts";
import {
  type Engine,
  type Guest,
  type Host,
  type Outcome,
  type Program,
  TRAP_EXIT_CODE,
} from "./mod.ts";
import { WARM_UP_MODULE } from "./warm_up.ts";

type Wasi = typeof import("node:wasi").WASI;
type Preview1 = Record<string, (...args: number[]) => number>;

const NAMESPACE = "wasi_snapshot_preview1";
const SUCCESS = 0;
const EFAULT = 21;

const EMPTY_GUEST: Guest = {
  ...{ args: ["warm-up"], env: [], cwd: "/", export: "_start" },
  ...{ preopens: [], listeners: [] },
};

/** Load the engine. It loads Deno's Node layer, which takes 50 ms: only the zygote does this. */
export async function denoEngine(host: Host): Promise<Engine> {
  const { WASI } = await import("node:wasi");
  return new DenoEngine(WASI, host);
}

class DenoEngine implements Engine {
  readonly name = "deno";
  readonly #given: ReadonlySet<string>;

  constructor(readonly wasi: Wasi, readonly host: Host) {
    const { imports } = this.#newWasi(EMPTY_GUEST);
    this.#given = new Set(Object.keys(imports));
  }

  compile(code: Uint8Array<ArrayBuffer>, path: string): Program {
    let module: WebAssembly.Module;
    try {
      module = new WebAssembly.Module(code);
    } catch (error) {
      const reason = (error as Error).message.replace(/^WebAssembly\.Module\(\): /, "");
      throw new ShimError("InvalidArgument", `compile ${path}: ${reason}`, { cause: error });
    }
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
      if (from === NAMESPACE && kind === "function" && this.#given.has(name)) continue;
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
    const module = new WebAssembly.Module(WARM_UP_MODULE);
    const { code, message } = this.#run(module, { ...EMPTY_GUEST, env: ["A=B"] });
    if (code !== 0) throw new ShimError("Internal", `warm up the engine: exit ${code}: ${message}`);
  }

  #run(module: WebAssembly.Module, guest: Guest): Outcome {
    try {
      const { wasi, imports } = this.#newWasi(guest);
      const linked: { memory?: WebAssembly.Memory } = {};
      const buffer = () => linked.memory?.buffer as ArrayBuffer | undefined;
      Object.assign(imports, environ(guest.env, buffer), this.#random(buffer));
      const { exports } = new WebAssembly.Instance(module, { [NAMESPACE]: imports });
      const memory = exports.memory instanceof WebAssembly.Memory
        ? exports.memory
        : new WebAssembly.Memory({ initial: 0 });
      linked.memory = memory;
      // `start` wants both; any export may be the one to run, and a module without memory may run too.
      const instance = { exports: { memory, _start: exports[guest.export] } };
      return { code: wasi.start(instance) ?? 0, message: "" };
    } catch (error) {
      return { code: TRAP_EXIT_CODE, message: trapMessage(error) };
    }
  }

  /** random_get by getrandom(2): node:wasi's own generator is a copy of the zygote's, and so are its numbers. */
  #random(memory: () => ArrayBuffer | undefined): Preview1 {
    return {
      random_get: (at, size) => {
        const buffer = memory();
        if (!buffer || (at >>> 0) + (size >>> 0) > buffer.byteLength) return EFAULT;
        this.host.random(new Uint8Array(buffer, at >>> 0, size >>> 0));
        return SUCCESS;
      },
    };
  }

  #newWasi(guest: Guest) {
    const wasi = new this.wasi({
      version: "preview1",
      args: guest.args,
      env: {}, // an object has neither their order nor duplicates: see environ()
      preopens: Object.fromEntries(guest.preopens.map(({ guest, host }) => [guest, host])),
      returnOnExit: true,
    });
    const object = wasi.getImportObject() as Record<string, Preview1>;
    return { wasi, imports: { ...object[NAMESPACE] } };
  }
}

/** environ_get and environ_sizes_get: the variables as they are, in their order. */
function environ(env: readonly string[], memory: () => ArrayBuffer | undefined): Preview1 {
  const encoded = env.map((variable) => new TextEncoder().encode(`${variable}\0`));
  const size = encoded.reduce((sum, { length }) => sum + length, 0);
  /** Whether `count` bytes at `at` are the guest's. */
  const inside = (buffer: ArrayBuffer, at: number, count: number) =>
    at + count <= buffer.byteLength;
  return {
    environ_sizes_get(countAt, sizeAt) {
      const buffer = memory();
      if (!buffer || !inside(buffer, countAt >>> 0, 4) || !inside(buffer, sizeAt >>> 0, 4)) {
        return EFAULT;
      }
      const view = new DataView(buffer);
      view.setUint32(countAt >>> 0, encoded.length, true);
      view.setUint32(sizeAt >>> 0, size, true);
      return SUCCESS;
    },
    environ_get(pointersAt, textAt) {
      const buffer = memory();
      const [pointers, text] = [pointersAt >>> 0, textAt >>> 0];
      if (!buffer || !inside(buffer, pointers, 4 * encoded.length) || !inside(buffer, text, size)) {
        return EFAULT;
      }
      const view = new DataView(buffer);
      let at = text;
      encoded.forEach((variable, index) => {
        view.setUint32(pointers + 4 * index, at, true);
        new Uint8Array(buffer).set(variable, at);
        at += variable.length;
      });
      return SUCCESS;
    },
  };
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
