/** The package @wasmer/wasi 1.2: Wasmer's WASI, itself WebAssembly, with a file system in memory. */

import { ShimError } from "../../errdefs/mod.ts";

/** A file system in memory. Its methods throw an Error whose message is a sentence. */
export interface MemFS {
  readDir(path: string): { path: string; metadata: { filetype: { dir: boolean } } }[];
  createDir(path: string): void;
  open(path: string, options: { read?: boolean; write?: boolean; create?: boolean }): MemFile;
}
export interface MemFile {
  /** From the current position to the end. */
  read(): Uint8Array<ArrayBuffer>;
  /** How many bytes it took. */
  write(data: Uint8Array<ArrayBuffer>): number;
  free(): void;
}
/** The host of one guest. */
export interface Wasi {
  /** The file system it was given, which only this can be used for then. */
  readonly fs: MemFS;
  getImports(module: WebAssembly.Module): Record<string, Functions>;
  /** Takes the guest's memory, which must be exported. */
  instantiate(instance: WebAssembly.Instance): void;
}
/** Parameters are a number for i32 and a bigint for i64. */
export type Functions = Record<string, (...parameters: (number | bigint)[]) => number>;

interface Package {
  init(): Promise<void>;
  initSync(module: WebAssembly.Module): void;
  MemFS: new () => MemFS;
  WASI: new (config: {
    args: string[];
    env: Record<string, string>;
    preopens: Record<string, string>;
    fs: MemFS;
  }) => Wasi;
}

/** The package, whose one instance can be made anew: the memory of the last one is gone then. */
export class Library {
  /** Whether the instance has not served a guest. */
  #fresh = true;

  private constructor(readonly wasmer: Package, readonly code: WebAssembly.Module) {}

  static async load(): Promise<Library> {
    const wasmer = await import("@wasmer/wasi") as unknown as Package;
    // The package has its code as text, and keeps what it has compiled of it to itself.
    let code: WebAssembly.Module | undefined;
    const { compile } = WebAssembly;
    WebAssembly.compile = async (bytes: BufferSource) => code = await compile(bytes);
    try {
      await wasmer.init();
    } finally {
      WebAssembly.compile = compile;
    }
    if (!code) throw new ShimError("Internal", "load @wasmer/wasi: it has compiled nothing");
    return new Library(wasmer, code);
  }

  /** For the next guest; before a fork, so that a child finds it made. */
  renew(): void {
    if (!this.#fresh) this.wasmer.initSync(this.code);
    this.#fresh = true;
  }

  /** A host with the folders `preopens` (names for the guest by paths in `fs`). */
  host(preopens: ReadonlyMap<string, string>, fs: MemFS): Wasi {
    this.#fresh = false;
    return new this.wasmer.WASI({
      args: [],
      env: {},
      preopens: ordered(preopens),
      fs,
    });
  }
}

/** An object whose entries keep the order of `map`: of an ordinary one, names like "1" come first. */
function ordered(map: ReadonlyMap<string, string>): Record<string, string> {
  return new Proxy(Object.fromEntries(map), { ownKeys: () => [...map.keys()] });
}
