/**
 * The names in a component's import and export sections:
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md ("Import and Export Definitions").
 */

import { ShimError } from "../errdefs/mod.ts";

/** The names that a section imports. @throws ShimError InvalidArgument: it is malformed, or newer than this. */
export function readImportNames(section: Uint8Array): string[] {
  const reader = new Reader(section);
  return reader.vector(() => {
    const name = reader.name();
    reader.skipDescription();
    return name;
  });
}

/** The names that a section exports. @throws ShimError InvalidArgument: it is malformed, or newer than this. */
export function readExportNames(section: Uint8Array): string[] {
  const reader = new Reader(section);
  return reader.vector(() => {
    const name = reader.name();
    reader.skipSort();
    if (reader.byte("whether a description follows", 1) === 1) reader.skipDescription();
    return name;
  });
}

/** The sort "core", after which the core sort comes; and the description of a core module. */
const CORE = 0x00;
const CORE_MODULE = 0x11;
const LAST_SORT = 0x05;
/** Descriptions: externdesc. */
const VALUE = 0x02;
const TYPE = 0x03;

class Reader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** All of the section: a count and as many items. */
  vector<T>(readItem: () => T): T[] {
    const items = Array.from({ length: this.#atMost(this.#bytes.length) }, readItem);
    if (this.#at < this.#bytes.length) throw this.#malformed("bytes after the last item");
    return items;
  }

  /** importname', exportname': 0 and 1, once the mark of an interface's name, are followed by the name alone. */
  name(): string {
    this.byte("form of a name", 1);
    const length = this.#atMost(this.#bytes.length - this.#at);
    const name = this.#bytes.subarray(this.#at, this.#at += length);
    return new TextDecoder().decode(name);
  }

  /** sortidx. */
  skipSort(): void {
    if (this.byte("sort", LAST_SORT) === CORE) this.byte("core sort", 0xff);
    this.#number();
  }

  /** externdesc. */
  skipDescription(): void {
    const kind = this.byte("description", LAST_SORT);
    if (kind === CORE && this.byte("core description", 0xff) !== CORE_MODULE) {
      throw this.#malformed("core description");
    }
    // A type may be a new resource, of which nothing follows. All others have an index or a primitive type.
    if (kind === TYPE && this.byte("bound of a type", 1) === 1) return;
    if (kind === VALUE) this.byte("bound of a value", 1);
    this.#number();
  }

  byte(what: string, most: number): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined || byte > most) throw this.#malformed(what);
    this.#at++;
    return byte;
  }

  #atMost(most: number): number {
    const number = this.#number();
    if (number > most) throw this.#malformed(`length ${number}`);
    return number;
  }

  /** 32 bits in LEB128. */
  #number(): number {
    for (let value = 0, scale = 1;; scale *= 128) {
      const byte = this.byte("number", scale < 2 ** 28 ? 0xff : 0x0f);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  #malformed(what: string): ShimError {
    return new ShimError(
      "InvalidArgument",
      `component: imports or exports are malformed at byte ${this.#at}: ${what}`,
    );
  }
}
