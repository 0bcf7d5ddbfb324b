/** Transpiles a component in a process of its own: from stdin to stdout. */

import { ANSWER } from "../engine/component/answer.ts";
import { transpile } from "../engine/component/transpile.ts";
import { pack } from "../engine/component/transpiled.ts";
import { ShimError } from "../errdefs/mod.ts";

/** @param path the component's, for messages */
export async function runTranspile(path: string): Promise<void> {
  const code = await new Response(Deno.stdin.readable).bytes();
  let answer: Uint8Array<ArrayBuffer>;
  try {
    answer = pack(await transpile(code, path));
    writeAll(Uint8Array.of(ANSWER.transpiled));
  } catch (error) {
    const { kind, message } = ShimError.from(error);
    answer = new TextEncoder().encode(`${kind}\0${message}`);
    writeAll(Uint8Array.of(ANSWER.failed));
  }
  writeAll(answer);
}

function writeAll(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
