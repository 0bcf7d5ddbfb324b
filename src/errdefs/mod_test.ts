import assert from "node:assert/strict";
import { CODES, isKind, type Kind, kindOf, ShimError } from "./mod.ts";

Deno.test("kindOf() is the inverse of a kind's code", () => {
  for (const kind of Object.keys(CODES) as Kind[]) {
    assert.equal(kindOf(new ShimError(kind, "x").code), kind);
  }
});

Deno.test("kindOf() takes codes that gRPC does not name for Unknown", () => {
  for (const code of [0, -1, 17, 2 ** 31]) assert.equal(kindOf(code), "Unknown");
});

Deno.test("isKind() knows kinds only", () => {
  assert.equal(isKind("NotFound"), true);
  for (const name of ["notfound", "toString", ""]) assert.equal(isKind(name), false);
});

Deno.test("ShimError.from() leaves a ShimError alone", () => {
  const error = new ShimError("Aborted", "x");
  assert.equal(ShimError.from(error), error);
});

Deno.test("ShimError.from() is the cause, when cleaning up fails after it", () => {
  const error = new ShimError("Aborted", "x");
  const hidden = new SuppressedError(new Error("rmdir"), new SuppressedError(new Error(), error));
  assert.equal(ShimError.from(hidden), error);
});

Deno.test.each<[unknown, Kind, string]>([
  [new Deno.errors.NotFound("open x"), "NotFound", "open x"],
  [new Deno.errors.AlreadyExists("mkdir x"), "AlreadyExists", "mkdir x"],
  [new Deno.errors.PermissionDenied("open x"), "PermissionDenied", "open x"],
  [new TypeError("no"), "Internal", "no"],
  ["text", "Internal", "text"],
])("ShimError.from(%s) has the kind that its class implies", (value, kind, message) => {
  const error = ShimError.from(value);
  assert.deepEqual([error.kind, error.message, error.cause], [kind, message, value]);
});
