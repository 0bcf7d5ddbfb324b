/** The engines by name. */

import { ShimError } from "../errdefs/mod.ts";
import type { Engine, Host } from "./mod.ts";

/** Each loads its own part of the program. */
const ENGINES: Record<string, (host: Host) => Promise<Engine>> = {
  deno: async (host) => (await import("./deno.ts")).denoEngine(host),
  wasmer: async (host) => await (await import("./wasmer/mod.ts")).wasmerEngine(host),
};

/** Load the engine that `containerd-shim-NAME-v1` chooses. @throws ShimError InvalidArgument: there is none */
export async function loadEngine(name: string, host: Host): Promise<Engine> {
  if (Object.hasOwn(ENGINES, name)) return await ENGINES[name](host);
  const known = Object.keys(ENGINES).join(", ");
  throw new ShimError("InvalidArgument", `engine: ${name}: not known: known are ${known}`);
}
