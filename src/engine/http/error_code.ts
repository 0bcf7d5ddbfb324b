/** wasi:http's error codes, from what Deno and the kernel say. */

import { type Err, err } from "../component/host/result.ts";

/** The variant `error-code`. */
export interface ErrorCode {
  tag: string;
  val?: unknown;
}

/** errno(3) of streams of bodies. */
export const ERRNO = { EPIPE: 32, ECONNRESET: 104, ETIMEDOUT: 110 } as const;

const BY_ERRNO: Record<number, ErrorCode> = {
  [ERRNO.EPIPE]: { tag: "connection-terminated" },
  [ERRNO.ECONNRESET]: { tag: "connection-terminated" },
  [ERRNO.ETIMEDOUT]: { tag: "connection-read-timeout" },
};

/** undefined: not of a body's stream */
export function errnoCode(errno: number): ErrorCode | undefined {
  return BY_ERRNO[errno];
}

export function failed(tag: string, val?: unknown): Err<ErrorCode> {
  return err(val === undefined ? { tag } : { tag, val });
}

/** What hyper and the resolver say, in the order in which to look. fetch() has nothing but text. */
const BY_TEXT: [RegExp, ErrorCode][] = [
  [/connection refused/i, { tag: "connection-refused" }],
  [
    /dns error|failed to lookup address|no such host|name or service not known/i,
    { tag: "DNS-error", val: { rcode: undefined, infoCode: undefined } },
  ],
  [/certificate/i, { tag: "TLS-certificate-error" }],
  [/tls|handshake|InvalidContentType/i, { tag: "TLS-protocol-error" }],
  [/timed out|timeout/i, { tag: "connection-timeout" }],
  [/unreachable|no route/i, { tag: "destination-unavailable" }],
  [/reset by peer|broken pipe|closed before|IncompleteMessage/i, { tag: "connection-terminated" }],
  [/invalid HTTP|parse|protocol/i, { tag: "HTTP-protocol-error" }],
];

/** The code of an error of fetch() or of a connection. */
export function errorCode(error: unknown): ErrorCode {
  const texts: string[] = [];
  for (let cause = error; cause instanceof Error && texts.length < 8; cause = cause.cause) {
    if (cause instanceof Deno.errors.ConnectionRefused) return { tag: "connection-refused" };
    texts.push(cause.message);
  }
  const text = texts.join(": ") || String(error);
  return BY_TEXT.find(([pattern]) => pattern.test(text))?.[1] ??
    { tag: "internal-error", val: text };
}
