/** Servers and raw connections on unix sockets of their own, for tests. */

import { type Frame, FrameDecoder } from "../frame.ts";
import { Server, type ServerOptions } from "../server.ts";
import type { Service } from "../service.ts";

/** A path for a socket, in a folder that is removed on disposal. */
export class SocketPath implements Disposable {
  readonly #dir = Deno.makeTempDirSync({ prefix: "ttrpc-" });

  get path(): string {
    return `${this.#dir}/s.sock`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#dir, { recursive: true });
  }
}

/** A server on a socket of its own, closed on disposal. */
export class TestServer implements AsyncDisposable {
  readonly #socket = new SocketPath();
  readonly server: Server;
  readonly #served: Promise<void>;

  constructor(services: readonly Service[], options?: ServerOptions) {
    this.server = new Server(services, options);
    this.#served = this.server.serve(Deno.listen({ transport: "unix", path: this.path }));
  }

  get path(): string {
    return this.#socket.path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close(0);
    await this.#served;
    this.#socket[Symbol.dispose]();
  }
}

/** A connection for bytes that no client sends. */
export class RawConnection implements Disposable {
  readonly #decoder = new FrameDecoder();
  readonly #frames: Frame[] = [];

  constructor(readonly conn: Deno.UnixConn) {}

  static async connect(path: string): Promise<RawConnection> {
    return new RawConnection(await Deno.connect({ transport: "unix", path }));
  }

  async write(bytes: Uint8Array): Promise<void> {
    while (bytes.length > 0) bytes = bytes.subarray(await this.conn.write(bytes));
  }

  /** The next frame; undefined when the server has ended the connection. */
  async read(): Promise<Frame | undefined> {
    const buffer = new Uint8Array(65536);
    while (this.#frames.length === 0) {
      const count = await this.conn.read(buffer);
      if (count === null) return undefined;
      this.#frames.push(...this.#decoder.push(buffer.subarray(0, count)));
    }
    return this.#frames.shift();
  }

  [Symbol.dispose](): void {
    this.conn.close();
  }
}
