/** Sockets that a Wasm container finds listening. WASI preview 1 accepts connections and cannot listen itself. */

import { ShimError } from "../errdefs/mod.ts";
import type { Op } from "../linux/plan.ts";

/** Addresses with commas between them, each `tcp://ADDR:PORT`. */
export const LISTEN_ANNOTATION = "io.denowasi.listen";

export interface TcpAddress {
  /** Numeric, of IPv4 or IPv6. */
  address: string;
  port: number;
}

/** What an address looks like, for messages. */
export const TCP_FORM = "ADDR:PORT with a numeric address, of IPv6 in brackets";

/** Above what the plan, the monitor and the engine use before the guest has them. */
const FIRST_LISTENER = 64;
const MAX_LISTENERS = 16;

/** `127.0.0.1:80`, `[::1]:80`; undefined when it is none. Whether the address exists shows when it is bound. */
export function parseTcpAddress(text: string): TcpAddress | undefined {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  return found && port <= 65535 ? { address: found[1] ?? found[2], port } : undefined;
}

/** @throws ShimError InvalidArgument: the annotation is not a list of addresses, or a long one */
export function parseListeners(annotations: Readonly<Record<string, string>>): TcpAddress[] {
  const text = annotations[LISTEN_ANNOTATION];
  if (text === undefined) return [];
  const invalid = (shown: string, reason: string) =>
    new ShimError(
      "InvalidArgument",
      `annotations.${LISTEN_ANNOTATION}: ${JSON.stringify(shown)}: ${reason}`,
    );
  const parts = text.split(",").map((part) => part.trim());
  if (parts.length > MAX_LISTENERS) throw invalid(text, `more than ${MAX_LISTENERS} addresses`);
  return parts.map((part) => {
    const parsed = part.startsWith("tcp://")
      ? parseTcpAddress(part.slice("tcp://".length))
      : undefined;
    if (!parsed) throw invalid(part, `not tcp://${TCP_FORM}`);
    return parsed;
  });
}

/** The descriptors of `listeners` in the process, in their order. */
export function listenerDescriptors(listeners: readonly TcpAddress[]): number[] {
  return listeners.map((_, index) => FIRST_LISTENER + index);
}

/**
 * Listening as the container's own process would: in its network namespace, with its user and capabilities, so that a
 * port below 1024 needs what it always does.
 */
export function listenOps(listeners: readonly TcpAddress[]): Op[] {
  return listeners.map(({ address, port }, index) => ({
    ...{ op: "listen", address, port, fd: FIRST_LISTENER + index },
  }));
}
