/**
 * The one error type of the shim, and the one table from its kinds to wire codes.
 *
 * Kinds are gRPC's canonical status codes, which ttRPC shares:
 * https://grpc.github.io/grpc/core/md_doc_statuscodes.html
 */

/** Wire code of every kind. */
export const CODES = {
  Canceled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
} as const;

export type Kind = keyof typeof CODES;

const KINDS: ReadonlyMap<number, Kind> = new Map(
  Object.entries(CODES).map(([kind, code]) => [code, kind as Kind]),
);

/** Whether `name` is the name of a kind. */
export function isKind(name: string): name is Kind {
  return Object.hasOwn(CODES, name);
}

/** The kind of a wire code; codes that gRPC does not name are Unknown. */
export function kindOf(code: number): Kind {
  return KINDS.get(code) ?? "Unknown";
}

/** An error that can travel over the wire. The message says the action, a colon, then the value seen. */
export class ShimError extends Error {
  override name = "ShimError";

  constructor(readonly kind: Kind, message: string, options?: { cause?: unknown }) {
    super(message, options);
  }

  /** The wire code of this error's kind. */
  get code(): number {
    return CODES[this.kind];
  }

  /**
   * `error` itself when it is a ShimError, else one that wraps it, with the kind its class implies. Of an error that is
   * hidden by one of cleaning up after it, that.
   */
  static from(error: unknown): ShimError {
    if (error instanceof SuppressedError) return ShimError.from(error.suppressed);
    if (error instanceof ShimError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new ShimError(impliedKind(error), message, { cause: error });
  }
}

function impliedKind(error: unknown): Kind {
  if (error instanceof Deno.errors.NotFound) return "NotFound";
  if (error instanceof Deno.errors.AlreadyExists) return "AlreadyExists";
  if (error instanceof Deno.errors.PermissionDenied) return "PermissionDenied";
  return "Internal";
}
