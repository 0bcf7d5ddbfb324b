import assert from "node:assert/strict";
import { denoEngine } from "../src/engine/deno.ts";
import type { Guest, Program } from "../src/engine/mod.ts";
import { wasmerEngine } from "../src/engine/wasmer/mod.ts";
import { builtSystem } from "../src/linux/testing/system.ts";
import { featureModule, FEATURES, FEATURES_PAGE, featureTable } from "./wasm_features.ts";

const GUEST: Guest = {
  ...{ args: ["feature"], env: [], cwd: "/", export: "_start" },
  ...{ preopens: [], listeners: [] },
};

const host = { system: await builtSystem() };
const engines = [denoEngine(host), await wasmerEngine(host)];

/** What is said of those that are not taken: that they are not known, not that the module is malformed. */
const REFUSALS: Record<string, RegExp> = {
  "JavaScript string builtins": /no host gives its import wasm:js-string\.length/,
  "Custom page sizes": /invalid memory limits flags 0x8/,
  "Stack switching": /stack switching not enabled/,
  "Wide arithmetic": /Invalid opcode 0xfc13/,
  "Half precision (FP16)": /invalid simd opcode/,
};

for (const feature of FEATURES) {
  for (const engine of engines) {
    const verb = feature.taken ? "takes" : "refuses";
    Deno.test(`engine ${engine.name} ${verb}: ${feature.name}`, async () => {
      const code = await featureModule(feature);
      const compile = async () => await engine.compile(code, "/app.wasm") as Program;
      if (!feature.taken) {
        await assert.rejects(compile, { kind: "InvalidArgument", message: REFUSALS[feature.name] });
        return;
      }
      const program = await compile();
      program.checkExport("_start");
      assert.deepEqual(program.run(GUEST), { code: 0, message: "" });
    });
  }
}

Deno.test("docs/wasm-features.md has the features that are tested", async () => {
  const cells = (text: string) =>
    text.split("\n").filter((line) => line.startsWith("|")).map((line) =>
      line.split("|").map((cell) => cell.trim().replace(/^-+$/, "---"))
    );
  assert.deepEqual(cells(await Deno.readTextFile(FEATURES_PAGE)), cells(featureTable()));
});
