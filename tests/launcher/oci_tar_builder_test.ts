/** `oci-tar-builder` of the file as it is installed. */

import assert from "node:assert/strict";
import { build } from "../../scripts/build.ts";
import { buildModules, modulePath } from "../../scripts/modules.ts";
import { Unpacked } from "../../src/builder/testing/unpack.ts";
import { type CommandOptions, type Result, type Running, sleep } from "../support/mod.ts";
import { Folder, Host, NAME } from "./support.ts";

await buildModules();
const [FILE] = (await build({ out: "build/test-run" })).paths.map((path) =>
  Deno.realPathSync(path)
);
const BIG_SIZE = 500 << 20;
/** Deno's own are 60 MiB; the queue of the archive takes 8 MiB, those of the streams some. */
const MOST_MEMORY = 160 << 20;

type Call = (args: string[], options?: CommandOptions) => Promise<Result>;

/** One host for all, and an empty folder. */
async function withHost(body: (call: Call, folder: string, host: Host) => Promise<void>) {
  await using host = await Host.start();
  using folder = new Folder();
  const command = [FILE, "oci-tar-builder", "--name", "app", "--repo", "localhost/x"];
  await body((args, options) => host.run([...command, ...args], options), folder.path, host);
}

Deno.test("oci-tar-builder: the same files and options give the same bytes", async () => {
  await withHost(async (call, folder) => {
    const module = modulePath("wasi-demo-app.wasm");
    const first = await call(["--module", module, "--out-path", `${folder}/new/a.tar`]);
    assert.deepEqual([first.code, first.err], [0, ""]);
    const bytes = await Deno.readFile(`${folder}/new/a.tar`);
    const { target } = (await Unpacked.of(bytes)).manifest();
    assert.equal(first.out, `${folder}/new/a.tar: localhost/x/app:latest ${target.digest}\n`);

    // Of another name and time, to a folder, to standard output.
    const copy = `${folder}/copy.wasm`;
    await Deno.copyFile(module, copy);
    await Deno.utime(copy, 1, 1);
    assert.equal((await call(["-m", copy, "-o", folder])).code, 0);
    assert.deepEqual(await Deno.readFile(`${folder}/app.tar`), bytes);
    const { stdout, err } = await call(["-m", copy, "-o", "-"]);
    assert.deepEqual([new Uint8Array(stdout), err], [bytes, ""]);

    const env = { SOURCE_DATE_EPOCH: "1700000000" };
    assert.equal((await call(["-m", copy, "-o", `${folder}/dated.tar`], { env })).code, 0);
    const dated = await Unpacked.of(await Deno.readFile(`${folder}/dated.tar`));
    assert.equal(dated.manifest().config.created, "2023-11-14T22:13:20Z");
    assert.ok(dated.entries.every(({ header }) => header.mtime?.getTime() === 1700000000000));
  });
});

Deno.test("oci-tar-builder: options reach the manifest and the configuration", async () => {
  await withHost(async (call, folder) => {
    const fields = { config: { WorkingDir: "/w", Labels: { c: "d" } }, variant: "v" };
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(fields));
    const files = ["hello", "args"].map(modulePath).map((path) => `${path}.wasm`);
    const { code, err } = await call([
      ...[
        "-t",
        "v2",
        "-m",
        files[0],
        "-l",
        `application/vnd.wasm.content.layer.v1+wasm=${files[1]}`,
      ],
      ...["--entrypoint", "/a.wasm#b", "--cmd", "x", "--cmd=-y", "--env", "A=B", "--label", "a=b"],
      ...["--annotation", "e=f", "--author", "A. Uthor", "--os", "wasi", "-o", `${folder}/a.tar`],
      ...["--config", `${folder}/config.json`],
    ]);
    assert.deepEqual([code, err], [0, ""]);
    const unpacked = await Unpacked.of(await Deno.readFile(`${folder}/a.tar`));
    const { target, manifest, config } = unpacked.manifest();
    assert.equal(target.annotations["io.containerd.image.name"], "localhost/x/app:v2");
    assert.deepEqual(manifest.annotations, { e: "f" });
    assert.deepEqual(manifest.layers.map(({ mediaType }: { mediaType: string }) => mediaType), [
      "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
      "application/vnd.wasm.content.layer.v1+wasm",
    ]);
    for (const [i, file] of files.entries()) {
      assert.deepEqual(
        new Uint8Array(unpacked.blob(manifest.layers[i].digest)),
        await Deno.readFile(file),
      );
    }
    const { Labels, ...rest } = config.config;
    assert.deepEqual(rest, {
      ...{ Entrypoint: ["/a.wasm#b"], Cmd: ["x", "-y"], Env: ["A=B"], WorkingDir: "/w" },
    });
    assert.deepEqual([Labels.a, Labels.c], ["b", "d"]);
    const { author, os, architecture, variant } = config;
    assert.deepEqual([author, os, architecture, variant], ["A. Uthor", "wasi", "wasm", "v"]);
  });
});

