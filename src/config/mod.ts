/**
 * The optional configuration file, TOML 1.0 (https://toml.io/en/v1.0.0):
 *
 *     grouping = "sandbox"  # a supervisor for each pod, or "node": one for the whole containerd namespace
 *     idle_seconds = 60     # how long a supervisor of "node" waits for another container before it ends
 */

import { ShimError } from "../errdefs/mod.ts";
import type { Grouping } from "../oci/group.ts";

export const CONFIG_PATH = "/etc/denowasi/config.toml";

export interface Config {
  grouping: Grouping;
  /** 0 to 86400. */
  idleSeconds: number;
}

export const DEFAULT_CONFIG: Readonly<Config> = { grouping: "sandbox", idleSeconds: 60 };

const MAX_IDLE_SECONDS = 86_400;

/**
 * The configuration in the file `path`; the defaults when there is none.
 * @throws ShimError InvalidArgument: not TOML, or a key or value that is not known; FailedPrecondition: not readable.
 */
export async function loadConfig(path: string = CONFIG_PATH): Promise<Config> {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return { ...DEFAULT_CONFIG };
    throw new ShimError("FailedPrecondition", `read configuration: ${path}: ${cause}`, { cause });
  }
  const { parse } = await import("@std/toml"); // only here: a start without a file does not pay for it
  let values: Record<string, unknown>;
  try {
    values = parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ShimError("InvalidArgument", `parse ${path}: ${reason}`, { cause });
  }
  return checkConfig(values, path);
}

/** `values` over the defaults. `path` is for errors. @throws ShimError InvalidArgument */
export function checkConfig(values: Record<string, unknown>, path: string): Config {
  const config: Config = { ...DEFAULT_CONFIG };
  for (const [key, value] of Object.entries(values)) {
    const invalid = (reason: string) =>
      new ShimError("InvalidArgument", `${path}: ${key} = ${JSON.stringify(value)}: ${reason}`);
    switch (key) {
      case "grouping":
        if (value !== "sandbox" && value !== "node") throw invalid('not "sandbox" or "node"');
        config.grouping = value;
        break;
      case "idle_seconds":
        if (!Number.isInteger(value) || Number(value) < 0 || Number(value) > MAX_IDLE_SECONDS) {
          throw invalid(`not an integer from 0 to ${MAX_IDLE_SECONDS}`);
        }
        config.idleSeconds = Number(value);
        break;
      default:
        throw invalid("not a key of the configuration");
    }
  }
  return config;
}
