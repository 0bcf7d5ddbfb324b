/**
 * The zygote: boots the engine, then waits in one native call and forks itself for each container
 * (linux/native/zygote.c). Only a module not seen before comes back to JavaScript, to be compiled.
 */

import { codeSize, type Compilation, MOST_EAGER_BYTES } from "../engine/compilation.ts";
import { loadEngine } from "../engine/engines.ts";
import { limitMemories } from "../engine/memory_limit.ts";
import type { Guest, Program } from "../engine/mod.ts";
import { ShimError } from "../errdefs/mod.ts";
import { check, cString, openZygoteNative, type ZygoteNative } from "../linux/native.ts";
import { openSystem } from "../linux/system.ts";
import { pack, unpack } from "../engine/component/transpiled.ts";
import { productIn } from "../engine/product.ts";
import { transpileApart } from "./transpile.ts";

/** What dw_zygote_next returns. */
const NEXT = { end: 0, compile: 1, run: 2 } as const;
/** What dw_zygote_field takes. */
const FIELD = { module: 0, export: 1, guest: 2, memoryLimit: 3, root: 4, digest: 5 } as const;

/**
 * Serve the supervisor that listens on `socket` ("-": the path is a line on stdin) until it ends.
 * Does not return in a forked child: that runs its module and exits.
 * @param library path of libdenowasi.so
 * @param name of the engine
 * @param compilation as this process's V8 was told
 */
export async function runZygote(
  socket: string,
  library: string,
  name: string,
  compilation: Compilation,
): Promise<void> {
  const native = openZygoteNative(library);
  const field = (which: number) =>
    Deno.UnsafePointerView.getCString(native.dw_zygote_field(which)!);
  const engine = await loadEngine(name, {
    system: openSystem(library),
    transpile: (code, path) => {
      const make = () => transpileApart(native, code, path);
      // Beside a layer it can be found, and left. Files of a container's root have no such place; and what is made with
      // a limit is not what the layer says.
      if (field(FIELD.digest) === "" || Number(field(FIELD.memoryLimit)) > 0) return make();
      return productIn(field(FIELD.root), { make, pack, unpack });
    },
  });
  engine.warmUp();
  const path = socket === "-" ? readLine() : socket;
  if (path === null) return; // whoever started this one does not need it
  check(
    native.dw_zygote_connect(cString(path), cString(`zygote ${compilation}\n`)),
    `connect to ${path}`,
  );

  const programs = new Map<string, Program>();
  const slots: Program[] = [];
  for (;;) {
    const next = check(native.dw_zygote_next(), "serve the supervisor");
    if (next === NEXT.end) return;
    if (next === NEXT.run) {
      const guest = JSON.parse(field(FIELD.guest)) as Guest;
      const { code, message } = slots[native.dw_zygote_slot()].run(guest);
      native.dw_exit(code, cString(message));
    }
    const digest = bytesAt(native.dw_zygote_digest(), 32).toHex();
    const path = field(FIELD.module);
    const memoryLimit = Number(field(FIELD.memoryLimit));
    const key = `${digest} ${memoryLimit}`;
    if (compilation === "eager" && codeSize(moduleBytes(native)) > MOST_EAGER_BYTES) {
      check(native.dw_zygote_refuse(cString("large"), cString("")), `refuse ${path}`);
      continue;
    }
    try {
      const code = () =>
        memoryLimit === 0
          ? moduleBytes(native)
          : limitMemories(moduleBytes(native), memoryLimit, path);
      const program = programs.get(key) ?? await engine.compile(code(), path);
      if (!program.service) program.checkExport(field(FIELD.export));
      programs.set(key, program);
      const served = program.service ? 1 : 0;
      slots[check(native.dw_zygote_register(served), `register ${path}`)] = program;
    } catch (error) {
      const { kind, message } = ShimError.from(error);
      check(native.dw_zygote_refuse(cString(kind), cString(message)), `refuse ${path}`);
    }
  }
}

/** A line of stdin, which comes in one piece; null at its end. */
function readLine(): string | null {
  const buffer = new Uint8Array(4096);
  const count = Deno.stdin.readSync(buffer);
  return count === null ? null : new TextDecoder().decode(buffer.subarray(0, count)).trimEnd();
}

function moduleBytes(native: ZygoteNative): Uint8Array<ArrayBuffer> {
  const size = new BigUint64Array(1);
  const at = native.dw_zygote_code(new Uint8Array(size.buffer));
  return bytesAt(at, Number(size[0]));
}

/** The `size` bytes at `pointer`, not copied. */
function bytesAt(pointer: Deno.PointerValue, size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer!, size));
}
