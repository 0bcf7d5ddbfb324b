import assert from "node:assert/strict";
import { violations } from "./check_imports.ts";

function check(sources: Record<string, string>): string[] {
  return violations(new Map(Object.entries(sources)));
}

Deno.test("violations() accepts imports downwards, within a folder and of the base", () => {
  assert.deepEqual(
    check({
      "main.ts": 'import { run } from "./cli/mod.ts";\nDeno.exit(run());\n',
      "cli/mod.ts": 'import {\n  type Task,\n  serve,\n} from "../task/mod.ts";\n',
      "task/mod.ts": 'export { a } from "./a.ts";\nimport "../ttrpc/mod.ts";\n',
      "cli/options.ts": 'import { isRuntimeOptions } from "../runc/mod.ts";\n',
      "runc/mod.ts": 'import("../proto/runc_options.ts");\n',
      "task/a.ts": 'const { b } = await import("../linux/mod.ts");\n',
      "ttrpc/mod.ts": 'import { ShimError } from "../errdefs/mod.ts";\n',
      "engine/mod.ts": 'import { openSystem } from "../linux/system.ts";\n',
    }),
    [],
  );
});

Deno.test("violations() finds imports upwards and sideways, for types and in calls too", () => {
  assert.deepEqual(
    check({
      "linux/mod.ts": 'import type { Plan } from "../oci/mod.ts";\n',
      "engine/mod.ts": 'const x = () => import("../cgroups/mod.ts");\n',
      "runc/mod.ts": 'import "../stdio/mod.ts";\n',
      "ttrpc/mod.ts": 'export * from "../task/mod.ts";\n',
      "containerd/mod.ts": 'import "../linux/mod.ts";\n',
      "unknown/mod.ts": 'import "../linux/mod.ts";\n',
    }),
    [
      "containerd/mod.ts: may not import linux/mod.ts",
      "engine/mod.ts: may not import cgroups/mod.ts",
      "linux/mod.ts: may not import oci/mod.ts",
      "runc/mod.ts: may not import stdio/mod.ts",
      "ttrpc/mod.ts: may not import task/mod.ts",
      "unknown/mod.ts: may not import linux/mod.ts",
    ],
  );
});

Deno.test("violations() finds cycles between files", () => {
  assert.deepEqual(
    check({
      "log/a.ts": 'import "./b.ts";\n',
      "log/b.ts": 'import "./c.ts";\n',
      "log/c.ts": 'import "./a.ts";\n',
    }),
    ["cycle: log/a.ts -> log/b.ts -> log/c.ts -> log/a.ts"],
  );
});

Deno.test("violations() finds node: modules and Deno.exit, but not in comments", () => {
  assert.deepEqual(
    check({
      "log/a.ts": 'import fs from "node:fs";\n',
      "engine/a.ts": 'import { WASI } from "node:wasi";\n',
      "cli/a.ts": "if (bad) Deno.exit(1);\n",
      "cli/b.ts": '/** Never Deno.exit. */\n// import "node:fs"; Deno.exit\nexport const a = 1;\n',
    }),
    [
      "cli/a.ts: may not use Deno.exit",
      "engine/a.ts: may not import node:wasi",
      "log/a.ts: may not import node:fs",
    ],
  );
});

Deno.test("violations() finds what is loaded before it is needed", () => {
  assert.deepEqual(
    check({
      "supervisor/a.ts": 'import { save } from "./image.ts";\n',
      "supervisor/b.ts": 'export type { Saved } from "./image.ts";\n',
      "supervisor/c.ts": 'const { save } = await import("./image.ts");\n',
      "supervisor/d.ts": 'import "../image/mod.ts";\n',
    }),
    [
      "supervisor/a.ts: may import supervisor/image.ts only by import()",
      "supervisor/b.ts: may import supervisor/image.ts only by import()",
    ],
  );
});
