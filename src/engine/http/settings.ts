/** How a component is served, as the container's environment says. */

import { ShimError } from "../../errdefs/mod.ts";

export interface HttpSettings {
  hostname: string;
  port: number;
  /** Of listen(2). */
  backlog: number;
  /** Whether an instance serves one request after the other, or only one. */
  reuse: boolean;
}

/** Our own names first, then those of runwasi's shim for wasmtime. */
const NAMES = {
  address: ["DENOWASI_HTTP_SOCKET_ADDR", "WASMTIME_HTTP_PROXY_SOCKET_ADDR"],
  backlog: ["DENOWASI_HTTP_BACKLOG", "WASMTIME_HTTP_PROXY_BACKLOG"],
  instances: ["DENOWASI_HTTP_INSTANCES"],
} as const;

const DEFAULTS: HttpSettings = { hostname: "0.0.0.0", port: 8080, backlog: 100, reuse: false };
const MOST_BACKLOG = 2 ** 31 - 1;

/** @param env of the container: `NAME=value` each. @throws ShimError InvalidArgument: a value is not valid */
export function httpSettings(env: readonly string[]): HttpSettings {
  const settings = { ...DEFAULTS };
  const address = find(env, NAMES.address);
  if (address) Object.assign(settings, parseAddress(address));
  const backlog = find(env, NAMES.backlog);
  if (backlog) {
    const value = /^\d{1,10}$/.test(backlog.value) ? Number(backlog.value) : 0;
    if (value < 1 || value > MOST_BACKLOG) throw refuse(backlog, `not 1 to ${MOST_BACKLOG}`);
    settings.backlog = value;
  }
  const instances = find(env, NAMES.instances);
  if (instances) {
    if (!/^(request|shared)$/.test(instances.value)) {
      throw refuse(instances, "not request or shared");
    }
    settings.reuse = instances.value === "shared";
  }
  return settings;
}

interface Variable {
  name: string;
  value: string;
}

/** The first of `names` that is there, of several the last. */
function find(env: readonly string[], names: readonly string[]): Variable | undefined {
  for (const name of names) {
    const variable = env.findLast((variable) => variable.startsWith(`${name}=`));
    if (variable !== undefined) return { name, value: variable.slice(name.length + 1) };
  }
  return undefined;
}

/** `ADDRESS:PORT`, `[ADDRESS]:PORT`: addresses alone, since a name may be several. */
function parseAddress(variable: Variable): Pick<HttpSettings, "hostname" | "port"> {
  const [, v6, v4, port] = /^(?:\[([0-9a-fA-F:.]+)\]|(\d+\.\d+\.\d+\.\d+)):(\d{1,5})$/.exec(
    variable.value,
  ) ?? [];
  const valid = v4 ? v4.split(".").every((part) => Number(part) < 256) : v6?.includes(":");
  if (!valid || Number(port) > 65535) throw refuse(variable, "not ADDRESS:PORT");
  return { hostname: v4 ?? v6, port: Number(port) };
}

function refuse({ name, value }: Variable, reason: string): ShimError {
  return new ShimError("InvalidArgument", `${name}: ${JSON.stringify(value)}: ${reason}`);
}
