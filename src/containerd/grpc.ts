/**
 * A gRPC client for containerd's socket, as small as the calls that the shim makes: Deno's own HTTP/2, so neither the Node
 * layer nor a library is loaded. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 *
 * `fetch` does not show trailers. A call that fails before it has answered anything says so in its headers ("Trailers-Only"),
 * which is how containerd answers every failure of a unary call and of a stream that has not begun. A stream that ends
 * early looks like one that has ended: who reads it must know what to expect.
 */

import { kindOf, ShimError } from "../errdefs/mod.ts";
import type { Init, MethodType, ServiceType } from "../proto/mod.ts";
import { decodeMessages, encodeMessage } from "./grpc_frames.ts";

/** How long a call may take, its stream included, unless the caller says so. */
const CALL_MS = 10_000;

export interface CallOptions {
  /** Milliseconds until it fails with DeadlineExceeded; containerd is told too. */
  timeoutMs?: number;
  /** Of the lease that keeps what the call makes. */
  lease?: string;
  /** Whether it is made even if the caller wants nothing any more: it cleans up. */
  always?: boolean;
}

type Request<M> = M extends MethodType<infer Q, object> ? Init<Q> : never;
type Response<M> = M extends MethodType<object, infer R> ? R : never;

/** Calls containerd on behalf of one of its namespaces. Failures are ShimErrors that name the method. */
export class GrpcClient implements Disposable {
  readonly #client: Deno.HttpClient;

  /**
   * @param path of the socket
   * @param signal ends every call: what it wanted is no longer wanted
   */
  constructor(readonly path: string, readonly namespace: string, readonly signal: AbortSignal) {
    this.#client = Deno.createHttpClient({
      proxy: { transport: "unix", path },
      http1: false,
      http2: true,
    });
  }

  /** @throws ShimError of containerd's code; Unavailable; DeadlineExceeded; Canceled */
  async call<S extends ServiceType, M extends keyof S["methods"] & string>(
    service: S,
    method: M,
    request: Request<S["methods"][M]>,
    options: CallOptions = {},
  ): Promise<Response<S["methods"][M]>> {
    for await (const message of this.stream(service, method, [request], options)) return message;
    throw new ShimError("Unknown", `${nameOf(service, method)}: no answer`);
  }

  /** Sends every request, then yields what is answered. @throws ShimError as `call` */
  async *stream<S extends ServiceType, M extends keyof S["methods"] & string>(
    service: S,
    method: M,
    requests: Iterable<Request<S["methods"][M]>>,
    { timeoutMs = CALL_MS, lease, always = false }: CallOptions = {},
  ): AsyncGenerator<Response<S["methods"][M]>> {
    const name = nameOf(service, method);
    const { request, response } = service.methods[method];
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await fetch(`http://containerd/${service.name}/${method}`, {
        method: "POST",
        client: this.#client,
        signal: always ? deadline : AbortSignal.any([deadline, this.signal]),
        headers: {
          "content-type": "application/grpc",
          te: "trailers",
          "grpc-timeout": `${timeoutMs}m`,
          "containerd-namespace": this.namespace,
          ...(lease && { "containerd-lease": lease }),
        },
        body: body(Iterator.from(requests).map((it) => encodeMessage(request.encode(it)))),
      });
      checkStatus(answer, name);
      for await (const bytes of decodeMessages(answer.body!, name)) {
        yield response.decode(bytes) as Response<S["methods"][M]>;
      }
    } catch (error) {
      throw this.#explain(error, name, deadline);
    }
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  #explain(error: unknown, name: string, deadline: AbortSignal): ShimError {
    if (error instanceof ShimError) return error;
    const fail = (kind: "DeadlineExceeded" | "Canceled" | "Unavailable", reason: string) =>
      new ShimError(kind, `${name}: ${reason}`, { cause: error });
    if (this.signal.aborted) return fail("Canceled", "no longer wanted");
    if (deadline.aborted) return fail("DeadlineExceeded", "containerd does not answer in time");
    return fail("Unavailable", `containerd at ${this.path}: ${reasonOf(error)}`);
  }
}

/** `images.v1.Images/Get`, as errors name it. */
function nameOf({ name }: ServiceType, method: string): string {
  return `${name.replace("containerd.services.", "")}/${method}`;
}

/** Sent as it is read; one message is known to be all. */
function body(messages: Iterator<Uint8Array<ArrayBuffer>>): BodyInit {
  const [first, second] = [messages.next(), messages.next()];
  if (second.done) return first.value;
  const queue = [first.value, second.value];
  return new ReadableStream({
    pull(controller) {
      const message = queue.shift() ?? messages.next().value;
      if (message) controller.enqueue(message);
      else controller.close();
    },
  });
}

function checkStatus({ status, headers, body }: globalThis.Response, name: string): void {
  const code = Number(headers.get("grpc-status") ?? 0);
  if (status === 200 && code === 0) return;
  body?.cancel().catch(() => {});
  if (status !== 200) throw new ShimError("Unavailable", `${name}: HTTP status ${status}`);
  throw new ShimError(kindOf(code), `${name}: ${decode(headers.get("grpc-message") ?? "")}`);
}

/** Percent-encoded, as the protocol has it. */
function decode(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

/** What `fetch` or its innermost cause says, without the URL, which nobody knows. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return reasonOf(error.cause);
  return error.message.replace(/^error sending request for url \([^)]*\): /, "");
}
