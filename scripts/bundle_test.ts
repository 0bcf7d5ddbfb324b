import assert from "node:assert/strict";
import { bundle } from "./bundle.ts";

/** Getters that say when code asks for what makes Deno load its Node layer. */
const TRAPS = `for (const name of ["process", "Buffer"]) {
  Object.defineProperty(globalThis, name, { get() { console.log("touched", name); } });
}
`;

async function run(script: string): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-config", "--no-lock", "--no-remote", "--no-npm", script],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function bundled(source: string, minify: boolean): Promise<string> {
  const dir = await Deno.makeTempDir({ prefix: "bundle-" });
  try {
    await Deno.writeTextFile(`${dir}/entry.ts`, source);
    await bundle({ entry: `${dir}/entry.ts`, outfile: `${dir}/out.js`, minify });
    const script = await Deno.readTextFile(`${dir}/out.js`);
    assert.doesNotMatch(script, /node:/);
    await Deno.writeTextFile(`${dir}/out.js`, TRAPS + script);
    return await run(`${dir}/out.js`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const src = (room: string, file = "mod.ts") =>
  JSON.stringify(new URL(`../src/${room}/${file}`, import.meta.url).pathname);

Deno.test.each([[false], [true]])(
  "bundle() of the wire rooms runs without the Node layer (minify: %s)",
  async (minify) => {
    const source = `
      import { Publisher } from ${src("containerd")};
      import { configureLog, getLogger } from ${src("log")};
      import { task } from ${src("proto")};
      import { PidsStat } from ${src("proto", "cgroups_v2.ts")};
      import { implement, Server } from ${src("ttrpc")};
      configureLog({ debug: true, writeSync: (bytes) => bytes.length });
      const log = getLogger(["test"]);
      log.info("hello", { a: "b c" });
      new Server([implement(task.Task, { State: () => ({ pid: 1 }) })], { log });
      new Publisher({ address: "/x", namespace: "ns", log }).close();
      const bytes = PidsStat.encode({ limit: 2n ** 64n - 1n });
      console.log(PidsStat.decode(bytes).limit);
    `;
    assert.equal(await bundled(source, minify), "18446744073709551615n\n");
  },
);

Deno.test("bundle() tells packages that there is no process and no Buffer", async () => {
  const source = `console.log(typeof process, typeof Buffer, typeof global,
    typeof globalThis.process, typeof globalThis.Buffer);`;
  assert.equal(
    await bundled(`// @ts-nocheck\n${source}`, false),
    "undefined undefined object undefined undefined\n",
  );
});

Deno.test({
  name: "bundle() rejects code that does not compile",
  // esbuild's process is told to end, and nobody can wait until it has.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    await assert.rejects(bundled("const = 1;", false), /Expected identifier/);
  },
});
