/**
 * Reads type definitions.
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md#type-definitions
 */

import type { Reader } from "./reader.ts";
import type { FunctionType, InstanceType, Primitive, TypeDefinition, ValueType } from "./types.ts";

const PRIMITIVES: Record<number, Primitive> = {
  0x7f: "bool",
  0x7e: "s8",
  0x7d: "u8",
  0x7c: "s16",
  0x7b: "u16",
  0x7a: "s32",
  0x79: "u32",
  0x78: "s64",
  0x77: "u64",
  0x76: "f32",
  0x75: "f64",
  0x74: "char",
  0x73: "string",
};

const SORT = { core: 0, function: 1, value: 2, type: 3, component: 4, instance: 5 } as const;
const TARGET = { export: 0, outer: 2 } as const;

/** The types of a component or of an instance's type, with those around it. */
export class TypeScope {
  readonly types: TypeDefinition[] = [];
  /** Types of the instances that are in scope, by index. */
  readonly instances: (InstanceType | undefined)[] = [];

  constructor(readonly outer?: TypeScope) {}

  /** @throws RangeError: there is none */
  at(index: number): TypeDefinition {
    const found = this.types[index];
    if (!found) throw new RangeError(`no type ${index}`);
    return found;
  }

  #up(count: number): TypeScope {
    if (count === 0) return this;
    if (!this.outer) throw new RangeError("no outer component");
    return this.outer.#up(count - 1);
  }

  /** aliastarget 2: of the component `count` out. */
  outerType(count: number, index: number): TypeDefinition {
    return this.#up(count).at(index);
  }

  exportedType(instance: number, name: string): TypeDefinition {
    const found = this.instances[instance]?.types.get(name);
    if (!found) throw new RangeError(`no type ${name} of instance ${instance}`);
    return found;
  }

  /** deftype */
  define(reader: Reader): void {
    this.types.push(this.#definition(reader));
  }

  #definition(reader: Reader): TypeDefinition {
    switch (reader.peek()) {
      case 0x40:
        reader.byte();
        return { sort: "function", type: this.#functionType(reader) };
      case 0x41:
        reader.byte();
        new TypeScope(this).#declarations(reader);
        return { sort: "component" };
      case 0x42:
        reader.byte();
        return { sort: "instance", type: new TypeScope(this).#declarations(reader) };
      case 0x3f:
        reader.byte();
        reader.byte(); // i32
        reader.optional(() => reader.unsigned()); // destructor
        return { sort: "resource", type: { name: "resource" } };
      default:
        return { sort: "value", type: this.#defined(reader) };
    }
  }

  #functionType(reader: Reader): FunctionType {
    const parameters = reader.vector(() => {
      reader.name();
      return this.value(reader);
    });
    if (reader.byte() === 0) return { parameters, result: this.value(reader) };
    reader.byte();
    return { parameters, result: undefined };
  }

  /** valtype: a primitive one, or an index. */
  value(reader: Reader): ValueType {
    const primitive = PRIMITIVES[reader.peek()];
    if (primitive) {
      reader.byte();
      return { kind: primitive };
    }
    if (reader.peek() >= 0x40 && reader.peek() < 0x80) {
      throw new RangeError(`type 0x${reader.peek().toString(16)}: not known`);
    }
    const definition = this.at(reader.unsigned());
    if (definition.sort !== "value") throw new RangeError("not a type of values");
    return definition.type;
  }

  /** defvaltype */
  #defined(reader: Reader): ValueType {
    const code = reader.byte();
    const value = () => this.value(reader);
    const named = (): [string, ValueType] => [reader.name(), value()];
    switch (code) {
      case 0x72:
        return { kind: "record", fields: reader.vector(named) };
      case 0x71:
        return { kind: "variant", cases: reader.vector(() => this.#case(reader)) };
      case 0x70:
        return { kind: "list", item: value() };
      case 0x6f:
        return { kind: "tuple", items: reader.vector(value) };
      case 0x6e:
        return { kind: "flags", names: reader.vector(() => reader.name()) };
      case 0x6d:
        return { kind: "enum", names: reader.vector(() => reader.name()) };
      case 0x6b:
        return { kind: "option", item: value() };
      case 0x6a:
        return { kind: "result", ok: reader.optional(value), error: reader.optional(value) };
      case 0x69:
      case 0x68: {
        const definition = this.at(reader.unsigned());
        if (definition.sort !== "resource") throw new RangeError("not a resource");
        return { kind: code === 0x69 ? "own" : "borrow", resource: definition.type };
      }
      default: {
        const kind = PRIMITIVES[code];
        if (kind) return { kind };
        throw new RangeError(`type 0x${code.toString(16)}: not known`);
      }
    }
  }

  #case(reader: Reader): [string, ValueType | undefined] {
    const name = reader.name();
    const type = reader.optional(() => this.value(reader));
    reader.optional(() => reader.unsigned()); // refines
    return [name, type];
  }

  /** vec(instancedecl) and vec(componentdecl) */
  #declarations(reader: Reader): InstanceType {
    const made: InstanceType = { functions: new Map(), types: new Map() };
    for (let left = reader.unsigned(); left > 0; left--) {
      const kind = reader.byte();
      if (kind === 1) this.define(reader);
      else if (kind === 2) this.alias(reader);
      else if (kind === 3 || kind === 4) {
        const name = reader.externalName();
        const item = this.external(reader, name);
        if (kind === 3) continue; // a component's import
        if (item?.sort === "function") made.functions.set(name, item.type);
        else if (item) made.types.set(name, item);
      } else throw new RangeError(`declaration ${kind}: not supported`);
    }
    return made;
  }

  /** An alias of a type, the only sort in a type; what another sort is of, its reader is told. */
  alias(reader: Reader): void {
    const sort = reader.byte();
    const target = reader.byte();
    if (sort !== SORT.type) throw new RangeError(`alias of sort ${sort}: not supported`);
    const first = reader.unsigned();
    if (target === TARGET.export) this.types.push(this.exportedType(first, reader.name()));
    else this.types.push(this.outerType(first, reader.unsigned()));
  }

  /**
   * externdesc, of what is imported or exported as `name`; a type or an instance is in scope from here on. The definition
   * of a type's or, of another sort, of its type.
   */
  external(reader: Reader, name: string): TypeDefinition | undefined {
    const sort = reader.byte();
    switch (sort) {
      case SORT.core:
        reader.byte();
        reader.unsigned();
        return undefined;
      case SORT.type: {
        const isResource = reader.byte() === 1;
        const definition: TypeDefinition = isResource
          ? { sort: "resource", type: { name } }
          : this.at(reader.unsigned());
        this.types.push(definition);
        return definition;
      }
      case SORT.function:
      case SORT.component:
        return this.at(reader.unsigned());
      case SORT.instance: {
        const definition = this.at(reader.unsigned());
        this.instances.push(definition.sort === "instance" ? definition.type : undefined);
        return definition;
      }
      default:
        throw new RangeError(`external of sort ${sort}: not supported`);
    }
  }
}
