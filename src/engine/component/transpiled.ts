/** A component as JavaScript and core modules, and its form between processes and on disk. */

import { ShimError } from "../../errdefs/mod.ts";

/** What a component imports or exports under a name: an interface's instance, mostly, or a function. */
export interface External {
  /** As the component has it: "wasi:cli/run@0.2.3", "greet". */
  name: string;
  kind: "core module" | "function" | "value" | "type" | "component" | "instance";
}

/** What is left of a component when it is transpiled. */
export interface Transpiled {
  /**
   * Text of an ES module that exports `instantiate(getCoreModule, imports, instantiateCore?)`: synchronous, and answers
   * the exports. `imports` has an object for each interface, by its name without the version.
   */
  script: string;
  /** The core modules' code, by the names that `getCoreModule` is called with. */
  modules: Map<string, Uint8Array<ArrayBuffer>>;
  /** All that the component imports, in its order. */
  imports: External[];
  /** All that it exports, in its order. */
  exports: External[];
}

/** The head of the packed form, as JSON: what follows it in order, with sizes in bytes. */
interface Head extends Pick<Transpiled, "imports" | "exports"> {
  scriptSize: number;
  modules: [name: string, size: number][];
}

const HEAD_SIZE_BYTES = 4;

/** u32 little-endian size of the head, the head, the script in UTF-8, the core modules. */
export function pack({ script, modules, imports, exports }: Transpiled): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const text = encoder.encode(script);
  const head: Head = {
    imports,
    exports,
    scriptSize: text.length,
    modules: [...modules].map(([name, code]) => [name, code.length]),
  };
  const json = encoder.encode(JSON.stringify(head));
  const size = new Uint8Array(HEAD_SIZE_BYTES);
  new DataView(size.buffer).setUint32(0, json.length, true);
  return concat([size, json, text, ...modules.values()]);
}

/** What pack() has packed; its modules are views of `packed`. @throws ShimError DataLoss: it is not whole */
export function unpack(packed: Uint8Array<ArrayBuffer>): Transpiled {
  let at = 0;
  const take = (size: number): Uint8Array<ArrayBuffer> => {
    if (at + size > packed.length) {
      throw new ShimError(
        "DataLoss",
        `unpack a component: ends at ${packed.length} of ${at + size}`,
      );
    }
    at += size;
    return packed.subarray(at - size, at);
  };
  const decoder = new TextDecoder();
  const size = take(HEAD_SIZE_BYTES);
  const headSize = new DataView(size.buffer, size.byteOffset).getUint32(0, true);
  const { imports, exports, scriptSize, modules } = JSON.parse(
    decoder.decode(take(headSize)),
  ) as Head;
  const script = decoder.decode(take(scriptSize));
  return {
    imports,
    exports,
    script,
    modules: new Map(modules.map(([name, n]) => [name, take(n)])),
  };
}

function concat(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
