import { ShimError } from "./mod.ts";

/** `cause` as `action: reason`: the system's reason. Deno says it before the name of what it has tried, if it says that. */
export function reasoned(action: string, cause: unknown): ShimError {
  const { kind, message } = ShimError.from(cause);
  const reason = /^(.*?) \(os error \d+\)/.exec(message)?.[1] ?? message;
  return new ShimError(kind, `${action}: ${reason.toLowerCase()}`, { cause });
}
