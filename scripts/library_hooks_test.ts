import assert from "node:assert/strict";
import { withoutHooks } from "./library_hooks.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

Deno.test("withoutHooks() replaces the names of files that load libraries, and keeps all places", () => {
  const loader = bytes("before\0/etc/ld.so.preload\0after");
  assert.equal(text(withoutHooks("ld.so", loader)), "before\0/proc/self/preload\0after");
  assert.match(text(loader), /preload/, "a copy");
  const library = bytes("/etc/nsswitch.conf\0/etc/hosts\0");
  assert.equal(text(withoutHooks("libc.so.6", library)), "/proc/self/nss.cnf\0/etc/hosts\0");
  assert.equal(withoutHooks("libm.so.6", library), library);
});

Deno.test("withoutHooks() refuses a library that is not as expected", () => {
  assert.throws(() => withoutHooks("ld.so", bytes("/etc/ld.so.cache\0")), {
    message: "ld.so: names /etc/ld.so.preload 0 times, not once",
  });
  const twice = bytes("/etc/nsswitch.conf\0/etc/nsswitch.conf\0");
  assert.throws(() => withoutHooks("libc.so.6", twice), /2 times, not once$/);
});
