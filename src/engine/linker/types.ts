/** The types of the component model that WASI 0.2 is made of. */

/** A resource type. The object is its identity. */
export interface Resource {
  /** As it is exported: "input-stream". */
  name: string;
}

export type Primitive =
  | "bool"
  | "s8"
  | "u8"
  | "s16"
  | "u16"
  | "s32"
  | "u32"
  | "s64"
  | "u64"
  | "f32"
  | "f64"
  | "char"
  | "string";

export type ValueType =
  | { kind: Primitive }
  | { kind: "record"; fields: [name: string, type: ValueType][] }
  | { kind: "variant"; cases: [name: string, type: ValueType | undefined][] }
  | { kind: "list"; item: ValueType }
  | { kind: "tuple"; items: ValueType[] }
  | { kind: "flags" | "enum"; names: string[] }
  | { kind: "option"; item: ValueType }
  | { kind: "result"; ok: ValueType | undefined; error: ValueType | undefined }
  | { kind: "own" | "borrow"; resource: Resource };

export interface FunctionType {
  parameters: ValueType[];
  result: ValueType | undefined;
}

/** The functions and types of an instance, by name. */
export interface InstanceType {
  functions: Map<string, FunctionType>;
  types: Map<string, TypeDefinition>;
}

/** What is at an index of types. */
export type TypeDefinition =
  | { sort: "value"; type: ValueType }
  | { sort: "function"; type: FunctionType }
  | { sort: "instance"; type: InstanceType }
  | { sort: "resource"; type: Resource }
  | { sort: "component" };
