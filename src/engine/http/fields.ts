/**
 * The resource `fields` of wasi:http/types: headers and trailers.
 * https://github.com/WebAssembly/WASI/blob/v0.2.8/wasip2/http/types.wit
 */

import { DONE, err, ok, type Result } from "../component/host/result.ts";

export type HeaderError = { tag: "invalid-syntax" | "forbidden" | "immutable" };
/** A name as it was given, and a value. */
export type Field = [name: string, value: Uint8Array];

/** token, https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Of a connection, not of a message: they are the server's and the client's own. */
const FORBIDDEN = new Set([
  ...["connection", "host", "http2-settings", "keep-alive", "proxy-authenticate"],
  ...["proxy-authorization", "proxy-connection", "transfer-encoding", "upgrade"],
]);

const INVALID = err<HeaderError>({ tag: "invalid-syntax" });
const DENIED = err<HeaderError>({ tag: "forbidden" });
const IMMUTABLE = err<HeaderError>({ tag: "immutable" });

/** field-value: visible characters, spaces, tabs and bytes above. */
function isValue(value: Uint8Array): boolean {
  for (const byte of value) if (byte < 0x20 && byte !== 0x09 || byte === 0x7f) return false;
  return true;
}

/** Names are compared without regard to case. */
export class Fields {
  #entries: Field[] = [];
  /** Those of a message that was received or sent do not change. */
  #immutable = false;

  static fromList(entries: Field[]): Result<Fields, HeaderError> {
    const fields = new Fields();
    for (const [name, value] of entries) {
      const added = fields.append(name, value);
      if (added.tag === "err") return added;
    }
    return ok(fields);
  }

  /** Those of a message that was received. */
  static received(headers: Headers): Fields {
    const fields = new Fields();
    for (const [name, value] of headers) {
      if (!FORBIDDEN.has(name)) fields.#entries.push([name, latin1Bytes(value)]);
    }
    return fields.freeze();
  }

  freeze(): this {
    this.#immutable = true;
    return this;
  }

  get(name: string): Uint8Array[] {
    const wanted = name.toLowerCase();
    return this.#entries.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) =>
      value
    );
  }

  has(name: string): boolean {
    const wanted = name.toLowerCase();
    return this.#entries.some(([name]) => name.toLowerCase() === wanted);
  }

  set(name: string, values: Uint8Array[]): Result<undefined, HeaderError> {
    const refused = this.#refused(name) ?? (values.every(isValue) ? undefined : INVALID);
    if (refused) return refused;
    this.#remove(name);
    for (const value of values) this.#entries.push([name, value]);
    return DONE;
  }

  delete(name: string): Result<undefined, HeaderError> {
    const refused = this.#refused(name);
    if (refused) return refused;
    this.#remove(name);
    return DONE;
  }

  append(name: string, value: Uint8Array): Result<undefined, HeaderError> {
    const refused = this.#refused(name) ?? (isValue(value) ? undefined : INVALID);
    if (refused) return refused;
    this.#entries.push([name, value]);
    return DONE;
  }

  entries(): Field[] {
    return this.#entries;
  }

  clone(): Fields {
    const fields = new Fields();
    fields.#entries = [...this.#entries];
    return fields;
  }

  /** For Headers of Deno's. */
  pairs(): [string, string][] {
    return this.#entries.map(([name, value]) => [name, latin1Text(value)]);
  }

  /** The value of content-length, if it is a number. */
  contentLength(): number | undefined {
    if (this.#entries.length === 0) return undefined;
    const [value] = this.get("content-length");
    const text = value && latin1Text(value);
    return text && /^\d+$/.test(text) ? Number(text) : undefined;
  }

  #refused(name: string) {
    if (this.#immutable) return IMMUTABLE;
    if (!TOKEN.test(name)) return INVALID;
    return FORBIDDEN.has(name.toLowerCase()) ? DENIED : undefined;
  }

  #remove(name: string): void {
    const unwanted = name.toLowerCase();
    this.#entries = this.#entries.filter(([name]) => name.toLowerCase() !== unwanted);
  }
}

/** Headers of the web are strings of bytes. */
function latin1Text(bytes: Uint8Array): string {
  let text = "";
  for (let index = 0; index < bytes.length; index++) text += String.fromCharCode(bytes[index]);
  return text;
}

function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}
