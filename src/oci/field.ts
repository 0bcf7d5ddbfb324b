/**
 * A cursor over parsed JSON that knows its path, so that every error names the field and the value seen,
 * as in `linux.resources.memory.limit: -2: must be at least -1`.
 *
 * Absent and `null` are the same, as for Go's decoder, which wrote the documents.
 */

import { type Kind, ShimError } from "../errdefs/mod.ts";

/** Range of a 64-bit signed integer. */
export const INT64 = [-(2n ** 63n), 2n ** 63n - 1n] as const;
/** Range of a 64-bit unsigned integer. */
export const UINT64 = [0n, 2n ** 64n - 1n] as const;
/** Range of a 32-bit unsigned integer. */
export const UINT32 = [0, 2 ** 32 - 1] as const;

/** JSON.parse hands the reviver the text of a primitive, which TypeScript's library does not say yet. */
type Reviver = (key: string, value: unknown, context: { source: string }) => unknown;

/**
 * JSON with its integers beyond 2^53 as bigint: RLIM_INFINITY is 2^64 - 1.
 * @throws SyntaxError
 */
function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const exact: Reviver = (_key, value, { source }) =>
    typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER && /^-?\d+$/.test(source)
      ? BigInt(source)
      : value;
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
}

export class Field {
  constructor(readonly value: unknown, readonly path: string) {}

  /**
   * The root of a document; `name` stands for it in errors.
   * @throws ShimError InvalidArgument: not a JSON object.
   */
  static parse(text: string, name: string): Field {
    let value: unknown;
    try {
      value = parseJson(text);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ShimError("InvalidArgument", `parse ${name}: ${reason}`, { cause: error });
    }
    if (!isObject(value)) throw new ShimError("InvalidArgument", `parse ${name}: not an object`);
    return new Field(value, "");
  }

  /** An error about this field: its path, the value, the reason. */
  error(reason: string, kind: Kind = "InvalidArgument"): ShimError {
    return new ShimError(kind, `${this.path}: ${show(this.value)}: ${reason}`);
  }

  get absent(): boolean {
    return this.value === undefined || this.value === null;
  }

  /** Nothing is asked for: absent, false, zero, or without content. */
  get empty(): boolean {
    const { value } = this;
    if (this.absent || value === false || value === 0 || value === "") return true;
    return Array.isArray(value) ? value.length === 0 : isObject(value) && this.#keys().length === 0;
  }

  /** The member `key`; of an absent field, absent too. */
  at(key: string): Field {
    const path = this.path ? `${this.path}.${key}` : key;
    if (this.absent) return new Field(undefined, path);
    if (!isObject(this.value)) throw this.error("not an object");
    return new Field(Object.hasOwn(this.value, key) ? this.value[key] : undefined, path);
  }

  /**
   * Deny by default: a member that is not in `keys` and asks for anything is not honoured, so it is refused.
   * @throws ShimError Unimplemented
   */
  only(...keys: string[]): this {
    if (this.absent) return this;
    if (!isObject(this.value)) throw this.error("not an object");
    for (const key of this.#keys()) if (!keys.includes(key)) this.at(key).refuse();
    return this;
  }

  /** @throws ShimError Unimplemented: anything is asked for. */
  refuse(): void {
    if (!this.empty) throw this.error("not supported", "Unimplemented");
  }

  /** The items of an array; none when absent. */
  items(): Field[] {
    if (this.absent) return [];
    if (!Array.isArray(this.value)) throw this.error("not an array");
    return this.value.map((item, index) => new Field(item, `${this.path}[${index}]`));
  }

  /** The members of an object; none when absent. */
  members(): [key: string, value: Field][] {
    return this.#keys().map((key) => [key, this.at(key)]);
  }

  /** A string without NUL, which no kernel interface can carry. */
  string(fallback?: string): string {
    if (this.absent && fallback !== undefined) return fallback;
    if (typeof this.value !== "string") throw this.error("not a string");
    if (this.value.includes("\0")) throw this.error("holds a NUL");
    return this.value;
  }

  strings(): string[] {
    return this.items().map((item) => item.string());
  }

  boolean(): boolean {
    if (this.absent) return false;
    if (typeof this.value !== "boolean") throw this.error("not a boolean");
    return this.value;
  }

  /** An integer from `least` to `most`, both of which a number holds. */
  integer([least, most]: readonly [number, number]): number {
    return Number(this.bigint([BigInt(least), BigInt(most)]));
  }

  optionalInteger(range: readonly [number, number]): number | undefined {
    return this.absent ? undefined : this.integer(range);
  }

  /** A 64-bit integer from `least` to `most`. */
  bigint([least, most]: readonly [bigint, bigint]): bigint {
    const { value } = this;
    if (typeof value !== "bigint" && !Number.isInteger(value)) throw this.error("not an integer");
    const integer = BigInt(value as number | bigint);
    if (integer < least) throw this.error(`must be at least ${least}`);
    if (integer > most) throw this.error(`must be at most ${most}`);
    return integer;
  }

  optionalBigint(range: readonly [bigint, bigint]): bigint | undefined {
    return this.absent ? undefined : this.bigint(range);
  }

  /** An absolute path without "." and ".." and double slashes. */
  absolutePath(): string {
    const path = this.string();
    if (!path.startsWith("/")) throw this.error("not an absolute path");
    return cleanPath(path);
  }

  /** One of `values`. */
  oneOf<T extends string>(values: readonly T[]): T {
    const found = values.find((value) => value === this.value);
    if (found === undefined) throw this.error(`not one of ${values.join(", ")}`);
    return found;
  }

  #keys(): string[] {
    if (this.absent) return [];
    if (!isObject(this.value)) throw this.error("not an object");
    return Object.keys(this.value);
  }
}

/** `path` as an absolute path, without "." and ".." and double slashes; like Go's path.Clean. */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const SHOWN_CHARACTERS = 80;

function show(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  const text = value === undefined
    ? "absent"
    : JSON.stringify(value, (_, item) => typeof item === "bigint" ? String(item) : item);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}
