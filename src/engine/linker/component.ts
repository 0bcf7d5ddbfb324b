/**
 * Reads a component: what is at each index of each sort, in the order of its definitions.
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md
 *
 * A component may hold others only to give its exports their names, as toolchains' linkers make them; one that is composed
 * of components with code is not supported.
 */

import { Reader } from "./reader.ts";
import { TypeScope } from "./type_reader.ts";
import type { FunctionType, InstanceType } from "./types.ts";

/** Magic, version 13 and layer 1. */
const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];

/** Sorts, by their first byte; a core sort has a second. */
const SORTS = ["core", "function", "value", "type", "component", "instance"] as const;
const CORE_SORTS: Record<number, CoreSort> = {
  0: "function",
  1: "table",
  2: "memory",
  3: "global",
  4: "tag",
  0x11: "module",
  0x12: "instance",
};

type Sort = typeof SORTS[number];
export type CoreSort = "function" | "table" | "memory" | "global" | "tag" | "module" | "instance";

/** Options of a lift or lower, as indices of core memories and functions. */
export interface CanonicalOptions {
  memory: number | undefined;
  realloc: number | undefined;
  postReturn: number | undefined;
}

/** A core item that an instance exports; `instance` is its index. */
export interface CoreExport {
  from: "export";
  instance: number;
  name: string;
}

export type CoreFunction =
  | CoreExport
  | { from: "lower"; function: number; options: CanonicalOptions }
  | { from: "drop" };

export type CoreInstance =
  | { from: "module"; module: number; arguments: [name: string, instance: number][] }
  | { from: "exports"; exports: [name: string, sort: CoreSort, index: number][] };

export type Function =
  | { from: "import"; name: string; type: FunctionType }
  | { from: "instance"; instance: number; name: string }
  | { from: "lift"; function: number; options: CanonicalOptions; type: FunctionType };

export type Instance =
  | { from: "import"; name: string; type: InstanceType }
  | { from: "component"; component: number; arguments: Item[] }
  | { from: "exports"; exports: Item[] };

/** Something under a name. */
export interface Item {
  name: string;
  sort: Sort;
  index: number;
}

export interface Component {
  modules: Uint8Array<ArrayBuffer>[];
  coreInstances: CoreInstance[];
  coreFunctions: CoreFunction[];
  /** Of tables, memories, globals and tags. */
  coreItems: Record<"table" | "memory" | "global" | "tag", CoreExport[]>;
  functions: Function[];
  instances: Instance[];
  components: Component[];
  imports: { name: string; sort: Sort }[];
  exports: Item[];
}

/** @throws RangeError: not valid, or of a form that is not supported; its message says what was seen */
export function readComponent(code: Uint8Array<ArrayBuffer>): Component {
  return new ComponentReader(new Reader(code, 0, code.length)).read();
}

