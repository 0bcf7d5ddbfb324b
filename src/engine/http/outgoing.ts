/** Messages that are sent: the guest's responses and requests, their bodies. */

import { DONE, ok, type Result } from "../component/host/result.ts";
import { OutputStream } from "../component/host/streams.ts";
import { BodySink } from "./body_sink.ts";
import { type ErrorCode, failed } from "./error_code.ts";
import type { Fields } from "./fields.ts";
import { type Context, REFUSED } from "./incoming.ts";
import { methodName, schemeName, type Text } from "./variants.ts";

/** What a Response of the web may have. */
const STATUS = { least: 200, most: 599 } as const;
const AUTHORITY = /^(?:[^@/?#\s]*@)?(?:\[[0-9a-fA-F:.]+\]|[^@:/?#\s[\]]+)(?::\d{0,5})?$/;
const PATH = /^[/?*][\x21-\x7e\x80-\uffff]*$/;

/** The result of a setter. */
const changed = (valid: boolean): Result<undefined, undefined> => valid ? DONE : REFUSED;

export class OutgoingBody {
  readonly sink = new BodySink();
  #written = false;

  /** @param length that the headers promise, if they do */
  constructor(readonly context: Context, readonly length: number | undefined) {}

  /** Once. */
  write(): Result<OutputStream, undefined> {
    if (this.#written) return REFUSED;
    this.#written = true;
    return ok(new OutputStream(this.context.scope, this.context.calls, this.sink));
  }

  /** Trailers are taken, and not sent: Deno's server and client send none. */
  static finish(body: OutgoingBody, _trailers?: Fields): Result<undefined, ErrorCode> {
    const { sink, length } = body;
    if (length !== undefined && length !== sink.written) {
      sink.end("failed");
      return failed("HTTP-request-body-size", BigInt(sink.written));
    }
    sink.end("complete");
    return DONE;
  }

  /** Dropped without finish(): what was sent is not whole. */
  [Symbol.dispose](): void {
    this.sink.end("failed");
  }
}

abstract class Outgoing {
  #body: OutgoingBody | undefined;

  constructor(readonly context: Context, readonly fields: Fields) {}

  /** Those are immutable once they are a message's. */
  headers(): Fields {
    return this.fields.freeze();
  }

  /** Once. */
  body(): Result<OutgoingBody, undefined> {
    if (this.#body) return REFUSED;
    this.#body = new OutgoingBody(this.context, this.fields.contentLength());
    return ok(this.#body);
  }

  /** undefined: it has none */
  get sink(): BodySink | undefined {
    return this.#body?.sink;
  }
}

export class OutgoingResponse extends Outgoing {
  status = 200;

  statusCode(): number {
    return this.status;
  }

  setStatusCode(code: number): Result<undefined, undefined> {
    const valid = code >= STATUS.least && code <= STATUS.most;
    if (valid) this.status = code;
    return changed(valid);
  }
}

export class OutgoingRequest extends Outgoing {
  #method: Text = { tag: "get" };
  #path: string | undefined;
  #scheme: Text | undefined;
  #authority: string | undefined;

  method(): Text {
    return this.#method;
  }

  setMethod(method: Text): Result<undefined, undefined> {
    const valid = methodName(method) !== null;
    if (valid) this.#method = method;
    return changed(valid);
  }

  pathWithQuery(): string | undefined {
    return this.#path;
  }

  setPathWithQuery(path: string | undefined): Result<undefined, undefined> {
    const valid = path === undefined || path === "" || PATH.test(path);
    if (valid) this.#path = path;
    return changed(valid);
  }

  scheme(): Text | undefined {
    return this.#scheme;
  }

  setScheme(scheme: Text | undefined): Result<undefined, undefined> {
    const valid = scheme === undefined || schemeName(scheme) !== null;
    if (valid) this.#scheme = scheme;
    return changed(valid);
  }

  authority(): string | undefined {
    return this.#authority;
  }

  setAuthority(authority: string | undefined): Result<undefined, undefined> {
    const valid = authority === undefined || AUTHORITY.test(authority);
    if (valid) this.#authority = authority;
    return changed(valid);
  }
}

const NS_PER_MS = 1_000_000n;

/** Times to wait, in ns as the guest has them. */
export class RequestOptions {
  #connect: bigint | undefined;
  #firstByte: bigint | undefined;
  #betweenBytes: bigint | undefined;

  connectTimeout(): bigint | undefined {
    return this.#connect;
  }

  setConnectTimeout(ns: bigint | undefined): Result<undefined, undefined> {
    this.#connect = ns;
    return DONE;
  }

  firstByteTimeout(): bigint | undefined {
    return this.#firstByte;
  }

  setFirstByteTimeout(ns: bigint | undefined): Result<undefined, undefined> {
    this.#firstByte = ns;
    return DONE;
  }

  betweenBytesTimeout(): bigint | undefined {
    return this.#betweenBytes;
  }

  setBetweenBytesTimeout(ns: bigint | undefined): Result<undefined, undefined> {
    this.#betweenBytes = ns;
    return DONE;
  }

  /** The same in ms, at least 1. */
  get ms(): { connect?: number; firstByte?: number; betweenBytes?: number } {
    const ms = (ns: bigint | undefined) =>
      ns === undefined ? undefined : Math.max(1, Math.min(Number(ns / NS_PER_MS), 2 ** 31 - 1));
    return {
      connect: ms(this.#connect),
      firstByte: ms(this.#firstByte),
      betweenBytes: ms(this.#betweenBytes),
    };
  }
}
