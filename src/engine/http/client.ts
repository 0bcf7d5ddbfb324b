/** wasi:http/outgoing-handler, by fetch(). */

import type { Wait } from "../component/host/poll.ts";
import { Pollable } from "../component/host/poll.ts";
import { err, ok, type Result } from "../component/host/result.ts";
import { type ErrorCode, errorCode, failed } from "./error_code.ts";
import { type Context, IncomingResponse, REFUSED } from "./incoming.ts";
import type { OutgoingRequest, RequestOptions } from "./outgoing.ts";
import { type Event, NOT_READY, type Timer } from "./waiting.ts";
import { methodName, schemeName } from "./variants.ts";

/** What wasmtime waits for when nothing was said. */
const DEFAULT_MS = 600_000;
const PORTS: Record<string, number> = { http: 80, https: 443 };

type Answer = Result<IncomingResponse, ErrorCode>;

export class FutureIncomingResponse implements Event {
  #answer: Answer | undefined;
  #taken = false;
  readonly #arrived: Promise<void>;

  /** @param abort gives the request up */
  constructor(readonly context: Context, answer: Promise<Answer>, readonly abort: () => void) {
    this.#arrived = answer.then((answer) => {
      this.#answer = answer;
    });
  }

  subscribe(): Pollable {
    return new Pollable(this.context.scope, this.context.calls, this);
  }

  /** option<result<result<incoming-response, error-code>>> */
  get(): Result<Answer, undefined> | undefined {
    if (!this.#answer) return undefined;
    if (this.#taken) return REFUSED;
    this.#taken = true;
    return ok(this.#answer);
  }

  wait(): Wait {
    return this.#answer ? "ready" : NOT_READY;
  }

  arrived(): Promise<void> {
    return this.#arrived;
  }

  [Symbol.dispose](): void {
    if (!this.#taken) this.abort();
  }
}

/** outgoing-handler.handle */
export function send(
  context: Context,
  request: OutgoingRequest,
  options: RequestOptions | undefined,
): Result<FutureIncomingResponse, ErrorCode> {
  const scheme = schemeName(request.scheme() ?? { tag: "HTTPS" })!;
  const authority = request.authority();
  if (authority === undefined) return failed("HTTP-request-URI-invalid");
  if (!PORTS[scheme]) return failed("HTTP-protocol-error");
  let url: URL;
  try {
    url = new URL(`${scheme}://${authority}${request.pathWithQuery() ?? "/"}`);
  } catch {
    return failed("HTTP-request-URI-invalid");
  }
  const abort = new AbortController();
  const answer = exchange(context, url, request, options?.ms ?? {}, abort);
  return ok(new FutureIncomingResponse(context, answer, () => abort.abort()));
}

async function exchange(
  context: Context,
  url: URL,
  request: OutgoingRequest,
  { connect, firstByte = DEFAULT_MS, betweenBytes = DEFAULT_MS }: RequestOptions["ms"],
  abort: AbortController,
): Promise<Answer> {
  request.fields.freeze();
  let late: ErrorCode | undefined;
  let timer: Timer | undefined;
  const limit = (ms: number, tag: string) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      late = { tag };
      abort.abort();
    }, ms);
  };
  try {
    if (connect !== undefined) {
      limit(connect, "connection-timeout");
      await reach(url, abort.signal);
    }
    limit(firstByte, "connection-read-timeout");
    await undefined; // the guest writes the body now
    const response = await fetch(url, {
      method: methodName(request.method())!,
      headers: request.fields.pairs(),
      body: bodyOf(request),
      redirect: "manual",
      signal: abort.signal,
    });
    return ok(new IncomingResponse(context, response, betweenBytes));
  } catch (error) {
    request.sink?.end("unwanted");
    return err(late ?? errorCode(error));
  } finally {
    clearTimeout(timer);
  }
}

/** Whether there is somebody at all: fetch() does not tell when it is connected. */
async function reach({ hostname, port, protocol }: URL, signal: AbortSignal): Promise<void> {
  const connection = await Deno.connect({
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || PORTS[protocol.slice(0, -1)],
    signal,
  } as Deno.ConnectOptions);
  connection.close();
}

function bodyOf(request: OutgoingRequest): Uint8Array<ArrayBuffer> | ReadableStream | undefined {
  const { sink } = request;
  if (!sink) return undefined;
  const method = methodName(request.method());
  if (method === "GET" || method === "HEAD") {
    sink.end("unwanted"); // fetch() refuses one
    return undefined;
  }
  return sink.complete ? sink.take() : sink.stream();
}
