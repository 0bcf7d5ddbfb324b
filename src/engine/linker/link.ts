/**
 * Links a component to a host: without generated code, so that an instance is made in a fraction of a millisecond, and with
 * functions that suspend the guest until a promise is settled.
 */

import { ShimError } from "../../errdefs/mod.ts";
import { compileCode } from "../module.ts";
import { camelCase, codecOf } from "./abi.ts";
import type { CoreType } from "./codec.ts";
import {
  type CanonicalOptions,
  type Component,
  type CoreSort,
  readComponent,
} from "./component.ts";
import { findExport } from "./exports.ts";
import { promising } from "./jspi.ts";
import { type CoreFunction, lower, signatureOf } from "./lower.ts";
import { dispose, GuestMemory, Handles } from "./memory.ts";
import { findShortcuts, type Shortcuts } from "./shim.ts";
import { suspendingFunctions, suspendingModule } from "./suspending.ts";
import type { FunctionType } from "./types.ts";

/**
 * What a host gives: an object for each interface, by its name without the version, with functions and classes in camelCase;
 * or with a function by its full name, "[method]pollable.block", which gets the object first. Values are as abi.ts has them;
 * what is thrown is a trap. A function that answers a promise must be told by `Suspends`.
 */
export type HostInterfaces = Record<string, Record<string, unknown>>;

/** Whether a function of the host may answer a promise: "wasi:io/poll", "[method]pollable.block". */
export type Suspends = (interfaceName: string, name: string) => boolean;

type AnyFunction = (...args: unknown[]) => unknown;
type CoreItem = WebAssembly.ImportValue;

/** A function of the host with its type. */
interface HostFunction {
  interfaceName: string;
  name: string;
  type: FunctionType;
}

/** A component's exported function, and its instance. */
export interface Linked {
  /** Takes and gives what the types say; suspends. */
  call: (...args: unknown[]) => Promise<void>;
  readonly handles: Handles;
}

export interface CompiledComponent {
  /** A new instance, for its function `name` of the interface `from` (with its version). */
  instantiate(from: string, name: string): Linked;
}

/** "wasi:io/poll@0.2.3" without its version; null when that is not one of 0.2. */
export function interfaceName(name: string): string | null {
  return /^([^@]+)@0\.2\.\d+$/.exec(name)?.[1] ?? null;
}

/** Read the component of the file `path`. @throws ShimError InvalidArgument; Unimplemented: a form of it is not supported */
export function parseComponent(code: Uint8Array<ArrayBuffer>, path: string): Component {
  try {
    return readComponent(code);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    const kind = error.message.endsWith("not supported") ? "Unimplemented" : "InvalidArgument";
    throw new ShimError(kind, `compile ${path}: component: ${error.message}`, { cause: error });
  }
}

/** A function of the host for core modules. */
interface Lowered {
  core: (memory: GuestMemory) => CoreFunction;
  suspends: boolean;
  /** Of the core function. */
  parameters: CoreType[];
}

/** A component with what it imports. */
export class Linker {
  /** By the index of the core function. */
  readonly #lowered = new Map<number, Lowered>();

  /** @throws ShimError InvalidArgument: the host does not give what it imports */
  constructor(
    readonly component: Component,
    readonly path: string,
    readonly host: HostInterfaces,
    readonly suspends: Suspends,
  ) {
    for (const { name, sort } of component.imports) {
      const given = sort !== "instance" || Object.hasOwn(host, interfaceName(name) ?? "");
      if (!given) throw this.#noHost(`${name} (${sort})`);
    }
    component.coreFunctions.forEach((made, index) => {
      if (made.from === "lower") this.#lowered.set(index, this.#lower(made.function));
    });
  }

  /** @throws ShimError InvalidArgument: a module of it is not valid */
  validate(): void {
    for (const code of this.component.modules) {
      if (!WebAssembly.validate(code)) compileCode(code, this.path); // says why
    }
  }

  /** @throws ShimError InvalidArgument: a module of it is not valid */
  compile(): CompiledComponent {
    const modules = this.component.modules.map((code) => compileCode(code, this.path));
    const shortcuts = findShortcuts(this.component);
    const suspending = [...this.#lowered.values()].filter(({ suspends }) => suspends);
    const glue = suspendingModule(suspending.map(({ parameters }) => parameters));
    const instantiate: CompiledComponent["instantiate"] = (from, name) =>
      new Linking(this.component, modules, this.#lowered, shortcuts, glue).exported(from, name);
    return { instantiate };
  }

  #lower(index: number): Lowered {
    const found = hostFunction(this.component, index);
    if (!found) throw this.#noHost(`function ${index}`);
    const { interfaceName: from, name, type } = found;
    const call = this.#callOf(from, name);
    const suspends = this.suspends(interfaceName(from)!, name);
    try {
      const signature = signatureOf(type);
      if (suspends && signature.returns) throw new RangeError("returns a value: not supported");
      const core = lower(call, type, signature);
      return { core, suspends, parameters: signature.parameters };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const message = `link ${this.path}: ${from}.${name}: ${error.message}`;
      throw new ShimError("Unimplemented", message, { cause: error });
    }
  }

  #callOf(from: string, name: string): (args: unknown[]) => unknown {
    const given = this.host[interfaceName(from) ?? ""];
    const whole = given?.[name];
    if (typeof whole === "function") return (args) => (whole as AnyFunction).apply(given, args);
    const [, form, resource, method] = /^(?:\[(\w+)\]([^.]+)\.?)?(.*)$/.exec(name)!;
    const Class = resource ? given?.[className(resource)] as undefined | HostClass : undefined;
    const found = !form
      ? given?.[camelCase(method)]
      : form === "constructor"
      ? Class
      : form === "static"
      ? Class?.[camelCase(method)]
      : Class?.prototype[camelCase(method)];
    if (typeof found !== "function") throw this.#noHost(`${from}.${name}`);
    if (form === "constructor") return (args) => Reflect.construct(found, args);
    if (form === "method") return methodCall(found as AnyFunction, Class!, resource);
    return (args) => (found as AnyFunction).apply(form === "static" ? Class : given, args);
  }

