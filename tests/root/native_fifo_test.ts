/** FIFOs of the shim's own, through the binding. */

import assert from "node:assert/strict";
import { compileHelper } from "../../scripts/native.ts";
import { cString, openSupervisorNative } from "../../src/linux/native.ts";
import { ERRNO, folder } from "./support.ts";

await compileHelper(`${folder}/libdenowasi.so`);
const native = openSupervisorNative(`${folder}/libdenowasi.so`);

const make = (path: string, mode: number) => native.dw_mkfifo(cString(path), mode);

Deno.test("dw_mkfifo() makes a FIFO of that mode", () => {
  const path = `${folder}/é fifo`;
  assert.equal(make(path, 0o600), 0);
  const info = Deno.lstatSync(path);
  assert.ok(info.isFifo);
  assert.equal(info.mode! & 0o7777, 0o600);
});

Deno.test("dw_mkfifo() replaces nothing, and says why it cannot", () => {
  const path = `${folder}/there`;
  Deno.writeTextFileSync(path, "text");
  assert.equal(make(path, 0o600), ERRNO.EEXIST);
  assert.equal(Deno.readTextFileSync(path), "text");
  Deno.symlinkSync("/nowhere", `${folder}/link`);
  assert.equal(make(`${folder}/link`, 0o600), ERRNO.EEXIST);
  assert.equal(make(`${folder}/none/fifo`, 0o600), ERRNO.ENOENT);
  assert.equal(make(`${path}/fifo`, 0o600), ERRNO.ENOTDIR);
});
