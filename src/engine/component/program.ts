/** Components as programs: wasi:cli/command, or any function that a component exports. */

import { ShimError } from "../../errdefs/mod.ts";
import { compileCode } from "../module.ts";
import type { System } from "../../linux/system.ts";
import { type Guest, type Outcome, type Program, TRAP_EXIT_CODE } from "../mod.ts";
import { trapMessage } from "../trap.ts";
import { hostImports } from "./host/mod.ts";
import { Scope } from "./host/resource.ts";
import { type Instantiate, instantiateFunction } from "./script.ts";
import type { External, Transpiled } from "./transpiled.ts";

/** The export to run when a module would have this one run. */
const START = "_start";
const RUN = /^wasi:cli\/run@0\.2\.\d+$/;
/** What a component imports is given in any patch version: they only add. */
const VERSION = /@0\.2\.\d+$/;

const NO_GUEST: Guest = {
  ...{ args: [], env: [], cwd: "/", export: START },
  ...{ preopens: [], listeners: [] },
};

/**
 * Compile what `transpiled`, of the file `path`, consists of, completely.
 * @throws ShimError InvalidArgument: it imports what this host does not give
 */
export function componentProgram(system: System, transpiled: Transpiled, path: string): Program {
  checkImports(transpiled, path);
  const modules = new Map(
    [...transpiled.modules].map(([name, code]) => [name, compileCode(code, path)]),
  );
  const instantiate = instantiateFunction(transpiled.script);
  rehearse(system, instantiate, modules, path);
  return {
    checkExport: (name) => void findExport(transpiled, name, path),
    run: (guest) => {
      const found = findExport(transpiled, guest.export, path);
      return run(system, instantiate, modules, guest, found);
    },
  };
}

function checkImports({ imports }: Transpiled, path: string): void {
  using scope = new Scope();
  const given = hostImports(undefined as unknown as System, scope, NO_GUEST, { code: undefined });
  for (const { name, kind } of imports) {
    if (kind === "instance" && VERSION.test(name)) {
      if (Object.hasOwn(given, name.replace(VERSION, ""))) continue;
    }
    throw new ShimError(
      "InvalidArgument",
      `link ${path}: no host gives its import ${name} (${kind})`,
    );
  }
}

/** The export `name`, which must be a function or, for `_start`, may be wasi:cli/run. */
function findExport({ exports }: Transpiled, name: string, path: string): External {
  const command = name === START && exports.find((item) => RUN.test(item.name));
  const found = command || exports.find((item) => item.name === name);
  if (command || found?.kind === "function") return found!;
  const wanted = name === START ? "wasi:cli/run" : name;
  const reason = found ? `it is no function but ${found.kind}` : "there is none";
  throw new ShimError("InvalidArgument", `find export ${wanted} of ${path}: ${reason}`);
}

function run(
  system: System,
  instantiate: Instantiate,
  modules: ReadonlyMap<string, WebAssembly.Module>,
  guest: Guest,
  { name, kind }: External,
): Outcome {
  using scope = new Scope();
  const exit: { code: number | undefined } = { code: undefined };
  try {
    const imports = hostImports(system, scope, guest, exit);
    const exports = instantiate((name) => modules.get(name)!, imports);
    const entry = kind === "function"
      ? exports[camelCase(name)]
      : (exports[name] as { run: unknown }).run;
    (entry as () => unknown)();
    return { code: 0, message: "" };
  } catch (error) {
    if (exit.code !== undefined) return { code: exit.code, message: "" };
    if (isFailure(error)) return { code: 1, message: failureMessage(error.payload) };
    return { code: TRAP_EXIT_CODE, message: trapMessage(error) };
  }
}

/** The script throws the value of a function's `err`. */
function isFailure(error: unknown): error is { payload: unknown } {
  return error instanceof Error && Object.hasOwn(error, "payload");
}

function failureMessage(payload: unknown): string {
  if (payload === undefined) return "";
  return `error: ${typeof payload === "string" ? payload : JSON.stringify(payload)}\n`;
}

/** Names of functions as the script has them. */
function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());
}

/**
 * Instantiate with core instances that do nothing: the script is compiled then, once for all forked children, and it
 * has asked for every function that it needs of the host.
 */
function rehearse(
  system: System,
  instantiate: Instantiate,
  modules: ReadonlyMap<string, WebAssembly.Module>,
  path: string,
): void {
  using scope = new Scope();
  const imports = hostImports(system, scope, NO_GUEST, { code: undefined });
  try {
    instantiate((name) => modules.get(name)!, imports, (module) => ({ exports: standIn(module) }));
  } catch (error) {
    const { message } = error as Error;
    throw new ShimError("InvalidArgument", `link ${path}: ${message}`, { cause: error });
  }
}

/** Exports of the same kinds as those of `module`. */
function standIn(module: WebAssembly.Module): WebAssembly.Exports {
  const make: Record<string, () => WebAssembly.ExportValue> = {
    function: () => () => 0,
    memory: () => new WebAssembly.Memory({ initial: 0 }),
    table: () => new WebAssembly.Table({ initial: 0, element: "anyfunc" }),
    global: () => new WebAssembly.Global({ value: "i32", mutable: true }, 0),
  };
  const exports = WebAssembly.Module.exports(module);
  return Object.fromEntries(
    exports.map(({ name, kind }) => [name, make[kind]?.()]),
  ) as WebAssembly.Exports;
}
