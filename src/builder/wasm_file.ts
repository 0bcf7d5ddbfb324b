/**
 * What a WebAssembly file is, by its outline: the sections are skipped, not read, so that a file may be of any size.
 *
 * https://webassembly.github.io/spec/core/binary/modules.html,
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md
 */

import { ShimError } from "../errdefs/mod.ts";
import { reasoned } from "../errdefs/reasoned.ts";
import { readExportNames, readImportNames } from "./component_names.ts";

export type Wasm =
  | { kind: "module" }
  /** With the names of what the component imports and exports, in the file's order. */
  | { kind: "component"; imports: string[]; exports: string[] };

/** Magic, then version and layer: little-endian, 16 bits each. */
const MODULE = "0061736d01000000";
const COMPONENT = "0061736d0d000100";
const PREAMBLE_SIZE = 8;

const IMPORTS = 10;
const EXPORTS = 11;
/** The longest size of a section: 32 bits in LEB128. */
const LEB_SIZE = 5;
/** Those of the standard library's whole world are some 4 KiB. */
const MAX_NAMES_SIZE = 1 << 20;

/** @throws ShimError NotFound, PermissionDenied, InvalidArgument (no WebAssembly, or cut short): names the path */
export function inspectWasm(path: string): Wasm {
  try {
    using file = Deno.openSync(path);
    return inspect(file);
  } catch (error) {
    if (error instanceof ShimError) {
      throw new ShimError(error.kind, `read ${path}: ${error.message}`, { cause: error });
    }
    throw reasoned(`read ${path}`, error);
  }
}

function inspect(file: Deno.FsFile): Wasm {
  const preamble = readAt(file, 0, PREAMBLE_SIZE).toHex();
  if (preamble !== MODULE && preamble !== COMPONENT) {
    throw new ShimError(
      "InvalidArgument",
      `neither a WebAssembly module nor a component: it begins with ${preamble || "nothing"}`,
    );
  }
  const isComponent = preamble === COMPONENT;
  const imports: string[] = [];
  const exports: string[] = [];
  const { size: end } = file.statSync();
  for (let at = PREAMBLE_SIZE; at < end;) {
    const { id, start, size } = readSection(file, at);
    if (Number.isNaN(size)) {
      throw new ShimError("InvalidArgument", `cut short or malformed: its section header at ${at}`);
    }
    at = start + size;
    if (at > end) {
      throw new ShimError(
        "InvalidArgument",
        `cut short: its section at ${start} is of ${size} bytes, of which ${end - start} are there`,
      );
    }
    if (!isComponent || (id !== IMPORTS && id !== EXPORTS)) continue;
    if (size > MAX_NAMES_SIZE) {
      throw new ShimError(
        "InvalidArgument",
        `imports or exports of ${size} bytes: more than ${MAX_NAMES_SIZE}`,
      );
    }
    const content = readAt(file, start, size);
    if (id === IMPORTS) imports.push(...readImportNames(content));
    else exports.push(...readExportNames(content));
  }
  return isComponent ? { kind: "component", imports, exports } : { kind: "module" };
}

/** The section whose header is at `at`; its size is NaN when the header is cut short or malformed. */
function readSection(file: Deno.FsFile, at: number) {
  const [id, ...bytes] = readAt(file, at, 1 + LEB_SIZE);
  const length = bytes.findIndex((byte) => byte < 128) + 1;
  const size = bytes.slice(0, length).reduce((sum, byte, i) => sum + (byte & 127) * 128 ** i, 0);
  return { id, start: at + 1 + length, size: length > 0 ? size : NaN };
}

/** As many of these bytes as there are. */
function readAt(file: Deno.FsFile, at: number, size: number): Uint8Array {
  const buffer = new Uint8Array(size);
  file.seekSync(at, Deno.SeekMode.Start);
  let filled = 0;
  for (
    let count;
    filled < size && (count = file.readSync(buffer.subarray(filled)));
    filled += count
  );
  return buffer.subarray(0, filled);
}
