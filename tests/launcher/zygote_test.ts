import assert from "node:assert/strict";
import { waitFor } from "../support/mod.ts";
import { builtFile, type Facts, Folder, Host, STORE } from "./support.ts";

/** What the stand-in reports as a zygote. */
interface ZygoteFacts extends Facts {
  input: string;
  executable: string;
  runtime: string;
  script: string;
  mounts: string;
}

/** The unpacked folder, as the host sees it. */
async function unpacked(host: Host): Promise<string> {
  return `${STORE}/${(await host.store()).find((name) => name.length === 64)}`;
}

Deno.test("zygote runs from a read-only mount that no namespace shows", async () => {
  using folder = new Folder();
  await using host = await Host.start();
  const file = await builtFile();
  await host.facts([file, "-info"]);
  const dir = await unpacked(host);
  const report = `${folder.path}/report`;
  const mountsBefore = await Deno.readTextFile(host.path("/proc/self/mountinfo"));
  const argv = ["sh", "-c", 'exec "$0" "$@" 3</dev/zero 9</dev/zero', `${dir}/launcher`];
  const { code, out, err } = await host.run([...argv, "zygote", dir, report, "deno", "eager"], {
    stdin: "not for the zygote",
    env: { DENO_V8_FLAGS: "--expose-gc", KEPT: "yes" },
  });
  assert.equal(err, "");
  assert.equal(out, "");
  assert.equal(code, 0);
  const facts = JSON.parse(await Deno.readTextFile(report)) as ZygoteFacts;

  assert.deepEqual(facts.args, ["zygote", report, "/proc/self/fd/3", "deno", "eager"]);
  assert.equal(facts.comm, "denowasi-zygote");
  assert.equal(facts.cmdline[0], "denowasi-zygote");
  assert.equal(facts.input, "");
  assert.equal(facts.descriptors[0], "0 /dev/null");
  assert.equal(facts.descriptors[1], "1 /dev/null");
  assert.equal(facts.descriptors.some((text) => text.endsWith("/dev/zero")), false);
  assert.equal(
    facts.env.DENO_V8_FLAGS,
    "--single-threaded,--no-liftoff,--no-wasm-lazy-compilation",
  );
  assert.equal(facts.env.KEPT, "yes");

  // The path is one of the mount's own: nothing leads there.
  assert.equal(facts.executable, "/lib/ld.so");
  assert.match(facts.runtime, /Read-only file system/);
  assert.match(facts.script, /Read-only file system/);
  assert.equal(facts.mounts.includes(dir), false);
  assert.equal(await Deno.readTextFile(host.path("/proc/self/mountinfo")), mountsBefore);
});

/** The path of this process's descriptor for a file that it knows as `name`. */
function ownDescriptor(name: string): string {
  for (const entry of Deno.readDirSync("/proc/self/fd")) {
    const path = `/proc/self/fd/${entry.name}`;
    try {
      if (Deno.readLinkSync(path) === name) return path;
    } catch (error) {
      // The descriptor by which the folder is read is gone.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`no descriptor is ${name}`);
}

Deno.test("zygote's executable cannot be written after its end by who kept it open", async () => {
  using folder = new Folder();
  await using host = await Host.start();
  await host.facts([await builtFile(), "-info"]);
  const dir = await unpacked(host);
  const report = `${folder.path}/report`;
  const zygote = host.start([`${dir}/launcher`, "zygote", dir, report, "deno", "eager"], {
    env: { STUB: "stay" },
  });
  await waitFor("the report", () => Deno.stat(report).then(() => true, () => false));
  using kept = await Deno.open(`/proc/${zygote.pid}/exe`);
  zygote.kill();
  await zygote.result;
  await assert.rejects(
    Deno.open(ownDescriptor("/lib/ld.so"), { write: true }),
    /Read-only file system/,
  );
  // The file itself may be written now: it is the mount that forbids it.
  using writable = await Deno.open(host.path(`${dir}/lib/ld.so`), { write: true });
  assert.deepEqual((await kept.stat()).ino, (await writable.stat()).ino);
});

Deno.test("zygote for large modules leaves V8 to compile what is called", async () => {
  using folder = new Folder();
  await using host = await Host.start();
  await host.facts([await builtFile(), "-info"]);
  const dir = await unpacked(host);
  const report = `${folder.path}/report`;
  const argv = [`${dir}/launcher`, "zygote", dir, report, "deno", "lazy"];
  assert.equal((await host.run(argv)).err, "");
  const facts = JSON.parse(await Deno.readTextFile(report)) as ZygoteFacts;
  assert.equal(facts.env.DENO_V8_FLAGS, "--single-threaded");
  assert.equal(facts.args.at(-1), "lazy");
});

Deno.test("zygote refuses wrong arguments with one line", async () => {
  await using host = await Host.start();
  await host.facts([await builtFile(), "-info"]);
  const dir = await unpacked(host);
  const wrong = [
    ...[[], [dir], [dir, "a", "deno"], [dir, "a", "deno", "eager", "b"]],
    ...[["", "a", "deno", "lazy"], [dir, "a", "deno", "late"]],
  ];
  for (const args of wrong) {
    const { code, err } = await host.run([`${dir}/launcher`, "zygote", ...args]);
    assert.equal(code, 2);
    assert.equal(err, "denowasi-zygote: usage: launcher zygote DIR SOCKET ENGINE eager|lazy\n");
  }
  const { code, err } = await host.run([
    `${dir}/launcher`,
    "zygote",
    "/nowhere",
    "a",
    "deno",
    "lazy",
  ]);
  assert.equal(code, 1);
  assert.equal(err, "denowasi-zygote: open_tree /nowhere: No such file or directory\n");
});