class ComponentReader {
  readonly #component: Component = {
    ...{ modules: [], coreInstances: [], coreFunctions: [], functions: [], instances: [] },
    ...{ components: [], imports: [], exports: [] },
    coreItems: { table: [], memory: [], global: [], tag: [] },
  };
  readonly #types: TypeScope;

  constructor(readonly reader: Reader, outer?: TypeScope) {
    this.#types = new TypeScope(outer);
  }

  read(): Component {
    const { reader } = this;
    if (PREAMBLE.some((byte) => reader.byte() !== byte)) throw new RangeError("not a component");
    while (!reader.done) {
      const id = reader.byte();
      this.#section(id, reader.part(reader.unsigned()));
    }
    return this.#component;
  }

  #section(id: number, section: Reader): void {
    const made = this.#component;
    const each = (define: () => void) => void section.vector(define);
    switch (id) {
      case 0: // custom
      case 3: // core types, of modules that are imported: none are
        return;
      case 1:
        made.modules.push(section.bytes(section.end - section.at));
        return;
      case 2:
        return each(() => made.coreInstances.push(coreInstance(section)));
      case 4:
        made.components.push(new ComponentReader(section, this.#types).read());
        return;
      case 5:
        return each(() => this.#addInstance(instance(section)));
      case 6:
        return each(() => this.#alias(section));
      case 7:
        return each(() => this.#types.define(section));
      case 8:
        return each(() => this.#canonical(section));
      case 10:
        return each(() => this.#import(section));
      case 11:
        return each(() => this.#export(section));
      default:
        throw new RangeError(`section ${id}: not supported`);
    }
  }

  #addInstance(made: Instance): void {
    this.#component.instances.push(made);
    this.#types.instances.push(made.from === "import" ? made.type : undefined);
  }

  #alias(reader: Reader): void {
    const made = this.#component;
    const sort = SORTS[reader.byte()];
    const core = sort === "core" ? coreSort(reader) : undefined;
    const target = reader.byte();
    const first = reader.unsigned();
    if (target === 1) {
      const item: CoreExport = { from: "export", instance: first, name: reader.name() };
      if (core === "function") made.coreFunctions.push(item);
      else if (core && core !== "module" && core !== "instance") made.coreItems[core].push(item);
      else throw new RangeError(`alias of a core ${core}: not supported`);
    } else if (target === 0) {
      const name = reader.name();
      if (sort === "function") made.functions.push({ from: "instance", instance: first, name });
      else if (sort === "type") this.#types.types.push(this.#typeOf(first, name));
      else throw new RangeError(`alias of an instance's ${sort}: not supported`);
    } else {
      const index = reader.unsigned();
      if (sort !== "type") throw new RangeError(`alias of an outer ${sort}: not supported`);
      this.#types.types.push(this.#types.outerType(first, index));
    }
  }

  /** A type that an instance exports; of one that is made here it is not known, nor needed. */
  #typeOf(instance: number, name: string) {
    if (this.#component.instances[instance]?.from !== "import") {
      return { sort: "component" } as const;
    }
    return this.#types.exportedType(instance, name);
  }

  #canonical(reader: Reader): void {
    const made = this.#component;
    const code = reader.byte();
    if (code === 0) {
      reader.byte();
      const index = reader.unsigned();
      const options = canonicalOptions(reader);
      const type = this.#types.at(reader.unsigned());
      if (type.sort !== "function") throw new RangeError("lift: not a function's type");
      made.functions.push({ from: "lift", function: index, options, type: type.type });
    } else if (code === 1) {
      reader.byte();
      const index = reader.unsigned();
      const options = canonicalOptions(reader);
      made.coreFunctions.push({ from: "lower", function: index, options });
    } else if (code === 3) {
      reader.unsigned(); // of one table: which resource it is of does not matter
      made.coreFunctions.push({ from: "drop" });
    } else throw new RangeError(`canonical function ${code}: not supported`);
  }

  #import(reader: Reader): void {
    const made = this.#component;
    const name = reader.externalName();
    const sort = SORTS[reader.peek()];
    const before = this.#types.instances.length;
    const type = this.#types.external(reader, name);
    made.imports.push({ name, sort });
    if (sort === "function" && type?.sort === "function") {
      made.functions.push({ from: "import", name, type: type.type });
    } else if (sort === "instance" && type?.sort === "instance") {
      this.#types.instances.length = before;
      this.#addInstance({ from: "import", name, type: type.type });
    } else if (sort !== "type") throw new RangeError(`import of a ${sort}: not supported`);
  }

  /** What is exported has an index of its own from here on. */
  #export(reader: Reader): void {
    const made = this.#component;
    const name = reader.externalName();
    const sort = SORTS[reader.byte()];
    if (sort === "core") coreSort(reader);
    const index = reader.unsigned();
    made.exports.push({ name, sort, index });
    const before = [this.#types.types.length, this.#types.instances.length];
    if (reader.byte() === 1) this.#types.external(reader, name);
    [this.#types.types.length, this.#types.instances.length] = before;
    if (sort === "function") made.functions.push(made.functions[index]);
    else if (sort === "instance") this.#addInstance(made.instances[index]);
    else if (sort === "type") this.#types.types.push(this.#types.at(index));
    else throw new RangeError(`export of a ${sort}: not supported`);
  }
}

function coreSort(reader: Reader): CoreSort {
  const code = reader.byte();
  const sort = CORE_SORTS[code];
  if (!sort) throw new RangeError(`core sort ${code}: not supported`);
  return sort;
}

function coreInstance(reader: Reader): CoreInstance {
  if (reader.byte() === 0) {
    const module = reader.unsigned();
    const given = reader.vector((): [string, number] => {
      const name = reader.name();
      reader.byte(); // an instance, always
      return [name, reader.unsigned()];
    });
    return { from: "module", module, arguments: given };
  }
  const exports = reader.vector((): [string, CoreSort, number] => [
    reader.name(),
    coreSort(reader),
    reader.unsigned(),
  ]);
  return { from: "exports", exports };
}

function instance(reader: Reader): Instance {
  const item = (name: string): Item => {
    const sort = SORTS[reader.byte()];
    if (sort === "core") coreSort(reader);
    return { name, sort, index: reader.unsigned() };
  };
  if (reader.byte() === 0) {
    const component = reader.unsigned();
    const given = reader.vector(() => item(reader.name()));
    return { from: "component", component, arguments: given };
  }
  return { from: "exports", exports: reader.vector(() => item(reader.externalName())) };
}

function canonicalOptions(reader: Reader): CanonicalOptions {
  const options: CanonicalOptions = {
    memory: undefined,
    realloc: undefined,
    postReturn: undefined,
  };
  for (let left = reader.unsigned(); left > 0; left--) {
    const code = reader.byte();
    if (code === 0) continue; // UTF-8
    if (code === 3) options.memory = reader.unsigned();
    else if (code === 4) options.realloc = reader.unsigned();
    else if (code === 5) options.postReturn = reader.unsigned();
    else throw new RangeError(`canonical option ${code}: not supported`);
  }
  return options;
}
