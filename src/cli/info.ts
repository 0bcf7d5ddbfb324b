/** `-info`: print what this runtime is, for containerd 2.x. The runtime options on stdin change nothing of it. */

import { RuntimeInfo } from "../proto/mod.ts";
import type { Call } from "./args.ts";
import { VERSION } from "./version.ts";

export function runInfo(call: Call): void {
  const info = RuntimeInfo.encode({
    name: `io.containerd.${call.engine}.v1`,
    version: { version: VERSION },
  });
  for (let at = 0; at < info.length;) at += Deno.stdout.writeSync(info.subarray(at));
}
