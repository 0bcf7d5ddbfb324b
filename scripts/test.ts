/**
 * Runs test suites, `test.ts [unit] [root] [e2e]` (all when none is named), and says as its last line
 * `N passed, N failed`. The exit code is 1 when anything failed, when a suite did not run to its end
 * and when it ran nothing.
 */

import { buildModules } from "./modules.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** What each suite runs: `unit` needs nothing, `root` needs root, `e2e` root and a built shim. */
const SUITES: Record<string, string[]> = {
  unit: ["src", "scripts", "tests/support"],
  root: ["tests/root", "tests/launcher"],
  e2e: ["tests/suite_test", "tests/e2e"],
};

/** How a suite ended. */
export interface Summary {
  passed: number;
  failed: number;
}

/**
 * The sums of what `deno test` prints, whose last line is like `FAILED | 3 passed | 1 failed (2s)`.
 * A suite that failed without saying why, that has no such line or that ran nothing counts as one failure.
 */
export function summarize(output: string, success: boolean): Summary {
  const line = /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed/m.exec(output);
  const passed = Number(line?.[1] ?? 0);
  const failed = Number(line?.[2] ?? 0);
  const whole = line !== null && passed + failed > 0 && success === (failed === 0);
  return { passed, failed: whole ? failed : Math.max(failed, 1) };
}

async function runSuite(name: string): Promise<Summary> {
  console.log(`\n=== ${name} ===`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--quiet", "--no-check", ...SUITES[name]],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let output = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    await Deno.stdout.write(chunk);
    output += decoder.decode(chunk, { stream: true });
  }
  const summary = summarize(output, (await child.status).success);
  console.log(`${name}: ${summary.passed} passed, ${summary.failed} failed`);
  return summary;
}

async function main(names: string[]): Promise<number> {
  const unknown = names.find((name) => !(name in SUITES));
  if (unknown !== undefined) {
    console.error(`unknown suite: ${unknown}: known are ${Object.keys(SUITES).join(", ")}`);
    return 2;
  }
  await buildModules();
  const total: Summary = { passed: 0, failed: 0 };
  for (const name of names.length > 0 ? names : Object.keys(SUITES)) {
    const { passed, failed } = await runSuite(name);
    total.passed += passed;
    total.failed += failed;
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  return total.failed > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
