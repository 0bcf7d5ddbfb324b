import assert from "node:assert/strict";
import { containerPreopens } from "./preopens.ts";

Deno.test("containerPreopens() has the root last, where absolute paths are looked up", () => {
  assert.deepEqual(containerPreopens("/"), [{ guest: "/", host: "/" }]);
  assert.deepEqual(containerPreopens("/data"), [
    { guest: ".", host: "/data" },
    { guest: "/", host: "/" },
  ]);
});
