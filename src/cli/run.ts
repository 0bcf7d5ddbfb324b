/** `run`: one module in this process, without containerd and without a sandbox but its own. */

import { loadEngine } from "../engine/engines.ts";
import { limitMemories } from "../engine/memory_limit.ts";
import type { Guest, Preopen } from "../engine/mod.ts";
import { ShimError } from "../errdefs/mod.ts";
import { reasoned } from "../errdefs/reasoned.ts";
import { check, cString, openServedNative, openZygoteNative } from "../linux/native.ts";
import { openSystem } from "../linux/system.ts";
import { transpileApart } from "../zygote/transpile.ts";
import { interrupted } from "./interrupted.ts";
import { parseRunArgs, RUN_USAGE, type RunCall } from "./run_args.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** Variables that the launcher drops or sets for the runtime: src/launcher/runtime.c. */
const REPLACED = /^(DENO_|LD_|NO_COLOR$|FORCE_COLOR$)/;

/**
 * Run what `args` (after `run`) ask for.
 * @param runtime folder of the unpacked archive
 * @param name of the engine that the shim was called by
 * @returns the exit code
 */
export async function runRun(
  runtime: string,
  name: string,
  args: readonly string[],
): Promise<number> {
  const fail = (error: unknown, code: number) => {
    const text = ShimError.from(error).message.replaceAll("\n", " ");
    write(Deno.stderr, `containerd-shim-${name}-v1: ${text}\n`);
    return code;
  };
  let call: RunCall;
  try {
    call = parseRunArgs(args);
  } catch (error) {
    return fail(error, EXIT_USAGE);
  }
  if (call.help) {
    write(Deno.stdout, RUN_USAGE);
    return 0;
  }
  try {
    return await runModule(runtime, { ...call, engine: call.engine || name });
  } catch (error) {
    return fail(error, EXIT_FAILED);
  }
}

async function runModule(runtime: string, call: RunCall): Promise<number> {
  const library = `${runtime}/libdenowasi.so`;
  const native = openZygoteNative(library);
  const engine = await loadEngine(call.engine, {
    system: openSystem(library),
    transpile: (code, path) => transpileApart(native, code, path),
  });
  const { memoryBytes, cpuSeconds } = call.limits;
  const code = readFile(call.file);
  const limited = memoryBytes === 0 ? code : limitMemories(code, memoryBytes, call.file);
  const program = await engine.compile(limited, call.file);
  if (!program.service) program.checkExport(call.export);
  const listeners = call.listen.map(({ address, port }) =>
    check(native.dw_listen(cString(address), port), `--tcplisten: ${address}, port ${port}`)
  );
  if (cpuSeconds > 0) check(native.dw_cpu_deadline(BigInt(cpuSeconds)), "set --cpu-deadline");
  const guest = makeGuest(call, listeners);
  if (program.service) {
    const ended = interrupted(openServedNative(library));
    await program.service.serve(limited, guest, ended, (line) => {
      write(Deno.stderr, `${line}\n`);
    });
    return 0;
  }
  const { code: exitCode, message } = program.run(guest);
  write(Deno.stderr, message);
  return exitCode;
}

/** @throws ShimError NotFound or InvalidArgument: what --dir names is not there, or no directory. */
function makeGuest(call: RunCall, listeners: number[]): Guest {
  return {
    // Like wasmtime, so that a module does not learn where it is kept.
    args: [call.file.slice(call.file.lastIndexOf("/") + 1), ...call.args],
    env: call.env.flatMap(({ name, value = callersValue(name) }) =>
      value === undefined ? [] : [`${name}=${value}`]
    ),
    cwd: "/",
    export: call.export,
    preopens: call.preopens.map(openable),
    listeners,
  };
}

/** @throws ShimError InvalidArgument: the launcher has put its own in its place */
function callersValue(name: string): string | undefined {
  if (!REPLACED.test(name)) return Deno.env.get(name);
  throw new ShimError("InvalidArgument", `--env: ${name}: needs a value: it is not passed on`);
}

function openable({ host, guest }: Preopen): Preopen {
  const path = host.startsWith("/") ? host : `${Deno.cwd()}/${host}`;
  let isDirectory: boolean;
  try {
    ({ isDirectory } = Deno.statSync(path));
  } catch (error) {
    throw reasoned(`--dir: ${host}`, error);
  }
  if (!isDirectory) throw new ShimError("InvalidArgument", `--dir: ${host}: not a directory`);
  return { host: path, guest };
}

function readFile(path: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw reasoned(`read ${path}`, error);
  }
}

function write(stream: { writeSync(data: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
}
