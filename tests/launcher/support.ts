/**
 * A private host for the launcher: a mount namespace with empty file systems over /var/lib and
 * /run, and the built file with a stand-in for the shim inside. Root only.
 */

import assert from "node:assert/strict";
import { build } from "../../scripts/build.ts";
import { type BuildFacts, compileLauncher } from "../../scripts/native.ts";
import { type CommandOptions, must, type Result, run, Running } from "../support/mod.ts";

/** Where archives are unpacked. */
export const STORE = "/var/lib/denowasi";
const TRAILER_SIZE = 56;
/** How long one test may keep its host. */
const HOST_TIMEOUT_MS = 300_000;

export const NAME = "containerd-shim-deno-v1";

/** What the stand-in says of its process: stub_main.ts. */
export interface Facts {
  args: string[];
  cwd: string;
  comm: string;
  cmdline: string[];
  session: string;
  pid: number;
  env: Record<string, string>;
  descriptors: string[];
  url: string;
}

/** What a launcher compiled for a test says of itself. */
export const FACTS: BuildFacts = {
  version: "1.2.3",
  revision: "abc",
  engines: ["deno", "other"],
  runtime: "deno 0, a test",
  v8: "0",
  compiled: false,
};

/** A new folder that everyone may enter, removed with its contents at the end. */
export class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "launcher-" });

  constructor() {
    Deno.chmodSync(this.path, 0o755);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

let built: Promise<string> | undefined;

/** The path of the file, built once, with the stand-in as its script. */
export function builtFile(): Promise<string> {
  built ??= build({ entry: "tests/launcher/stub_main.ts", out: "build/test-launcher" })
    .then(({ paths: [path] }) => Deno.realPath(path));
  return built;
}

/** Writes `launcher`, an ELF, to `output` with the built file's archive appended. */
export async function withArchive(launcher: string, output: string): Promise<void> {
  const file = await Deno.readFile(await builtFile());
  const trailer = new DataView(file.buffer, file.byteLength - TRAILER_SIZE);
  const payload = Number(trailer.getBigUint64(16, true));
  await Deno.writeFile(output, await Deno.readFile(launcher), { mode: 0o755 });
  const archive = file.subarray(file.byteLength - TRAILER_SIZE - payload);
  await Deno.writeFile(output, archive, { append: true });
}

/** The launcher under ASan and UBSan, with the archive; `defines` as in "NAME=value". */
export async function sanitizedFile(folder: Folder, defines: string[] = []): Promise<string> {
  await compileLauncher(`${folder.path}/launcher`, FACTS, { sanitize: true, defines });
  await withArchive(`${folder.path}/launcher`, `${folder.path}/${NAME}`);
  return `${folder.path}/${NAME}`;
}

export interface HostOptions {
  /** Size of the file system at /var/lib, as mount(8) takes it. */
  size?: string;
}

/** A mount namespace of its own, held by a process that ends with this one. */
export class Host implements AsyncDisposable {
  readonly #holder: Running;

  private constructor(holder: Running) {
    this.#holder = holder;
  }

  static async start({ size = "1g" }: HostOptions = {}): Promise<Host> {
    const script = `mount -t tmpfs -o mode=755,size=${size} tmpfs /var/lib &&
      mount -t tmpfs tmpfs /run && echo ready && exec cat`;
    const holder = new Running(
      ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
      { stdin: "open", timeoutMs: HOST_TIMEOUT_MS },
    );
    await holder.waitForOutput("ready\n");
    return new Host(holder);
  }

  /** The path by which this process sees `path` of the host. */
  path(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }

  #enter(argv: string[]): string[] {
    return ["nsenter", `--mount=/proc/${this.#holder.pid}/ns/mnt`, "--wdns=/tmp", ...argv];
  }

  /** Runs a command to its end. */
  run(argv: string[], options: CommandOptions = {}): Promise<Result> {
    return run(this.#enter(argv), options);
  }

  /** Starts a command. */
  start(argv: string[], options: CommandOptions = {}): Running {
    return new Running(this.#enter(argv), options);
  }

  /** Runs a command that prints the stand-in's facts. */
  async facts(argv: string[], options: CommandOptions = {}): Promise<Facts> {
    const { code, out, err } = await this.run(argv, options);
    if (code !== 0) throw new Error(`${argv.join(" ")}: status ${code}: ${err}`);
    return JSON.parse(out) as Facts;
  }

  /** The names in `/var/lib/denowasi`, sorted. */
  async store(): Promise<string[]> {
    const entries = Deno.readDir(this.path(STORE));
    return (await Array.fromAsync(entries, (entry) => entry.name)).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.closeStdin();
    await this.#holder.result;
  }
}

/** The unpacked folder, as the host and this process see it. */
export async function unpacked(host: Host): Promise<{ path: string; inside: string }> {
  const names = (await host.store()).filter((name) => /^[0-9a-f]{64}$/.test(name));
  assert.equal(names.length, 1);
  const path = `${STORE}/${names[0]}`;
  return { path, inside: host.path(path) };
}

/** Asserts that the store holds one good folder and nothing left over. */
export async function assertClean(host: Host): Promise<void> {
  const names = await host.store();
  assert.equal(names.length, 2, names.join(" "));
  assert.equal(names[0], ".lock");
  const { inside } = await unpacked(host);
  const deno = await Deno.realPath(".tools/bin/deno");
  await must(["cmp", deno, `${inside}/deno`]);
}
