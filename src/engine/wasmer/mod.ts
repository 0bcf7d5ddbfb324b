/**
 * The engine "wasmer": Wasmer's WASI preview 1, @wasmer/wasi 1.2, on V8. Its files are in memory: the preopened folders are
 * copied in before the guest runs, and copied back, as far as it has changed them, at its end and when it synchronizes
 * a file. docs/configuration.md has its limits.
 */

import { ShimError } from "../../errdefs/mod.ts";
import {
  type Engine,
  type Guest,
  type Host,
  type Outcome,
  type Program,
  TRAP_EXIT_CODE,
} from "../mod.ts";
import { isComponent } from "../component/binary.ts";
import { preview1Program } from "../module.ts";
import { ERRNO } from "../preview1/errno.ts";
import { NAMESPACE, Preview1 } from "../preview1/mod.ts";
import { trapMessage } from "../trap.ts";
import { WARM_UP_GUEST, WARM_UP_MODULE } from "../warm_up.ts";
import { Folders } from "./folders.ts";
import { joinFunctions } from "./functions.ts";
import { type Functions, Library } from "./library.ts";

/** Exit code when a guest cannot begin, or when what it has written cannot be copied back. */
const HOST_EXIT_CODE = 1;
/** Theirs has the root of its memory here, before the preopened folders. */
const FIRST_PREOPEN = 3;
/** A descriptor that no guest is given. */
const OUT_OF_THE_WAY = 0x7ffffffe;
/** A folder to copy that is on every host, of which there is nothing to copy. */
const WARM_UP_FOLDER = "/proc/self/ns";

export async function wasmerEngine(host: Pick<Host, "system">): Promise<Engine> {
  return new WasmerEngine(host, await Library.load());
}

class WasmerEngine implements Engine {
  readonly name = "wasmer";
  readonly #preview1: Preview1;

  constructor(readonly host: Pick<Host, "system">, readonly library: Library) {
    this.#preview1 = new Preview1(host.system);
  }

  compile(code: Uint8Array<ArrayBuffer>, path: string): Program {
    if (isComponent(code)) {
      const reason = "it is a component: the engine wasmer runs core modules";
      throw new ShimError("Unimplemented", `compile ${path}: ${reason}`);
    }
    return preview1Program(
      ...[this.#preview1, code, path] as const,
      (module, guest) => this.#run(module, guest),
    );
  }

  warmUp(): void {
    const preopens = WARM_UP_GUEST.preopens.map(({ guest }) => ({ guest, host: WARM_UP_FOLDER }));
    const guest = { ...WARM_UP_GUEST, preopens };
    const { code, message } = this.#run(new WebAssembly.Module(WARM_UP_MODULE), guest);
    if (code !== 0) throw new ShimError("Internal", `warm up the engine: exit ${code}: ${message}`);
    this.library.renew();
  }

  #run(module: WebAssembly.Module, guest: Guest): Outcome {
    let run: Run | undefined;
    try {
      this.library.renew();
      this.#preview1.start({ ...guest, preopens: [], listeners: [] });
      run = new Run(this.host, this.library, this.#preview1, module, guest);
      return run.call(guest.export);
    } catch (error) {
      if (!(error instanceof ShimError)) throw error;
      return { code: HOST_EXIT_CODE, message: `${error.message}\n` };
    } finally {
      run?.folders.close();
      this.#preview1.end();
    }
  }
}

/** One guest. */
class Run {
  readonly folders: Folders;
  readonly #wasi;
  #memory: WebAssembly.Memory | undefined;
  #changed = false;

  constructor(
    host: Pick<Host, "system">,
    readonly library: Library,
    readonly preview1: Preview1,
    readonly module: WebAssembly.Module,
    readonly guest: Guest,
  ) {
    if (guest.listeners.length > 0) {
      throw new ShimError("Unimplemented", "listen: the engine wasmer has no sockets");
    }
    this.folders = new Folders(host.system, guest.preopens);
    const fs = new library.wasmer.MemFS();
    this.folders.copyIn(fs);
    this.#wasi = library.host(this.folders.names, fs);
  }

  /** Run the export to its end, and copy back what was changed. */
  call(name: string): Outcome {
    const outcome = this.#call(name);
    try {
      this.#writeBack();
      return outcome;
    } catch (error) {
      const message = `${outcome.message}${ShimError.from(error).message}\n`;
      return { code: outcome.code || HOST_EXIT_CODE, message };
    }
  }

  #call(name: string): Outcome {
    const { preview1, module } = this;
    try {
      // Theirs looks for the version of WASI in the imports, and fails when there are none.
      const imports = WebAssembly.Module.imports(module);
      const theirs = imports.length > 0 ? this.#wasi.getImports(module)[NAMESPACE] : {};
      const instance = new WebAssembly.Instance(module, { [NAMESPACE]: this.#join(theirs) });
      const { memory } = instance.exports;
      if (memory instanceof WebAssembly.Memory && imports.length > 0) {
        this.#attach(instance, memory, theirs);
      }
      (instance.exports[name] as () => void)();
      return { code: 0, message: "" };
    } catch (error) {
      if (preview1.exitCode !== undefined) return { code: preview1.exitCode, message: "" };
      return { code: TRAP_EXIT_CODE, message: trapMessage(error) };
    }
  }

  #attach(instance: WebAssembly.Instance, memory: WebAssembly.Memory, theirs: Functions): void {
    this.preview1.attach(memory);
    this.#wasi.instantiate(instance);
    this.#memory = memory;
    // Their root goes: the folders are to begin where others have them.
    const { size } = this.folders.names;
    for (let fd = FIRST_PREOPEN; fd < FIRST_PREOPEN + size; fd++) theirs.fd_renumber(fd + 1, fd);
    if (size === 0) theirs.fd_renumber(FIRST_PREOPEN, OUT_OF_THE_WAY); // they do not close it
  }

  #join(theirs: Functions): Functions {
    const names = [...this.folders.names.keys()].map((name) => new TextEncoder().encode(name));
    return joinFunctions({
      theirs,
      ours: this.preview1.functions as unknown as Functions,
      preopen: (fd) => names[fd - FIRST_PREOPEN],
      memory: () => this.#memory,
      changed: () => this.#changed = true,
      sync: () => {
        try {
          this.#writeBack();
          return ERRNO.SUCCESS;
        } catch {
          return ERRNO.IO;
        }
      },
    });
  }

  #writeBack(): void {
    if (!this.#changed) return;
    this.#changed = false;
    this.folders.writeBack(this.#wasi.fs);
  }
}
