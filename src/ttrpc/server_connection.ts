/** One connection of a server and the calls that came over it. */

import { ShimError } from "../errdefs/mod.ts";
import { ttrpc } from "../proto/mod.ts";
import { call } from "./call.ts";
import { Channel, type Connection } from "./channel.ts";
import {
  encodeFrame,
  type Frame,
  MAX_PAYLOAD_LENGTH,
  MESSAGE_TYPE,
  oversizeText,
} from "./frame.ts";
import type { Interceptor, Registry } from "./service.ts";
import { settledWithin } from "./timeout.ts";

/** How many bytes may wait to be written before no more requests are read. */
const MAX_UNSENT_LENGTH = MAX_PAYLOAD_LENGTH;

/** Calls on one connection run side by side, and each gets exactly one answer. */
export class ServerConnection {
  readonly #channel: Channel;
  readonly #registry: Registry;
  readonly #intercept: Interceptor;
  /** The calls that await their answer, by stream. */
  readonly #calls = new Map<number, AbortController>();
  readonly #idle = Promise.withResolvers<void>();
  #lastStreamId = 0;
  #unsentLength = 0;
  #closing = false;

  constructor(connection: Connection, registry: Registry, intercept: Interceptor) {
    this.#channel = new Channel(connection);
    this.#registry = registry;
    this.#intercept = intercept;
  }

  /** Serves until the connection ends. Rejects with InvalidArgument when the peer speaks no ttRPC. */
  async run(): Promise<void> {
    try {
      for await (const frame of this.#channel.receive()) {
        if (this.#closing) continue;
        this.#receive(frame);
        if (this.#unsentLength > MAX_UNSENT_LENGTH) await this.#channel.flushed();
      }
    } finally {
      for (const streamId of this.#calls.keys()) {
        this.#end(streamId, new ShimError("Canceled", "connection: closed"));
      }
      this.#channel.close();
    }
  }

  /** See Server.close. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    if (this.#calls.size > 0) await settledWithin(this.#idle.promise, graceMs);
    for (const streamId of this.#calls.keys()) {
      this.#refuse(streamId, new ShimError("Unavailable", "server: closed"));
    }
    await settledWithin(this.#channel.flushed(), graceMs);
    this.#channel.close();
  }

  #receive(frame: Frame): void {
    const { streamId, type } = frame;
    if (frame.oversize !== undefined) {
      this.#refuse(streamId, new ShimError("ResourceExhausted", oversizeText(frame.oversize)));
    } else if (streamId % 2 !== 1) {
      this.#refuse(streamId, invalid("StreamID must be odd for client initiated streams"));
    } else if (type === MESSAGE_TYPE.data) {
      // No method here streams: data is late or forbidden.
      const active = this.#calls.has(streamId);
      this.#refuse(
        streamId,
        invalid(active ? "data on unary stream" : "StreamID is no longer active"),
      );
    } else if (type === MESSAGE_TYPE.request) {
      this.#startCall(frame);
    }
    // Other types are of the future: ignored.
  }

  #startCall({ streamId, payload }: Frame): void {
    if (streamId <= this.#lastStreamId) {
      this.#refuse(streamId, invalid("StreamID cannot be re-used and must increment"));
      return;
    }
    this.#lastStreamId = streamId;
    let request: ttrpc.Request;
    try {
      request = ttrpc.Request.decode(payload);
    } catch (error) {
      const { message } = ShimError.from(error);
      this.#refuse(streamId, invalid(`unmarshal request error: ${message}`));
      return;
    }
    const controller = new AbortController();
    this.#calls.set(streamId, controller);
    call(this.#registry, this.#intercept, request, controller).then(
      (answer) => this.#answer(streamId, answer),
      (error: ShimError) => {
        if (this.#calls.has(streamId)) this.#refuse(streamId, error);
      },
    );
  }

  #answer(streamId: number, payload: Uint8Array): void {
    if (!this.#calls.has(streamId)) return;
    const response = ttrpc.Response.encode({ status: {}, payload });
    if (response.length > MAX_PAYLOAD_LENGTH) {
      this.#refuse(streamId, new ShimError("ResourceExhausted", oversizeText(response.length)));
      return;
    }
    this.#end(streamId);
    this.#send(streamId, response);
  }

  /** Answers `error` on a stream, and ends the call on it if there is one. */
  #refuse(streamId: number, error: ShimError): void {
    this.#end(streamId, error);
    const { code, message } = error;
    this.#send(streamId, ttrpc.Response.encode({ status: { code, message } }));
  }

  /** With a `reason`, tells the handler that its answer is not wanted any more. */
  #end(streamId: number, reason?: ShimError): void {
    const controller = this.#calls.get(streamId);
    this.#calls.delete(streamId);
    if (reason !== undefined) controller?.abort(reason);
    if (this.#closing && this.#calls.size === 0) this.#idle.resolve();
  }

  #send(streamId: number, response: Uint8Array): void {
    this.#unsentLength += response.length;
    this.#channel.send(encodeFrame(streamId, MESSAGE_TYPE.response, response)).then((sent) => {
      this.#unsentLength -= response.length;
      if (!sent) this.#channel.close(); // which ends run()
    });
  }
}

function invalid(message: string): ShimError {
  return new ShimError("InvalidArgument", message);
}
