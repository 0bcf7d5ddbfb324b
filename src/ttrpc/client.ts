/** The client's side of ttRPC: see PROTOCOL.md. */

import { kindOf, ShimError } from "../errdefs/mod.ts";
import { ttrpc } from "../proto/mod.ts";
import { Channel, type Connection } from "./channel.ts";
import { encodeFrame, type Frame, MESSAGE_TYPE, oversizeText } from "./frame.ts";

const MAX_STREAM_ID = 2 ** 32 - 1;

export interface CallOptions {
  /** Milliseconds until the call rejects with DeadlineExceeded; the server is told too. */
  timeoutMs?: number;
  metadata?: Readonly<Record<string, string>>;
}

type Pending = PromiseWithResolvers<Uint8Array>;

/** Makes calls, any number at a time, over one connection. */
export class Client {
  readonly #channel: Channel;
  readonly #pending = new Map<number, Pending>();
  readonly #ended: Promise<void>;
  #nextStreamId = 1;
  #failure: ShimError | undefined;

  /** Connects to the unix socket at `path`. Rejects with Unavailable. */
  static async connect(path: string): Promise<Client> {
    try {
      return new Client(await Deno.connect({ transport: "unix", path }));
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new ShimError("Unavailable", `connect ${path}: ${text}`, { cause });
    }
  }

  /** Takes ownership of `connection`. */
  constructor(connection: Connection) {
    this.#channel = new Channel(connection);
    this.#ended = this.#run();
  }

  /** Resolves when the connection has ended, from either side. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /**
   * Calls a method and answers the bytes of its message. Rejects with the server's ShimError, or with
   * DeadlineExceeded, Unavailable when the connection ends first, ResourceExhausted when the request
   * is too long.
   */
  async call(
    service: string,
    method: string,
    payload: Uint8Array,
    { timeoutMs, metadata = {} }: CallOptions = {},
  ): Promise<Uint8Array> {
    if (this.#failure !== undefined) throw this.#failure;
    const request = ttrpc.Request.encode({
      service,
      method,
      payload,
      timeoutNano: timeoutMs === undefined ? 0n : BigInt(Math.ceil(timeoutMs * 1e6)),
      metadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    });
    const streamId = this.#nextStreamId;
    if (streamId > MAX_STREAM_ID) throw new ShimError("Unavailable", "client: out of stream ids");
    const frame = encodeFrame(streamId, MESSAGE_TYPE.request, request);
    this.#nextStreamId += 2;
    const pending = Promise.withResolvers<Uint8Array>();
    this.#pending.set(streamId, pending);
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => {
      pending.reject(new ShimError("DeadlineExceeded", "context deadline exceeded"));
    }, timeoutMs);
    this.#channel.send(frame).then((sent) => {
      if (!sent) this.close();
    });
    try {
      return await pending.promise;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(streamId);
    }
  }

  /** Ends the connection; calls in flight reject with Unavailable. */
  close(): void {
    this.#fail(new ShimError("Unavailable", "client: closed"));
    this.#channel.close();
  }

  async #run(): Promise<void> {
    try {
      for await (const frame of this.#channel.receive()) this.#receive(frame);
      this.#fail(new ShimError("Unavailable", "connection: closed by the server"));
    } catch (error) {
      const { message } = ShimError.from(error);
      this.#fail(new ShimError("Unavailable", `connection: ${message}`, { cause: error }));
    } finally {
      this.#channel.close();
    }
  }

  #receive(frame: Frame): void {
    const pending = this.#pending.get(frame.streamId);
    if (pending === undefined) return; // late: its call has timed out
    try {
      pending.resolve(readResponse(frame));
    } catch (error) {
      pending.reject(error);
    }
  }

  #fail(error: ShimError): void {
    this.#failure ??= error;
    for (const pending of this.#pending.values()) pending.reject(this.#failure);
  }
}

function readResponse({ type, payload, oversize }: Frame): Uint8Array {
  if (oversize !== undefined) throw new ShimError("ResourceExhausted", oversizeText(oversize));
  if (type !== MESSAGE_TYPE.response) {
    throw new ShimError("Internal", `receive response: message type ${type}`);
  }
  const response = ttrpc.Response.decode(payload);
  const { code, message } = response.status ?? { code: 0, message: "" };
  if (code !== 0) throw new ShimError(kindOf(code), message);
  return response.payload;
}
