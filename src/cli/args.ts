/** The canonical argument list that the launcher hands over: see "The launcher" in docs/architecture.md. */

import { ShimError } from "../errdefs/mod.ts";

/** One call of the shim by containerd. */
export interface Call {
  namespace: string;
  /** Path of containerd's gRPC socket. */
  address: string;
  publishBinary: string;
  id: string;
  bundle: string;
  debug: boolean;
  /** The engine that the shim was called by. */
  engine: string;
  /** The unpacked archive. */
  runtime: string;
  /** Whether the launcher has started a zygote, which waits for the control socket's path. */
  zygote: boolean;
}

const KEYS = [
  "namespace",
  "address",
  "publish-binary",
  "id",
  "bundle",
  "debug",
  "engine",
  "runtime",
] as const;

/** @throws ShimError Internal: the launcher and this program are not of one build. */
export function parseCall(args: readonly string[]): Call {
  const values = new Map(args.map((arg) => {
    const at = arg.indexOf("=");
    return [arg.slice(0, at), arg.slice(at + 1)];
  }));
  const value = (key: typeof KEYS[number]): string => {
    const found = values.get(key);
    if (found === undefined) throw new ShimError("Internal", `read the arguments: no ${key}=`);
    return found;
  };
  return {
    namespace: value("namespace"),
    address: value("address"),
    publishBinary: value("publish-binary"),
    id: value("id"),
    bundle: value("bundle"),
    debug: value("debug") === "1",
    engine: value("engine"),
    runtime: value("runtime"),
    zygote: values.get("zygote") === "1",
  };
}
