/**
 * Ends a guest from within a function that it has called. An exception of JavaScript would not do: `catch_all` catches
 * it, and `try_table` too. A trap is caught by nothing of WebAssembly.
 * https://webassembly.github.io/exception-handling/js-api/
 */

/** `(module (func (export "trap") unreachable))` */
const MODULE = Uint8Array.fromHex(
  "0061736d01000000010401600000030201000708010474726170" + "00000a05010300000b",
);

const instance = new WebAssembly.Instance(new WebAssembly.Module(MODULE));

/** Does not return. */
export const trap = instance.exports.trap as () => void;
