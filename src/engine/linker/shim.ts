/**
 * The indirection that wit-component puts between a module and the functions that it imports: these need the module's memory, so a
 * first module, the shim, has functions that call through a table, and a last one, the fixups, fills the table. Functions here
 * find the memory when they are called, so that both modules can be left out: half of the time that making an
 * instance takes is theirs.
 * https://github.com/bytecodealliance/wasm-tools/tree/main/crates/wit-component
 */

import type { Component, CoreInstance } from "./component.ts";
import { Reader } from "./reader.ts";

const PREAMBLE_BYTES = 8;
const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  export: 7,
  element: 9,
  code: 10,
};
const KIND = { function: 0, table: 1 } as const;
const OP = { end: 0x0b, callIndirect: 0x11, localGet: 0x20, i32Const: 0x41 } as const;
/** The table's export. */
const TABLE = "$imports";

export interface Shortcuts {
  /** By instance and name: the index of the core function that is meant. */
  targets: Map<number, Map<string, number>>;
  /** Instances that nobody needs. */
  unused: Set<number>;
}

/** What can be left out of `component`. */
export function findShortcuts(component: Component): Shortcuts {
  const found: Shortcuts = { targets: new Map(), unused: new Set() };
  const { modules, coreInstances, coreFunctions } = component;
  coreInstances.forEach((fixups, index) => {
    if (fixups.from !== "module") return;
    const names = fixupNames(modules[fixups.module]);
    if (!names) return;
    const shim = shimOf(component, fixups);
    if (shim === undefined) return;
    const made = coreInstances[shim];
    if (made?.from !== "module" || shimSize(modules[made.module]) !== names.length) return;
    const given = fixups.arguments.flatMap(([, instance]) => {
      const found = coreInstances[instance];
      return found?.from === "exports" ? found.exports : [];
    });
    const functions = given.filter(([, sort]) => sort === "function");
    const direct = functions.filter(([, , target]) => coreFunctions[target].from !== "export");
    // The function that fills place n of the table is the shim's n.
    const targets = new Map(direct.map(([name, , target]) => [`${names.indexOf(name)}`, target]));
    found.targets.set(shim, targets);
    if (targets.size === names.length) {
      found.unused.add(index).add(shim);
      for (const [, instance] of fixups.arguments) found.unused.add(instance);
    }
  });
  return found;
}

/** The instance whose table the fixups fill. */
function shimOf(
  { coreInstances, coreItems }: Component,
  { arguments: given }: CoreInstance & { from: "module" },
) {
  for (const [, index] of given) {
    const instance = coreInstances[index];
    if (instance?.from === "module") return index;
    const table = instance?.exports.find(([name, sort]) => name === TABLE && sort === "table");
    if (table) return coreItems.table[table[2]]?.instance;
  }
  return undefined;
}

/** The sections of a core module, custom ones left out. Undefined: not valid. */
function sections(code: Uint8Array<ArrayBuffer>): Map<number, Reader> | undefined {
  const reader = new Reader(code, PREAMBLE_BYTES, code.length);
  const found = new Map<number, Reader>();
  try {
    while (!reader.done) {
      const id = reader.byte();
      const section = reader.part(reader.unsigned());
      if (id !== SECTION.custom) found.set(id, section);
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined; // the compiler says where
    throw error;
  }
  return found;
}

/** Whether there are sections of these ids, and no others. */
function has(found: Map<number, Reader>, ...ids: number[]): boolean {
  return found.size === ids.length && ids.every((id) => found.has(id));
}

/** How many functions a shim has, whose n-th is exported as "n" and calls n of the table; undefined: it is none. */
export function shimSize(code: Uint8Array<ArrayBuffer>): number | undefined {
  const found = sections(code);
  const { type, function: functions, table, export: exports, code: bodies } = SECTION;
  if (!found || !has(found, type, functions, table, exports, bodies)) return undefined;
  const named = found.get(exports)!.vector(() => exportOf(found.get(exports)!));
  const good = named.every(({ name, kind, index }) =>
    name === (kind === KIND.function ? `${index}` : kind === KIND.table ? TABLE : undefined)
  );
  const section = found.get(bodies)!;
  let count = 0;
  const forwards = section.vector(() => isForward(section.part(section.unsigned()), count++));
  return good && forwards.every(Boolean) && named.length === count + 1 ? count : undefined;
}

function exportOf(reader: Reader) {
  return { name: reader.name(), kind: reader.byte(), index: reader.unsigned() };
}

/** Whether a function only passes its parameters on to function `index` of the table. */
function isForward(body: Reader, index: number): boolean {
  if (body.unsigned() !== 0) return false; // locals
  for (let local = 0; body.peek() === OP.localGet; local++) {
    body.byte();
    if (body.unsigned() !== local) return false;
  }
  if (body.byte() !== OP.i32Const || signed(body) !== index) return false;
  if (body.byte() !== OP.callIndirect) return false;
  body.unsigned();
  return body.unsigned() === 0 && body.byte() === OP.end && body.done;
}

/** A small LEB128 number with its sign, which is none of a table's places when it is negative. */
function signed(reader: Reader): number {
  let [value, shift] = [0, 0];
  for (;;) {
    const byte = reader.byte();
    value |= (byte & 0x7f) << shift;
    shift += 7;
    if (byte < 0x80) return byte & 0x40 ? -1 : value;
  }
}

/** The names of the functions that fixups put into the table, in its order; undefined: they are none. */
export function fixupNames(code: Uint8Array<ArrayBuffer>): string[] | undefined {
  const found = sections(code);
  const { type, import: imports, element } = SECTION;
  if (!found || !has(found, type, imports, element)) return undefined;
  const functions: string[] = [];
  const section = found.get(imports)!;
  for (let left = section.unsigned(); left > 0; left--) {
    section.name();
    const name = section.name();
    const kind = section.byte();
    if (kind === KIND.function) {
      functions.push(name);
      section.unsigned();
    } else if (kind === KIND.table && name === TABLE) {
      section.byte();
      if (section.byte() & 1) section.unsigned();
      section.unsigned();
    } else return undefined;
  }
  return filled(found.get(element)!, functions);
}

/** The names in the order of the only segment: of table 0, at 0. */
function filled(segments: Reader, functions: string[]): string[] | undefined {
  const head = [1, 0, OP.i32Const, 0, OP.end];
  if (head.some((byte) => segments.byte() !== byte)) return undefined;
  const names = segments.vector(() => functions[segments.unsigned()]);
  return new Set(names).size === functions.length && segments.done ? names : undefined;
}