Deno.test("oci-tar-builder: --components takes a folder's files in the order of names", async () => {
  await withHost(async (call, folder) => {
    await Deno.mkdir(`${folder}/c`);
    for (const name of ["b", "a", "B"]) {
      await Deno.copyFile(modulePath("component.wasm"), `${folder}/c/${name}.wasm`);
      const section = [0, 2, 1, name.charCodeAt(0)];
      await Deno.writeFile(`${folder}/c/${name}.wasm`, new Uint8Array(section), { append: true });
    }
    await Deno.writeTextFile(`${folder}/c/notes.yml`, "");
    const { code, err } = await call(["-c", `${folder}/c`, "-o", `${folder}/a.tar`]);
    assert.equal(err, `oci-tar-builder: ${folder}/c/notes.yml: left out: not *.wasm\n`);
    assert.equal(code, 0);
    const unpacked = await Unpacked.of(await Deno.readFile(`${folder}/a.tar`));
    const { manifest, config } = unpacked.manifest();
    const last = (digest: string) => String.fromCharCode(unpacked.blob(digest).at(-1) ?? 0);
    assert.equal(
      manifest.layers.map(({ digest }: { digest: string }) => last(digest)).join(""),
      "Bab",
    );
    assert.equal(config.os, "wasip2");
    const one = await call(["-a", "-c", `${folder}/c`, "-o", `${folder}/b.tar`]);
    assert.match(one.err, /--as-artifact: 3 files: an artifact is of one module or component\n$/);
  });
});

Deno.test("oci-tar-builder: one line on stderr, and nothing half written", async () => {
  await withHost(async (call, folder) => {
    const hello = modulePath("hello.wasm");
    await Deno.writeTextFile(`${folder}/list.json`, "[1]");
    await Deno.writeTextFile(`${folder}/broken.json`, "{");
    await Deno.mkdir(`${folder}/empty`);
    const invalid = modulePath("not-wasm.wasm");
    const table: [string[], number, RegExp][] = [
      [["-m"], 2, /--module: its value is missing$/],
      [["--tar"], 2, /--tar: not an option$/],
      [["-m", `${folder}/none`], 1, /read \S+\/none: no such file or directory$/],
      [["-m", folder], 1, /read \S+: is a directory$/],
      [["-m", invalid], 1, /read \S+: neither a WebAssembly module nor a component: it begins/],
      [["-m", modulePath("truncated.wasm")], 1, /truncated.wasm: cut short: its section at 10/],
      [["-l", `application/wasm=${invalid}`], 1, /neither a WebAssembly module nor a component/],
      [["-m", hello, "-t", "a b"], 1, /--tag: "a b": not of at most 128 letters, digits and/],
      [["-m", hello, "--config", `${folder}/list.json`], 1, /--config: \S+: not a JSON object$/],
      [["-m", hello, "--config", `${folder}/broken.json`], 1, /--config: \S+broken.json: Expected/],
      [["-c", `${folder}/empty`], 1, /--components: \S+\/empty: no file \*\.wasm$/],
      [["-m", hello, "-o", `${hello}/a.tar`], 1, /write \S+\/hello.wasm\/a.tar: not a directory$/],
      [["-m", hello, "-m", "/dev/null"], 1, /read \/dev\/null: neither/],
    ];
    for (const [args, code, message] of table) {
      const out = args.includes("-o") ? [] : ["-o", `${folder}/out.tar`];
      const result = await call([...args, ...out]);
      assert.deepEqual([result.code, result.out], [code, ""], args.join(" "));
      assert.match(result.err, /^oci-tar-builder: [^\n]+\n$/);
      assert.match(result.err.trimEnd(), message);
    }
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["broken.json", "empty", "list.json"]);
  });
});

