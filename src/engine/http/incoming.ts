/** Messages that are received: requests to the guest, responses to it, their bodies and trailers. */

import type { Calls } from "../component/host/calls.ts";
import { Pollable } from "../component/host/poll.ts";
import type { Scope } from "../component/host/resource.ts";
import { err, ok, type Result } from "../component/host/result.ts";
import { InputStream } from "../component/host/streams.ts";
import { BodySource } from "./body_source.ts";
import type { ErrorCode } from "./error_code.ts";
import { Fields } from "./fields.ts";
import { methodOf, type Text } from "./variants.ts";

/** What resources are made with. */
export interface Context {
  calls: Calls;
  scope: Scope;
}

/** The `result` without an error. */
export const REFUSED = err(undefined);

/** Names the authority and the rest of a URL: "http://host:80/path?query". */
const URL_PARTS = /^([a-z]+):\/\/([^/?#]*)([^#]*)/;
const HTTP: Text = { tag: "HTTP" };

export class IncomingBody {
  #streamed = false;
  #source: BodySource | undefined;

  constructor(
    readonly context: Context,
    readonly body: ReadableStream<Uint8Array> | null,
    readonly betweenMs?: number,
  ) {}

  /** Once. */
  stream(): Result<InputStream, undefined> {
    if (this.#streamed) return REFUSED;
    this.#streamed = true;
    this.#source = new BodySource(this.body, this.betweenMs);
    return ok(new InputStream(this.context.scope, this.context.calls, this.#source));
  }

  static finish(body: IncomingBody): FutureTrailers {
    return new FutureTrailers(body.context);
  }
}

/** Deno's server and client pass no trailers on: there are none, at once. */
export class FutureTrailers {
  #taken = false;

  constructor(readonly context: Context) {}

  subscribe(): Pollable {
    return new Pollable(this.context.scope, this.context.calls, { wait: () => "ready" });
  }

  /** option<result<result<option<trailers>, error-code>>> */
  get(): Result<Result<Fields | undefined, ErrorCode>, undefined> {
    if (this.#taken) return REFUSED;
    this.#taken = true;
    return ok(ok(undefined));
  }
}

/** What both kinds of messages are. */
abstract class Incoming {
  #consumed = false;
  #headers: Fields | undefined;

  constructor(
    readonly context: Context,
    readonly message: Request | Response,
    readonly betweenMs?: number,
  ) {}

  headers(): Fields {
    return this.#headers ??= Fields.received(this.message.headers);
  }

  /** Once. */
  consume(): Result<IncomingBody, undefined> {
    if (this.#consumed) return REFUSED;
    this.#consumed = true;
    return ok(new IncomingBody(this.context, this.message.body, this.betweenMs));
  }
}

export class IncomingRequest extends Incoming {
  #url: RegExpExecArray | null | undefined;

  constructor(context: Context, readonly request: Request) {
    super(context, request);
  }

  get #parts(): RegExpExecArray | null {
    return this.#url ??= URL_PARTS.exec(this.request.url);
  }

  method(): Text {
    return methodOf(this.request.method);
  }

  pathWithQuery(): string | undefined {
    return this.#parts?.[3];
  }

  scheme(): Text {
    return HTTP;
  }

  authority(): string | undefined {
    return this.#parts?.[2];
  }
}

export class IncomingResponse extends Incoming {
  readonly #status: number;

  constructor(context: Context, response: Response, betweenMs?: number) {
    super(context, response, betweenMs);
    this.#status = response.status;
  }

  status(): number {
    return this.#status;
  }
}