  #noHost(what: string): ShimError {
    return new ShimError("InvalidArgument", `link ${this.path}: no host gives its import ${what}`);
  }
}

interface HostClass {
  new (...args: unknown[]): object;
  prototype: Record<string, unknown>;
  [name: string]: unknown;
}

/** "input-stream" as InputStream. */
function className(resource: string): string {
  const name = camelCase(resource);
  return name[0].toUpperCase() + name.slice(1);
}

function methodCall(method: AnyFunction, Class: HostClass, resource: string) {
  return (args: unknown[]) => {
    const self = args[0];
    if (!(self instanceof Class)) throw new WebAssembly.RuntimeError(`not an ${resource}`);
    switch (args.length) {
      case 1:
        return method.call(self);
      case 2:
        return method.call(self, args[1]);
      case 3:
        return method.call(self, args[1], args[2]);
      default:
        return method.apply(self, args.slice(1));
    }
  };
}

/** The function of an imported instance that is function `index`, if it is one. */
function hostFunction(component: Component, index: number): HostFunction | undefined {
  const made = component.functions[index];
  if (made?.from !== "instance") return undefined;
  const instance = component.instances[made.instance];
  if (instance?.from !== "import") return undefined;
  const type = instance.type.functions.get(made.name);
  return type && { interfaceName: instance.name, name: made.name, type };
}

const NO_OPTIONS: CanonicalOptions = {
  ...{ memory: undefined, realloc: undefined, postReturn: undefined },
};

/** One instance in the making. */
class Linking {
  readonly handles = new Handles();
  readonly #instances: Record<string, CoreItem>[] = [];
  readonly #memories = new Map<string, GuestMemory>();
  /** By the index of the core function. */
  readonly #suspending = new Map<number, CoreItem>();

  constructor(
    readonly component: Component,
    readonly modules: WebAssembly.Module[],
    readonly lowered: ReadonlyMap<number, Lowered>,
    readonly shortcuts: Shortcuts,
    glue: WebAssembly.Module,
  ) {
    const waiting = [...lowered].filter(([, { suspends }]) => suspends);
    const made = suspendingFunctions(glue, waiting.map(([index]) => this.#lower(index)));
    waiting.forEach(([index], place) => this.#suspending.set(index, made[place]));
    component.coreInstances.forEach((made, index) => {
      this.#instances.push(
        shortcuts.unused.has(index) ? {} : made.from === "module"
          ? new WebAssembly.Instance(
            modules[made.module],
            Object.fromEntries(made.arguments.map(([name, index]) => [
              name,
              this.#instances[index],
            ])),
          ).exports as Record<string, CoreItem>
          : Object.fromEntries(
            made.exports.map(([name, sort, index]) => [name, this.#item(sort, index)]),
          ),
      );
    });
  }

  #item(sort: CoreSort, index: number): CoreItem {
    if (sort === "function") return this.#function(index);
    if (sort === "module" || sort === "instance") throw new RangeError(`core ${sort}`);
    const { instance, name } = this.component.coreItems[sort][index];
    return this.#instances[instance][name];
  }

  #function(index: number): CoreItem {
    const made = this.component.coreFunctions[index];
    if (made.from === "export") {
      const target = this.shortcuts.targets.get(made.instance)?.get(made.name);
      return target === undefined
        ? this.#instances[made.instance][made.name]
        : this.#function(target);
    }
    if (made.from === "drop") return (handle: number) => dispose(this.handles.take(handle));
    return this.#suspending.get(index) ?? this.#lower(index);
  }

  #lower(index: number): CoreFunction {
    const made = this.component.coreFunctions[index];
    const options = made.from === "lower" ? made.options : NO_OPTIONS;
    return this.lowered.get(index)!.core(this.#memory(options));
  }

  #memory({ memory, realloc }: CanonicalOptions): GuestMemory {
    const key = `${memory} ${realloc}`;
    const known = this.#memories.get(key);
    if (known) return known;
    const made = new GuestMemory(this.handles, {
      memory: memory === undefined
        ? undefined
        : () => this.#item("memory", memory) as WebAssembly.Memory,
      realloc: realloc === undefined
        ? undefined
        : () => this.#function(realloc) as (...numbers: number[]) => number,
    });
    this.#memories.set(key, made);
    return made;
  }

  /** The function `name` of the exported instance `from`, lifted. */
  exported(from: string, name: string): Linked {
    const lifted = findExport(this.component, from, name);
    if (lifted?.from !== "lift") throw new RangeError(`no export ${from}.${name}`);
    const core = promising(this.#function(lifted.function) as CoreFunction);
    const memory = this.#memory(lifted.options);
    const codecs = lifted.type.parameters.map(codecOf);
    return {
      call: async (...args) => {
        await core(...codecs.map((codec, index) => codec.lower(memory, args[index])));
      },
      handles: this.handles,
    };
  }
}
