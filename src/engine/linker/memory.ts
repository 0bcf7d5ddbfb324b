/** A guest's memory, its strings, and its handles. */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Shorter strings are converted here: a call of the codecs costs more. */
const SHORT = 32;

/** Of the guest, as the canonical ABI has it. */
type Realloc = (old: number, oldSize: number, alignment: number, size: number) => number;

/** Memory with the allocator that belongs to it. Views are of what it is now: it moves when it grows. */
export class GuestMemory {
  #bytes = new Uint8Array();
  #view = new DataView(new ArrayBuffer());

  #memory: WebAssembly.Memory | undefined;
  #realloc: Realloc | undefined;

  /** Of an instance that may not be there yet. */
  constructor(
    readonly handles: Handles,
    readonly find: {
      memory?: () => WebAssembly.Memory;
      realloc?: () => Realloc;
    },
  ) {}

  get bytes(): Uint8Array<ArrayBuffer> {
    // A buffer that has moved has no length left.
    if (this.#bytes.length === 0) this.#look();
    return this.#bytes;
  }

  get view(): DataView {
    if (this.#bytes.length === 0) this.#look();
    return this.#view;
  }

  #look(): void {
    this.#memory ??= this.find.memory?.();
    const buffer = this.#memory?.buffer as ArrayBuffer | undefined;
    if (!buffer) throw new WebAssembly.RuntimeError("no memory");
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
  }

  /** The address of `size` new bytes. */
  allocate(alignment: number, size: number): number {
    this.#realloc ??= this.find.realloc?.();
    if (!this.#realloc) throw new WebAssembly.RuntimeError("no realloc");
    const at = this.#realloc(0, 0, alignment, size) >>> 0;
    this.check(at, size);
    return at;
  }

  check(at: number, size: number): void {
    if (at + size > this.bytes.length) {
      throw new WebAssembly.RuntimeError(`memory access out of bounds: ${size} bytes at ${at}`);
    }
  }

  slice(at: number, size: number): Uint8Array<ArrayBuffer> {
    this.check(at, size);
    return this.bytes.slice(at, at + size);
  }

  text(at: number, size: number): string {
    this.check(at, size);
    const bytes = this.bytes;
    if (size > SHORT) return decoder.decode(bytes.subarray(at, at + size));
    let text = "";
    for (let index = at; index < at + size; index++) {
      const byte = bytes[index];
      if (byte >= 0x80) return decoder.decode(bytes.subarray(at, at + size));
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Writes the pair of address and length of `text`, which is copied to new memory, at `at`. */
  storeText(text: string, at: number): void {
    if (text.length > SHORT || !this.#storeShort(text, at)) {
      this.storeBytes(encoder.encode(text), at);
    }
  }

  #storeShort(text: string, at: number): boolean {
    for (let index = 0; index < text.length; index++) {
      if (text.charCodeAt(index) >= 0x80) return false;
    }
    const address = text.length > 0 ? this.allocate(1, text.length) : 0;
    const bytes = this.bytes;
    for (let index = 0; index < text.length; index++) {
      bytes[address + index] = text.charCodeAt(index);
    }
    this.#pair(at, address, text.length);
    return true;
  }

  storeBytes(data: Uint8Array, at: number): void {
    const address = data.length > 0 ? this.allocate(1, data.length) : 0;
    this.bytes.set(data, address);
    this.#pair(at, address, data.length);
  }

  #pair(at: number, address: number, size: number): void {
    const view = this.view;
    view.setUint32(at, address, true);
    view.setUint32(at + 4, size, true);
  }
}

/** What a guest holds of its host's, by small positive numbers that are used again. */
export class Handles {
  readonly #items: unknown[] = [undefined];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - 1 - this.#free.length;
  }

  add(item: unknown): number {
    const handle = this.#free.pop();
    if (handle === undefined) return this.#items.push(item) - 1;
    this.#items[handle] = item;
    return handle;
  }

  /** @throws RuntimeError: the guest has no such handle */
  get(handle: number): unknown {
    const item = this.#items[handle];
    if (item === undefined) throw new WebAssembly.RuntimeError(`unknown handle ${handle}`);
    return item;
  }

  take(handle: number): unknown {
    const item = this.get(handle);
    this.#items[handle] = undefined;
    this.#free.push(handle);
    return item;
  }

  /** Whatever the guest still holds, which it gives up. */
  *drain(): Generator<unknown> {
    for (const item of this.#items.splice(1)) if (item !== undefined) yield item;
    this.#free.length = 0;
  }
}

/** End `item`, if it knows how to. */
export function dispose(item: unknown): void {
  (item as Partial<Disposable>)[Symbol.dispose]?.();
}
