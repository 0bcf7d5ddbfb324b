/** A `binary://` logger, as containerd has it: a process that reads a container's output. */

import { invalid, uriPath } from "./uri.ts";

export interface LoggerPlan {
  /** Where it comes from, for errors. */
  uri: string;
  /** Its executable and arguments. */
  command: string[];
  /** All of its variables but PATH. */
  env: Record<string, string>;
}

/**
 * `binary://PATH?KEY=VALUE&...`: the arguments are each key and its first value, in the order of the URI.
 * @throws ShimError InvalidArgument
 */
export function planLogger(uri: string, container: { namespace: string; id: string }): LoggerPlan {
  const path = uriPath("stdout", uri);
  const query = new URL(uri).searchParams;
  const args = [...new Set(query.keys())].flatMap((key) => [key, query.get(key) ?? ""]);
  if (args.some((arg) => arg.includes("\0"))) throw invalid("stdout", uri, "has a NUL");
  return {
    uri,
    command: [path, ...args],
    env: { CONTAINER_ID: container.id, CONTAINER_NAMESPACE: container.namespace },
  };
}
