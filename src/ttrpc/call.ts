/** One call that a server handles, from its request to its one answer. */

import { ShimError } from "../errdefs/mod.ts";
import type { ttrpc } from "../proto/mod.ts";
import type { CallContext, Interceptor, Registry } from "./service.ts";

/** setTimeout fires at once beyond this; a deadline that is weeks away is none. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Calls the method that `request` names and answers the bytes of its message. Rejects with a
 * ShimError: the method's, or the reason of `controller` once that aborts, as it does at the request's
 * deadline. The method may then go on by itself; what it answers is dropped.
 */
export async function call(
  registry: Registry,
  intercept: Interceptor,
  request: ttrpc.Request,
  controller: AbortController,
): Promise<Uint8Array> {
  const { signal } = controller;
  const timer = startDeadline(controller, request.timeoutNano);
  try {
    const handler = registry.find(request.service, request.method);
    signal.throwIfAborted();
    const context: CallContext = {
      service: request.service,
      method: request.method,
      metadata: readMetadata(request.metadata),
      signal,
    };
    const run = async () =>
      await intercept(context, async () => await handler(request.payload, context));
    return await Promise.race([run(), rejectOnAbort(signal)]);
  } catch (error) {
    throw ShimError.from(error);
  } finally {
    clearTimeout(timer);
  }
}

type Timer = ReturnType<typeof setTimeout>;

/** Aborts `controller` in `timeoutNs`; 0 is never. Answers the timer. */
function startDeadline(controller: AbortController, timeoutNs: bigint): Timer | undefined {
  if (timeoutNs === 0n) return undefined;
  const timeoutMs = Number(timeoutNs) / 1e6;
  if (timeoutMs > MAX_TIMER_MS) return undefined;
  const error = new ShimError("DeadlineExceeded", "context deadline exceeded");
  if (timeoutMs > 0) return setTimeout(() => controller.abort(error), timeoutMs);
  controller.abort(error);
  return undefined;
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function readMetadata(pairs: readonly ttrpc.KeyValue[]): Map<string, string> {
  const metadata = new Map<string, string>();
  for (const { key, value } of pairs) {
    const name = key.toLowerCase();
    if (!metadata.has(name)) metadata.set(name, value);
  }
  return metadata;
}
