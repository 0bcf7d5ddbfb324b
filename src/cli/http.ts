/** Action `http`: serves the program that was handed over, in its sandbox. */

import { limitMemories } from "../engine/memory_limit.ts";
import { httpService } from "../engine/http/mod.ts";
import type { Guest } from "../engine/mod.ts";
import { check, openServedNative } from "../linux/native.ts";
import { openSystem } from "../linux/system.ts";
import { MessageReader } from "../linux/wire.ts";
import { interrupted } from "./interrupted.ts";

/** The descriptor that `handed` names: linux/native/zygote.h. */
const HANDED = 4;

/**
 * @param runtime folder of the runtime
 * @param handed path of what the zygote has handed over: guest, filter, limit of memory and code
 */
export async function runHttp(runtime: string, handed: string): Promise<void> {
  const message = new MessageReader(Deno.readFileSync(handed));
  const guest = JSON.parse(message.string()) as Guest;
  const filter = message.bytes();
  const memoryLimit = Number(message.string());
  const code = message.bytes() as Uint8Array<ArrayBuffer>;
  const library = `${runtime}/libdenowasi.so`;
  const native = openServedNative(library);
  const system = openSystem(library);
  system.close(HANDED);
  const ended = interrupted(native);
  // From here on nothing is exec'd: only now is the program looked at.
  check(native.dw_served_lock(new Uint8Array(filter), BigInt(filter.length)), "seccomp");
  const encoder = new TextEncoder();
  const path = guest.args[0] ?? "";
  await httpService(system, path).serve(
    memoryLimit === 0 ? code : limitMemories(code, memoryLimit, path),
    guest,
    ended,
    (line) => Deno.stderr.writeSync(encoder.encode(`${line}\n`)),
  );
}
