/**
 * How much of a module V8 compiles before it runs. TurboFan compiles about 1 MB of code in a second, into code as fast as
 * native; what is compiled before the fork, no container compiles again. A program of megabytes runs a small part of
 * itself, mostly: V8 compiles that part quickly when it is called, and again, well, when it is called often.
 */

import { Reader } from "./linker/reader.ts";

/** `eager`: all of a module, well, at once. `lazy`: what is called, when it is. */
export type Compilation = "eager" | "lazy";

/** Code of more bytes is compiled lazily: half a second's work. */
export const MOST_EAGER_BYTES = 512 << 10;

const HEADER_BYTES = 8;
/** Where the version's layer is: 0 of modules, 1 of components. */
const LAYER_AT = 6;
/** Section ids: https://webassembly.github.io/spec/core/binary/modules.html#sections */
const CODE = 10;
/** https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md */
const COMPONENT = { coreModule: 1, component: 4 } as const;

/**
 * The bytes of code in a module, or in all modules of a component: names and data, of which there may be more, are not
 * compiled. Of what is malformed, what comes before that; the compiler reports it.
 */
export function codeSize(binary: Uint8Array<ArrayBuffer>): number {
  let total = 0;
  try {
    const isComponent = binary[LAYER_AT] === 1;
    const reader = new Reader(binary, HEADER_BYTES, binary.length);
    while (!reader.done) {
      const id = reader.byte();
      const content = reader.bytes(reader.unsigned());
      if (!isComponent) total += id === CODE ? content.length : 0;
      else if (id === COMPONENT.coreModule || id === COMPONENT.component) {
        total += codeSize(content);
      }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return total;
}
