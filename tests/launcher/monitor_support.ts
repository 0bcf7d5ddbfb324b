/** Support of the monitor's tests: its two neighbours, init and the supervisor. */

import assert from "node:assert/strict";
import { compileLauncher, run as runCompiler } from "../../scripts/native.ts";
import { Running } from "../support/mod.ts";
import { FACTS, Folder } from "./support.ts";

/** Where the tests of one file put everything. */
export const folder = new Folder();
globalThis.addEventListener("unload", () => folder[Symbol.dispose]());

/** Forks a stand-in for init and becomes its monitor. */
const DRIVER = `${folder.path}/init_driver`;
/** The launcher as it is built, and under ASan and UBSan. */
export const LAUNCHERS = { static: `${folder.path}/static`, sanitized: `${folder.path}/sanitized` };
await compileLauncher(LAUNCHERS.static, FACTS);
await compileLauncher(LAUNCHERS.sanitized, FACTS, { sanitize: true });
const WARNINGS = ["-Wall", "-Wextra", "-Werror"];
await runCompiler("gcc", [...WARNINGS, "-o", DRIVER, "tests/launcher/init_driver.c"]);

/** The supervisor's side of one monitor, and the monitor. */
export class Pair implements AsyncDisposable {
  readonly dir = Deno.makeTempDirSync({ dir: folder.path });
  readonly #listener?: Deno.UnixListener;
  readonly process: Running;
  #control?: Deno.UnixConn;
  #text = "";

  constructor(launcher: string, steps: string[], { listen = true } = {}) {
    const socket = `${this.dir}/socket`;
    if (listen) this.#listener = Deno.listen({ transport: "unix", path: socket });
    this.process = new Running([DRIVER, launcher, "web-1", socket, this.dir, ...steps]);
  }

  /** Takes the monitor's connection and its first line. */
  async accept(): Promise<void> {
    this.#control = await this.#listener?.accept();
    assert.equal(await this.line(), "monitor web-1");
  }

  /** The next line; null at the end. */
  async line(): Promise<string | null> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const buffer = new Uint8Array(4096);
      const count = await this.#control!.read(buffer);
      if (count === null) {
        assert.equal(this.#text, "");
        return null;
      }
      this.#text += new TextDecoder().decode(buffer.subarray(0, count));
    }
  }

  /** Sends bytes as they are. */
  async send(text: string): Promise<void> {
    const data = new TextEncoder().encode(text);
    for (let sent = 0; sent < data.length;) sent += await this.#control!.write(data.subarray(sent));
  }

  /** Ends the connection, as the supervisor's death would. */
  hangUp(): void {
    this.#control?.close();
    this.#control = undefined;
  }

  /** Init's pid. */
  async init(): Promise<number> {
    await this.process.waitForOutput("\n");
    return Number(this.process.out);
  }

  /** Asserts the line "ready". */
  async ready(): Promise<void> {
    assert.equal(await this.line(), `ready ${await this.init()}`);
  }

  /** Asserts that `exit` with `code` is the last line, and the file the same. */
  async exits(code: number): Promise<void> {
    const line = await this.line();
    assert.match(line ?? "", new RegExp(`^exit ${code} \\d+ \\d+$`));
    assert.equal(await this.line(), null);
    assert.equal(await Deno.readTextFile(`${this.dir}/exit`), line?.slice("exit ".length) + "\n");
    await this.ends(code);
  }

  /** Asserts that the monitor and init end, and that the file says `code` and a time. */
  async ends(code: number): Promise<void> {
    const result = await this.process.result;
    assert.equal(result.code, 0, result.err);
    const written = await Deno.readTextFile(`${this.dir}/exit`);
    const [, seen, seconds, nanos] = /^(\d+) (\d+) (\d+)\n$/.exec(written)!;
    assert.equal(Number(seen), code);
    const ageMs = Date.now() - (Number(seconds) * 1e3 + Number(nanos) / 1e6);
    assert(ageMs > -10 && ageMs < 5_000, `${ageMs} ms`);
    assert(Number(nanos) < 1e9);
    const names = [...Deno.readDirSync(this.dir)].map(({ name }) => name).sort();
    assert.deepEqual(names.filter((name) => name !== "socket"), ["exit"]);
    await assert.rejects(Deno.stat(`/proc/${await this.init()}`), Deno.errors.NotFound);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    this.#listener?.close();
    this.process.kill();
    await this.process.result;
  }
}

/** A test with each launcher. */
export function test(name: string, body: (launcher: string) => Promise<void>): void {
  for (const [kind, path] of Object.entries(LAUNCHERS)) {
    Deno.test(`monitor ${name} (${kind})`, () => body(path));
  }
}
