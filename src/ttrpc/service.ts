/** What a server serves. */

import { ShimError } from "../errdefs/mod.ts";
import type { Init, MessageType, MethodType, ServiceType } from "../proto/mod.ts";

/** What a handler knows of its call besides the payload. */
export interface CallContext {
  /** Full name of the service, such as "containerd.task.v2.Task". */
  readonly service: string;
  readonly method: string;
  /** Metadata by lower-case key; of a key that came repeatedly, the first value. */
  readonly metadata: ReadonlyMap<string, string>;
  /**
   * Aborted when the answer is no longer wanted: at the deadline, when the client has gone, or when the
   * server closes. Its reason is a ShimError.
   */
  readonly signal: AbortSignal;
}

/** A unary method: the bytes of a message in, the bytes of a message out. */
export type Handler = (
  payload: Uint8Array,
  context: CallContext,
) => Uint8Array | Promise<Uint8Array>;

/** A service's full name and its handlers by method. */
export interface Service {
  readonly name: string;
  readonly methods: Readonly<Record<string, Handler>>;
}

/** Wraps every call of a server's methods: it must call `next` for the handler's answer. */
export type Interceptor = (
  context: CallContext,
  next: () => Promise<Uint8Array>,
) => Promise<Uint8Array>;

/** A method on messages. */
export type Method<Q, R> = (request: Q, context: CallContext) => Init<R> | Promise<Init<R>>;

/** The methods of a service by name; those left out answer Unimplemented. */
export type Methods<S extends ServiceType> = {
  [M in keyof S["methods"]]?: S["methods"][M] extends MethodType<infer Q, infer R> ? Method<Q, R>
    : never;
};

/** The handler that decodes for `method` and encodes what it answers. */
export function unary<Q extends object, R extends object>(
  request: MessageType<Q>,
  response: MessageType<R>,
  method: Method<Q, R>,
): Handler {
  return async (payload, context) =>
    response.encode(await method(request.decode(payload), context));
}

/** The service of `type` with these methods. */
export function implement<S extends ServiceType>(type: S, methods: Methods<S>): Service {
  const handlers: Record<string, Handler> = {};
  for (const [name, { request, response }] of Object.entries(type.methods)) {
    const method = methods[name as keyof S["methods"]] as Method<object, object> | undefined;
    if (method !== undefined) {
      handlers[name] = unary(
        request,
        response,
        (message, context) => method.call(methods, message, context),
      );
    }
  }
  return { name: type.name, methods: handlers };
}

/** Services by name and method. */
export class Registry {
  readonly #services = new Map<string, ReadonlyMap<string, Handler>>();

  /** Throws AlreadyExists when two services have one name. */
  constructor(services: readonly Service[]) {
    for (const { name, methods } of services) {
      if (this.#services.has(name)) {
        throw new ShimError("AlreadyExists", `register service: ${name}`);
      }
      this.#services.set(name, new Map(Object.entries(methods)));
    }
  }

  /** The handler of a method. Throws Unimplemented, in the words of Go's ttRPC. */
  find(service: string, method: string): Handler {
    const methods = this.#services.get(service);
    if (methods === undefined) throw new ShimError("Unimplemented", `service ${service}`);
    const handler = methods.get(method);
    if (handler === undefined) throw new ShimError("Unimplemented", `method ${method}`);
    return handler;
  }
}
