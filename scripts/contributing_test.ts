import assert from "node:assert/strict";
import wabt from "wabt";
import type { Engine, Guest, Program } from "../src/engine/mod.ts";

const ENGINES = new URL("../src/engine/", import.meta.url);

/** The engine that CONTRIBUTING.md shows, as a module that imports what it says from src/engine. */
async function exampleFile(): Promise<string> {
  const page = await Deno.readTextFile(new URL("../CONTRIBUTING.md", import.meta.url));
  const [, section] = page.split("## Adding an engine");
  const example = /```ts\n(.*?)```/s.exec(section)![1];
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, example.replaceAll('from "./', `from "${ENGINES}`));
  return path;
}

Deno.test("CONTRIBUTING.md shows an engine that compiles and runs", async () => {
  const path = await exampleFile();
  try {
    const check = [
      "check",
      "--quiet",
      "--config",
      new URL("../deno.json", import.meta.url).pathname,
    ];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: [...check, path] })
      .output();
    assert.ok(success, new TextDecoder().decode(stderr));

    const { bareEngine } = await import(`file://${path}`) as { bareEngine: () => Engine };
    const engine = bareEngine();
    engine.warmUp();
    const compile = async (source: string) => {
      const module = (await wabt()).parseWat("bare.wat", source);
      const code = new Uint8Array(module.toBinary({}).buffer);
      module.destroy();
      return engine.compile(code, "/bare.wasm") as Program;
    };
    const guest: Guest = {
      ...{ args: [], env: [], cwd: "/", export: "f", preopens: [], listeners: [] },
    };
    const program = await compile('(module (func (export "f")) (func (export "g") unreachable))');
    program.checkExport("f");
    assert.deepEqual(program.run(guest), { code: 0, message: "" });
    assert.equal(program.run({ ...guest, export: "g" }).code, 134);
    await assert.rejects(compile('(module (import "a" "b" (func)))'), { kind: "InvalidArgument" });
  } finally {
    await Deno.remove(path);
  }
});
