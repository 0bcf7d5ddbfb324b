import assert from "node:assert/strict";
import { inspectWasm } from "./wasm_file.ts";

const MODULE = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const COMPONENT = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
const COMPONENTS = 4;
const IMPORTS = 10;
const EXPORTS = 11;

const name = (text: string) => {
  const bytes = new TextEncoder().encode(text);
  return [0x00, bytes.length, ...bytes];
};
const section = (id: number, ...bytes: number[]) => [id, bytes.length, ...bytes];

async function inspect(bytes: number[]) {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, new Uint8Array(bytes));
    return inspectWasm(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("inspectWasm() tells modules and components", async () => {
  assert.deepEqual(await inspect(MODULE), { kind: "module" });
  // In a module these are the sections of code and data.
  const sections = [...section(IMPORTS, 1, 2), ...section(EXPORTS)];
  assert.deepEqual(await inspect([...MODULE, ...sections]), { kind: "module" });
  assert.deepEqual(await inspect(COMPONENT), { kind: "component", imports: [], exports: [] });
});

Deno.test("inspectWasm() names what a component imports and exports", async () => {
  const INSTANCE = [5, 0x80, 0x01];
  const CORE_MODULE = [0, 0x11, 3];
  const FUNCTION = [1, 0];
  const VALUE = [2, 1, 0x73];
  const RESOURCE = [3, 1];
  const SAME_TYPE = [3, 0, 9];
  const wasm = await inspect([
    ...COMPONENT,
    ...section(0, 1, 65),
    ...section(
      IMPORTS,
      2,
      ...name("wasi:io/poll@0.2.0"),
      ...INSTANCE,
      ...name("m"),
      ...CORE_MODULE,
    ),
    // Nested, with an import of its own.
    ...section(COMPONENTS, ...COMPONENT, ...section(IMPORTS, 1, ...name("inner"), ...INSTANCE)),
    ...section(
      ...[IMPORTS, 4, ...name("f"), ...FUNCTION, ...name("v"), ...VALUE] as const,
      ...[...name("r"), ...RESOURCE, ...name("ä"), ...SAME_TYPE],
    ),
    // An instance, a core module with its description, an instance by the older form of a name.
    ...section(EXPORTS, 2, ...name("run"), 5, 7, 0, ...name("x"), 0, 0x11, 0, 1, ...CORE_MODULE),
    ...section(EXPORTS, 1, 0x01, ...name("old").slice(1), 5, 1, 0),
  ]);
  assert.deepEqual(wasm, {
    kind: "component",
    imports: ["wasi:io/poll@0.2.0", "m", "f", "v", "r", "ä"],
    exports: ["run", "x", "old"],
  });
});

Deno.test.each(
  [
    [[], "neither a WebAssembly module nor a component: it begins with nothing"],
    [[0x23, 0x21], "neither a WebAssembly module nor a component: it begins with 2321"],
    [MODULE.slice(0, 7), "neither a .*: it begins with 0061736d010000"],
    [[...MODULE, 1], "cut short or malformed: its section header at 8"],
    [[...MODULE, 1, 0x80, 0x80], "cut short or malformed: its section header at 8"],
    [[...MODULE, 1, 3, 0, 0], "cut short: its section at 10 is of 3 bytes, of which 2 are there"],
    [[...COMPONENT, 10, 0xff, 0xff, 0xff, 0xff, 0x0f], "cut short: its section at 14"],
    [[...COMPONENT, ...section(IMPORTS)], "component: .* malformed at byte 0: number"],
    [[...COMPONENT, ...section(IMPORTS, 0, 9)], "malformed at byte 1: bytes after the last item"],
    [[...COMPONENT, ...section(IMPORTS, 99)], "malformed at byte 1: length 99"],
    [[...COMPONENT, ...section(IMPORTS, 1, 2)], "malformed at byte 1: form of a name"],
    [[...COMPONENT, ...section(IMPORTS, 1, 0, 9, 65)], "malformed at byte 3: length 9"],
    [[...COMPONENT, ...section(IMPORTS, 1, ...name("a"), 6)], "malformed at byte 4: description"],
    [[...COMPONENT, ...section(IMPORTS, 1, ...name("a"), 0, 0)], "byte 6: core description"],
    [[...COMPONENT, ...section(EXPORTS, 1, ...name("a"), 9)], "malformed at byte 4: sort"],
  ] as const,
)("inspectWasm() refuses %j", async (bytes, message) => {
  await assert.rejects(inspect([...bytes]), {
    kind: "InvalidArgument",
    message: new RegExp(`^read /.*: .*${message}`),
  });
});

Deno.test("inspectWasm() names what it cannot read", () => {
  assert.throws(() => inspectWasm("/none.wasm"), {
    kind: "NotFound",
    message: "read /none.wasm: no such file or directory",
  });
});
