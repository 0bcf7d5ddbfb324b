/** A guest that is a test: it calls the functions of preview 1 with a memory of its own. */

import assert from "node:assert/strict";
import { builtSystem, type Variant, VARIANTS } from "../../../linux/testing/system.ts";
import { Preview1, type Preview1Guest } from "../mod.ts";

export const PAGE = 65536;
/** Where arguments and results are put. */
export const AT = { result: 0, stat: 64, vectors: 256, first: 1024, second: 8192, data: 16384 };

const systems = Object.fromEntries(
  await Promise.all(VARIANTS.map(async (variant) => [variant, await builtSystem(variant)])),
) as Record<Variant, Awaited<ReturnType<typeof builtSystem>>>;

type Parameter = number | bigint;
type Call = (...parameters: Parameter[]) => number;

export interface GuestOptions extends Partial<Preview1Guest> {
  variant?: Variant;
  /** What the preopened directory is called. */
  name?: string;
}

/** With a directory of its own as descriptor 3, in another of which it must know nothing. */
export class TestGuest implements Disposable {
  readonly system;
  readonly host: Preview1;
  readonly memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  readonly outside = Deno.makeTempDirSync({ prefix: "denowasi-preview1-" });
  readonly folder = `${this.outside}/folder`;

  constructor({ variant = "openat2", name = "/data", ...given }: GuestOptions = {}) {
    Deno.mkdirSync(this.folder);
    this.system = systems[variant];
    this.host = new Preview1(this.system);
    const preopens = [{ host: this.folder, guest: name }];
    this.host.start({ args: [], env: [], preopens, listeners: [], ...given });
    this.host.attach(this.memory);
  }

  get view(): DataView {
    return new DataView(this.memory.buffer);
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.memory.buffer as ArrayBuffer);
  }

  /** The errno of `name(...parameters)`. */
  call(name: string, ...parameters: Parameter[]): number {
    return (this.host.functions[name] as unknown as Call)(...parameters);
  }

  /** The u32 that `name(..., its address)` answers; the call has to succeed. */
  get(name: string, ...parameters: Parameter[]): number {
    assert.equal(this.call(name, ...parameters, AT.result), 0, `${name} ${parameters}`);
    return this.view.getUint32(AT.result, true);
  }

  /** Address and size of `text` in memory. */
  text(text: string | Uint8Array, at = AT.first): [at: number, size: number] {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    this.bytes.set(bytes, at);
    return [at, bytes.length];
  }

  /** Address and count of vectors with these addresses and sizes. */
  vectors(...vectors: [at: number, size: number][]): [at: number, count: number] {
    vectors.flat().forEach((value, index) => {
      this.view.setUint32(AT.vectors + 4 * index, value >>> 0, true);
    });
    return [AT.vectors, vectors.length];
  }

  /** path_open: the errno, with the descriptor at AT.result. */
  tryOpen(path: string, options: OpenOptions = {}): number {
    const { folder = 3, follow = true, oflags = 0, fdflags = 0 } = options;
    const { base = READ_WRITE, inheriting = 0n } = options;
    const [at, size] = this.text(path);
    return this.call(
      ...["path_open", folder, follow ? 1 : 0, at, size] as const,
      ...[oflags, base, inheriting, fdflags, AT.result] as const,
    );
  }

  open(path: string, options: OpenOptions = {}): number {
    assert.equal(this.tryOpen(path, options), 0, `open ${path}`);
    return this.view.getUint32(AT.result, true);
  }

  /** A file that is new, with `text` in it. */
  file(name: string, text = ""): void {
    Deno.writeTextFileSync(`${this.folder}/${name}`, text);
  }

  write(fd: number, text: string): number {
    return this.get("fd_write", fd, ...this.vectors(this.text(text, AT.data)));
  }

  read(fd: number, size = 100): string {
    const count = this.get("fd_read", fd, ...this.vectors([AT.data, size]));
    return new TextDecoder().decode(this.bytes.slice(AT.data, AT.data + count));
  }

  /** The rights, flags and type of a descriptor. */
  fdstat(fd: number) {
    assert.equal(this.call("fd_fdstat_get", fd, AT.stat), 0);
    const { view } = this;
    return {
      type: view.getUint8(AT.stat),
      flags: view.getUint16(AT.stat + 2, true),
      base: view.getBigUint64(AT.stat + 8, true),
      inheriting: view.getBigUint64(AT.stat + 16, true),
    };
  }

  /** What fd_filestat_get or path_filestat_get has put at AT.stat. */
  filestat() {
    const field = (offset: number) => this.view.getBigUint64(AT.stat + offset, true);
    return {
      ...{ dev: field(0), ino: field(8), type: this.view.getUint8(AT.stat + 16), nlink: field(24) },
      ...{ size: field(32), accessedNs: field(40), modifiedNs: field(48), changedNs: field(56) },
    };
  }

  stat(path: string, follow = true) {
    const [at, size] = this.text(path);
    assert.equal(this.call("path_filestat_get", 3, follow ? 1 : 0, at, size, AT.stat), 0, path);
    return this.filestat();
  }

  [Symbol.dispose]() {
    this.host.end();
    Deno.removeSync(this.outside, { recursive: true });
  }
}

export interface OpenOptions {
  folder?: number;
  follow?: boolean;
  oflags?: number;
  base?: bigint;
  inheriting?: bigint;
  fdflags?: number;
}

export const READ = 1n << 1n;
export const WRITE = 1n << 6n;
export const SEEK = 1n << 2n;
export const TELL = 1n << 5n;
export const READ_WRITE = READ | WRITE | SEEK | TELL;
/** All that there are. */
export const EVERY_RIGHT = (1n << 30n) - 1n;

export const OFLAGS = { CREAT: 1, DIRECTORY: 2, EXCL: 4, TRUNC: 8 };
export const FDFLAGS = { APPEND: 1, DSYNC: 2, NONBLOCK: 4, RSYNC: 8, SYNC: 16 };

/** Errnos by name, as the specification numbers them. */
export const E = {
  ...{ SUCCESS: 0, ACCES: 2, AGAIN: 6, BADF: 8, EXIST: 20, FAULT: 21, FBIG: 22, ILSEQ: 25 },
  ...{ INVAL: 28, IO: 29, ISDIR: 31, LOOP: 32, MFILE: 33, NAMETOOLONG: 37, NOENT: 44, NOSPC: 51 },
  ...{ NOTCONN: 53, NOTDIR: 54, NOTEMPTY: 55, NOTSOCK: 57, NOTSUP: 58, PERM: 63, PIPE: 64 },
  ...{ SPIPE: 70, NOTCAPABLE: 76 },
};

/** The descriptors of this process. */
export function openDescriptors(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name).sort();
}
