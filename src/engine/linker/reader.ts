/** Reads the binary form of components: bytes, LEB128 numbers, names, vectors. */

export class Reader {
  /** @param end where reading past is an error */
  constructor(readonly code: Uint8Array<ArrayBuffer>, public at: number, readonly end: number) {}

  get done(): boolean {
    return this.at >= this.end;
  }

  /** @throws RangeError: the end */
  byte(): number {
    if (this.done) throw new RangeError(`ends at ${this.end}`);
    return this.code[this.at++];
  }

  peek(): number {
    return this.code[this.at];
  }

  /** LEB128, of 32 bits; a positive s33, too. */
  unsigned(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError(`number too long at ${this.at}`);
  }

  bytes(size: number): Uint8Array<ArrayBuffer> {
    if (size > this.end - this.at) throw new RangeError(`ends at ${this.end}`);
    this.at += size;
    return this.code.subarray(this.at - size, this.at);
  }

  /** A reader of the next `size` bytes, which are skipped here. */
  part(size: number): Reader {
    this.bytes(size);
    return new Reader(this.code, this.at - size, this.at);
  }

  name(): string {
    return new TextDecoder().decode(this.bytes(this.unsigned()));
  }

  /** importname' and exportname': form 2 has its version's suffix apart. */
  externalName(): string {
    const form = this.byte();
    const name = this.name();
    return form === 2 ? name + this.name() : name;
  }

  vector<T>(item: () => T): T[] {
    const items: T[] = [];
    for (let left = this.unsigned(); left > 0; left--) items.push(item());
    return items;
  }

  optional<T>(item: () => T): T | undefined {
    return this.byte() === 0 ? undefined : item();
  }
}
