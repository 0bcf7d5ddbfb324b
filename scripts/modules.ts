/**
 * Compiles the modules of tests/modules into build/modules: NAME.wat and NAME.c become NAME.wasm,
 * compute.c also the host program `compute`; tests/components/NAME.wat, and the modules that COMPONENTS
 * names by an adapter, become NAME.component.wasm. Adds files that are not modules, for the tests of what
 * is refused. Does only what is out of date.
 */

import { createRequire } from "node:module";
import { dirname } from "node:path";
import wabt from "wabt";
import { compileHandler } from "./http_component.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const SOURCES = `${ROOT}tests/modules`;
const MODULES = `${ROOT}build/modules`;

const COMPONENT_SOURCES = `${ROOT}tests/components`;
/** Makes a command component of a module of WASI preview 1: scripts/setup.sh fetches it. */
const ADAPTER = `${ROOT}.tools/wasi_snapshot_preview1.command.wasm`;

/** Modules that become components, too. */
const COMPONENTS = ["args", "cat", "clock", "escape", "files", "output", "random", "wasi-demo-app"];

const CFLAGS = ["-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"];
const WASM_TARGET = ["--target=wasm32-wasi", "--sysroot=/usr"];

/** Files that there is nothing to run in, made of their first bytes. */
const REFUSED: Record<string, number[]> = {
  // Magic and version, then a section with an unknown number.
  "invalid.wasm": [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x7f, 0x01, 0x00],
  // A type section that says it is longer than the file.
  "truncated.wasm": [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01, 0x60],
  // Magic, version 13 and layer 1: a component, without anything in it.
  "component.wasm": [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00],
  // A component whose type section says that it has a type more.
  "cut.component.wasm": [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00, 0x07, 0x01, 0xff],
  // "#!/bin/sh\n"
  "not-wasm.wasm": [0x23, 0x21, 0x2f, 0x62, 0x69, 0x6e, 0x2f, 0x73, 0x68, 0x0a],
};

/** The path of a built file, such as "hello.wasm" or "compute". */
export function modulePath(name: string): string {
  return `${MODULES}/${name}`;
}

/** Builds whatever is out of date. @throws Error with the compiler's words. */
export async function buildModules(): Promise<void> {
  await Deno.mkdir(MODULES, { recursive: true });
  for (const { name } of Deno.readDirSync(SOURCES)) {
    const source = `${SOURCES}/${name}`;
    const stem = name.replace(/\.[^.]*$/, "");
    if (name.endsWith(".wat")) await make(`${stem}.wasm`, source, compileWat);
    if (name.endsWith(".c")) await make(`${stem}.wasm`, source, compileC(WASM_TARGET));
  }
  await make("compute", `${SOURCES}/compute.c`, compileC([]));
  for (const name of COMPONENTS) {
    await make(`${name}.component.wasm`, modulePath(`${name}.wasm`), adapt);
  }
  await make("javascript.component.wasm", `${COMPONENT_SOURCES}/javascript/main.js`, componentize);
  for (const { name } of Deno.readDirSync(COMPONENT_SOURCES)) {
    if (!name.endsWith(".wat")) continue;
    const out = `${name.replace(/\.wat$/, "")}.component.wasm`;
    await make(out, `${COMPONENT_SOURCES}/${name}`, compileComponent);
  }
  await make("http.wasm", `${ROOT}tests/http/handler.c`, compileHandler);
  for (const [name, bytes] of Object.entries(REFUSED)) {
    await make(name, import.meta.filename!, (_, out) => Deno.writeFile(out, new Uint8Array(bytes)));
  }
}

type Compile = (source: string, out: string) => Promise<void>;

/** Makes `name` unless it is newer than its source and than this script; atomically. */
async function make(name: string, source: string, compile: Compile) {
  const out = modulePath(name);
  const madeMs = modifiedMs(out);
  if (madeMs > modifiedMs(source) && madeMs > modifiedMs(import.meta.filename!)) return;
  const temporary = `${out}.${Deno.pid}`;
  await compile(source, temporary);
  await Deno.rename(temporary, out);
}

async function compileWat(source: string, out: string) {
  const module = (await wabt()).parseWat(source, await Deno.readTextFile(source));
  try {
    await Deno.writeFile(out, module.toBinary({ write_debug_names: true }).buffer);
  } finally {
    module.destroy();
  }
}

/** Tools for components, loaded only when there is one to make. */
const componentTools = () => import("@bytecodealliance/jco-transpile/wasm-tools");

async function adapt(source: string, out: string) {
  const { componentNew } = await componentTools();
  const adapter = await Deno.readFile(ADAPTER);
  const module = await Deno.readFile(source);
  await Deno.writeFile(out, await componentNew(module, [["wasi_snapshot_preview1", adapter]]));
}

/** A component of another toolchain: QuickJS, built with Rust, with a program in JavaScript. */
async function componentize(source: string, out: string) {
  const require = createRequire(`${ROOT}.tools/`);
  const { componentize } = require("componentize-qjs") as {
    componentize(options: Record<string, unknown>): Promise<{ component: Uint8Array }>;
  };
  const { component } = await componentize({
    witPath: dirname(source),
    jsSource: await Deno.readTextFile(source),
    sync: true,
    optSize: true,
  });
  await Deno.writeFile(out, component);
}

async function compileComponent(source: string, out: string) {
  const { parse } = await componentTools();
  await Deno.writeFile(out, await parse(await Deno.readTextFile(source)));
}

function compileC(target: string[]): Compile {
  return async (source, out) => {
    const args = [...target, ...CFLAGS, source, "-o", out];
    const { success, stderr } = await new Deno.Command("clang", { args }).output();
    if (!success) throw new Error(`clang ${source}: ${new TextDecoder().decode(stderr)}`);
  };
}

/** When the file was last modified, or 0 when there is none. */
function modifiedMs(path: string): number {
  try {
    return Deno.statSync(path).mtime!.getTime();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

if (import.meta.main) await buildModules();
