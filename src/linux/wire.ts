/** Messages to the native side: see native/wire.c. Little-endian; strings carry a NUL that is not counted. */

const encoder = new TextEncoder();

export class MessageWriter {
  #buffer = new Uint8Array(1024);
  #view = new DataView(this.#buffer.buffer);
  #size = 0;

  #reserve(size: number): number {
    const at = this.#size;
    this.#size += size;
    if (this.#size > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(this.#size, this.#buffer.length * 2));
      grown.set(this.#buffer);
      this.#buffer = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }

  u32(value: number): this {
    const at = this.#reserve(4); // first: it may replace the view
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64(value: number | bigint): this {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
    return this;
  }

  bytes(value: Uint8Array | string): this {
    const data = typeof value === "string" ? encoder.encode(value) : value;
    this.u32(data.length);
    const at = this.#reserve(data.length + 1);
    this.#buffer.set(data, at);
    this.#buffer[at + data.length] = 0;
    return this;
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#buffer.slice(0, this.#size);
  }
}

/** Reads what MessageWriter wrote. Throws RangeError past the end. */
export class MessageReader {
  #at = 0;
  readonly #view: DataView;

  constructor(readonly data: Uint8Array) {
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  bytes(): Uint8Array {
    const size = this.#view.getUint32(this.#at, true);
    const start = this.#at + 4;
    if (start + size + 1 > this.data.length) {
      throw new RangeError(`field of ${size} bytes: message ends`);
    }
    this.#at = start + size + 1;
    return this.data.subarray(start, start + size);
  }

  string(): string {
    return new TextDecoder().decode(this.bytes());
  }
}
