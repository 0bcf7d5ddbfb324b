/** config.json of a container that an OCI runtime runs: the little that the shim itself must know. */

import { Field } from "./field.ts";

export interface ProcessOutline {
  args: string[];
  cwd: string;
  env: string[];
  terminal: boolean;
}

export interface Outline {
  /** Without arguments when config.json has no process, which the specification allows. */
  process: ProcessOutline;
  /** `path` is as written: absolute, or relative to the bundle. */
  root: { path: string };
  annotations: Record<string, string>;
  /** As written; empty: none. */
  cgroupsPath: string;
  /** Whether its pid namespace is new, so that all its processes end with the first. */
  ownPidNamespace: boolean;
}

/**
 * Unlike `parseSpec` it lets through what it does not know: that is for the runtime to honour or refuse.
 * @throws ShimError InvalidArgument: not JSON, or one of these fields with a value that it cannot have.
 */
export function outline(text: string): Outline {
  const spec = Field.parse(text, "config.json");
  const linux = spec.at("linux");
  const annotations = spec.at("annotations").members();
  return {
    process: processOutline(spec.at("process")),
    root: { path: spec.at("root").at("path").string() },
    annotations: Object.fromEntries(annotations.map(([key, value]) => [key, value.string()])),
    cgroupsPath: linux.at("cgroupsPath").string(""),
    ownPidNamespace: linux.at("namespaces").items().some((item) =>
      item.at("type").string() === "pid" && item.at("path").string("") === ""
    ),
  };
}

/** As `outline`, of an exec's process, which must have arguments. */
export function parseProcessOutline(text: string): ProcessOutline {
  const process = Field.parse(text, "exec spec");
  if (process.at("args").items().length === 0) throw process.at("args").error("empty");
  return processOutline(process);
}

function processOutline(process: Field): ProcessOutline {
  return {
    args: process.at("args").strings(),
    cwd: process.at("cwd").string("/"),
    env: process.at("env").strings(),
    terminal: process.at("terminal").boolean(),
  };
}