Deno.test("oci-tar-builder: a full file system keeps what was there", async () => {
  await withHost(async (call, _, host) => {
    // /run is of the host alone; its size is set here.
    const { code } = await host.run(["mount", "-o", "remount,size=64k", "/run"]);
    assert.equal(code, 0);
    await host.run(["sh", "-c", "mkdir /run/x && echo before >/run/x/app.tar"]);
    const result = await call(["-m", modulePath("wasi-demo-app.wasm"), "-o", "/run/x/app.tar"]);
    assert.equal(result.code, 1);
    assert.match(result.err, /write \/run\/x\/app\.tar: no space left on device\n$/);
    const { out } = await host.run(["sh", "-c", "ls -A /run/x && cat /run/x/app.tar"]);
    assert.equal(out, "app.tar\nbefore\n");
  });
});

Deno.test("oci-tar-builder: 500 MiB in memory that does not depend on it", async () => {
  await withHost(async (_, folder, host) => {
    const module = `${folder}/big.wasm`;
    await writeBigModule(module);
    const args = ["-n", "big", "-r", "localhost/x", "-m", module, "-o", folder];
    const child = host.start([FILE, "oci-tar-builder", ...args], { timeoutMs: 120_000 });
    const most = await mostMemory(child);
    const { code, err } = await child.result;
    assert.deepEqual([code, err], [0, ""]);
    assert.ok(most > 20 << 20 && most < MOST_MEMORY, `${most >> 20} MiB`);
    const { size } = await Deno.stat(`${folder}/big.tar`);
    assert.ok(size > BIG_SIZE && size < BIG_SIZE + (16 << 10), `${size} bytes`);
    const listed = await host.run(["tar", "-tvf", `${folder}/big.tar`], { timeoutMs: 60_000 });
    assert.deepEqual([listed.code, listed.err], [0, ""]);
    assert.match(listed.out, new RegExp(` ${BIG_SIZE} 1970-01-01 .* blobs/sha256/[0-9a-f]{64}\n`));
  });
});

Deno.test("oci-tar-builder: as any user, in a home of one's own", async () => {
  await withHost(async (_, folder, host) => {
    await Deno.copyFile(FILE, `${folder}/${NAME}`);
    await Deno.copyFile(modulePath("hello.wasm"), `${folder}/hello.wasm`);
    await Deno.mkdir(`${folder}/home`);
    await Deno.chown(`${folder}/home`, 65534, 65534);
    const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const { code, out, err } = await host.run([
      ...[...user, "env", "-i", `HOME=${folder}/home`, `${folder}/${NAME}`, "oci-tar-builder"],
      ...["-n", "hello", "-r", "localhost/x", "-m", `${folder}/hello.wasm`, "-o", `${folder}/home`],
    ]);
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /\/home\/hello\.tar: localhost\/x\/hello:latest sha256:[0-9a-f]{64}\n$/);
  });
});

/** A valid module of BIG_SIZE bytes, of which the most are a hole: a custom section. */
async function writeBigModule(path: string): Promise<void> {
  const magic = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  const size = BIG_SIZE - magic.length - 6;
  const leb = Array.from(
    { length: 5 },
    (_, i) => Math.floor(size / 128 ** i) % 128 | (i < 4 ? 128 : 0),
  );
  await Deno.writeFile(path, new Uint8Array([...magic, 0, ...leb, 1, 65]));
  await Deno.truncate(path, BIG_SIZE);
}

/** The most memory that a process has had, in bytes: proc_pid_status(5), VmHWM. */
async function mostMemory(child: Running): Promise<number> {
  let most = 0;
  let ended = false;
  child.result.finally(() => ended = true);
  while (!ended) {
    const status = await Deno.readTextFile(`/proc/${child.pid}/status`).catch(() => "");
    const [, kiB] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
    if (kiB) most = Math.max(most, Number(kiB) * 1024);
    await sleep(10);
  }
  return most;
}
