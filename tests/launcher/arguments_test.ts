import assert from "node:assert/strict";
import { compileLauncher } from "../../scripts/native.ts";
import { run } from "../support/mod.ts";
import { builtFile, FACTS, Folder, Host, NAME } from "./support.ts";

/** Arguments, and what stderr must hold. */
const WRONG: [string[], RegExp][] = [
  [[], /action: missing/],
  [["-foo", "start"], /-foo: not a flag/],
  [["---id", "a", "start"], /---id: not a flag/],
  [["-=x"], /-=x: not a flag/],
  [["-namespace"], /-namespace: its value is missing/],
  [["-debug=maybe", "start"], /-debug: not a boolean: "maybe"/],
  [["-namespace", "n", "-id", "a", "stop"], /action: not start or delete: "stop"/],
  [["-id", "a", "-address", "s", "start"], /-namespace: missing, start needs it/],
  [["-namespace", "n", "-address", "s", "start"], /-id: missing, start needs it/],
  [["-namespace", "n", "-id", "a", "start"], /-address: missing, start needs it/],
  [["-namespace", "n", "delete"], /-id: missing, delete needs it/],
  [["-id", "a", "delete"], /-namespace: missing, delete needs it/],
  [["-namespace", "n", "-id", "a", "delete", "b"], /argument after the action: "b"/],
  [
    ["-namespace", "n", "-id", "../../etc", "delete"],
    /-id: not an identifier.*: "\.\.\/\.\.\/etc"/,
  ],
  [["-namespace", "n", "-id", "a--b", "delete"], /-id: not an identifier/],
  [["-namespace", "n", "-id", "a.", "delete"], /-id: not an identifier/],
  [["-namespace", "n", "-id", ".a", "delete"], /-id: not an identifier/],
  [["-namespace", "n", "-id", "ä", "delete"], /-id: not an identifier/],
  [["-namespace", "n\nm", "-id", "a", "delete"], /-namespace: not an identifier.*: "n\?m"/],
  [["-namespace", "n", "-id", "a".repeat(77), "delete"], /at most 76 characters/],
];

for (const [args, message] of WRONG) {
  Deno.test(`launcher: ${JSON.stringify(args)} is refused in one line with status 2`, async () => {
    const { code, out, err } = await run([await builtFile(), ...args]);
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.match(err, /^containerd-shim-deno-v1: [^\n]+\n$/);
    assert.match(err, message);
  });
}

/** Ways to write the same flags. */
const RIGHT: string[][] = [
  ["-namespace", "n", "-id", "a.b-c_d", "-address", "/s", "-bundle", "/b", "-debug"],
  ["--namespace", "n", "--id", "a.b-c_d", "--address", "/s", "--bundle", "/b", "--debug"],
  ["-namespace=n", "-id=a.b-c_d", "-address=/s", "--bundle=/b", "-debug=true"],
  ["-id", "x", "-namespace=n", "-id=a.b-c_d", "-address=/s", "-bundle=/b", "-debug=1"],
  ["-socket", "/old", "-namespace=n", "-id=a.b-c_d", "-address=/s", "-bundle=/b", "-debug", "--"],
];

Deno.test("launcher hands the same canonical arguments on for every way to write flags", async () => {
  await using host = await Host.start();
  await Deno.mkdir(host.path("/run/denowasi/tasks/n/a.b-c_d"), { recursive: true });
  const file = await builtFile();
  for (const flags of RIGHT) {
    const { args } = await host.facts([file, ...flags, "delete"]);
    assert.deepEqual(args.slice(0, -1), [
      "delete",
      "namespace=n",
      "address=/s",
      "publish-binary=",
      "id=a.b-c_d",
      "bundle=/b",
      "debug=1",
      "engine=deno",
    ]);
    assert.match(args.at(-1) ?? "", /^runtime=\/var\/lib\/denowasi\/[0-9a-f]{64}$/);
  }
});

Deno.test("launcher -debug=false is no debug, and a value may begin with a dash", async () => {
  await using host = await Host.start();
  const flags = ["-debug=false", "-bundle", "-b", "-info"];
  const { args } = await host.facts([await builtFile(), ...flags]);
  assert(args.includes("debug=0"));
  assert(args.includes("bundle=-b"));
  assert.equal(args[0], "info");
});

Deno.test("launcher -v tells versions without unpacking", async () => {
  await using host = await Host.start();
  for (const flag of ["-v", "--v", "-version"]) {
    const { code, out, err } = await host.run([await builtFile(), flag]);
    assert.equal(code, 0);
    assert.equal(err, "");
    assert.match(
      out,
      /^containerd-shim-deno-v1:\n {2}Version: {2}\d+\.\d+\.\d+\n {2}Revision: \S+\n {2}Engine: {3}deno\n {2}Runtime: {2}deno \d+\.\d+\.\d+, \S.*\n {2}V8: {7}\d+\.\S+\n\n$/,
    );
  }
  await assert.rejects(host.store(), Deno.errors.NotFound);
});

Deno.test("launcher --help explains itself on stdout", async () => {
  for (const flag of ["-h", "-help", "--help"]) {
    const { code, out, err } = await run([await builtFile(), flag, "start"]);
    assert.equal(code, 0);
    assert.equal(err, "");
    for (const word of ["containerd", "start ", "delete ", "-namespace NS", "/var/lib/denowasi"]) {
      assert(out.includes(word), word);
    }
    assert(out.split("\n").every((line) => line.length <= 80), out);
  }
});

Deno.test("launcher takes its engine from the name it is called by", async () => {
  using folder = new Folder();
  const file = `${folder.path}/launcher`;
  await compileLauncher(file, FACTS);
  for (const engine of FACTS.engines) {
    const link = `${folder.path}/containerd-shim-${engine}-v1`;
    await Deno.symlink(file, link);
    const { code, out } = await run([link, "-v"]);
    assert.equal(code, 0);
    assert(out.startsWith(`containerd-shim-${engine}-v1:\n`), out);
    assert(out.includes(`  Engine:   ${engine}\n`), out);
  }
  for (const name of ["containerd-shim-den-v1", "containerd-shim-denos-v1", "shim", `${NAME}0`]) {
    const link = `${folder.path}/${name}`;
    await Deno.symlink(file, link);
    const { code, out, err } = await run([link, "-v"]);
    assert.equal(code, 2);
    assert.equal(out, "");
    const known = "known are containerd-shim-deno-v1, containerd-shim-other-v1";
    assert.equal(err, `${name}: this file is called by a name that chooses no engine: ${known}\n`);
  }
});

Deno.test("launcher without an archive says so", async () => {
  using folder = new Folder();
  const file = `${folder.path}/${NAME}`;
  await compileLauncher(file, FACTS);
  const { code, err } = await run([file, "-info"]);
  assert.equal(code, 1);
  assert.match(err, /^containerd-shim-deno-v1: this file carries no archive[^\n]*\n$/);
});
