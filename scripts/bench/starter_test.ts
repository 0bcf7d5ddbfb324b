import assert from "node:assert/strict";
import { addressIn } from "./starter.ts";

Deno.test.each([
  ["unix:///run/a.sock", "/run/a.sock"],
  ["unix:///run/a.sock\n", "/run/a.sock"],
  ['{"version":2,"address":"unix:///run/a.sock","protocol":"ttrpc"}', "/run/a.sock"],
  ["", undefined],
  ["failed to dial unix:///run/a.sock", undefined],
  ["unix://relative.sock", undefined],
])("addressIn(%j) is %j", (printed, address) => {
  assert.equal(addressIn(printed), address);
});
