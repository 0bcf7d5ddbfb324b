/**
 * OCI runtimes, by the command line of runc, which crun and youki share: which one, with which options, its commands and its
 * errors. Proven on crun 1.8 and runc 1.1.
 */

export type { CreateArguments, ExecArguments, RuntimeIdentity } from "./commands.ts";
export { findRuntime } from "./find.ts";
export { failure, readLog } from "./log.ts";
export {
  type AnyOptions,
  DEFAULT_OPTIONS,
  isRuntimeOptions,
  parseRuntimeOptions,
  type RuntimeOptions,
} from "./options.ts";
export { type CallOptions, OciRuntime } from "./runtime.ts";
export { configFor } from "./version.ts";
