/** Lines of text over a connection: the control protocol of docs/architecture.md. */

const MAX_LINE_BYTES = 4096;

/** One connection, read by lines. Bytes after the line that was asked for stay for the next reader. */
export class LineConnection implements Disposable {
  #buffered = new Uint8Array(0);
  readonly #chunk = new Uint8Array(MAX_LINE_BYTES);

  constructor(readonly conn: Deno.Conn) {}

  /** The next line without its end, or null at the end of the connection (a line cut short is dropped). */
  async read(): Promise<string | null> {
    for (;;) {
      const end = this.#buffered.indexOf(10);
      if (end >= 0) {
        const line = new TextDecoder().decode(this.#buffered.subarray(0, end));
        this.#buffered = this.#buffered.subarray(end + 1);
        return line;
      }
      if (this.#buffered.length >= MAX_LINE_BYTES || !(await this.#fill())) return null;
    }
  }

  /** Exactly `size` bytes, or null when the connection ends before. */
  async readBytes(size: number): Promise<Uint8Array | null> {
    while (this.#buffered.length < size) if (!(await this.#fill())) return null;
    const bytes = this.#buffered.slice(0, size);
    this.#buffered = this.#buffered.subarray(size);
    return bytes;
  }

  async #fill(): Promise<boolean> {
    // A peer that was killed resets the connection: for a reader that is its end.
    const count = await this.conn.read(this.#chunk).catch(() => null);
    if (!count) return false;
    const grown = new Uint8Array(this.#buffered.length + count);
    grown.set(this.#buffered);
    grown.set(this.#chunk.subarray(0, count), this.#buffered.length);
    this.#buffered = grown;
    return true;
  }

  async write(data: string | Uint8Array): Promise<void> {
    let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
    while (rest.length > 0) rest = rest.subarray(await this.conn.write(rest));
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}
