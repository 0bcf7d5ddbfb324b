import assert from "node:assert/strict";
import { Fields } from "./fields.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const texts = (values: Uint8Array[]) => values.map((value) => new TextDecoder().decode(value));

Deno.test("Fields keeps names as they are, and finds them in any case", () => {
  const fields = new Fields();
  for (const [name, value] of [["X-One", "1"], ["x-two", "2"], ["x-ONE", "3"]]) {
    assert.equal(fields.append(name, bytes(value)).tag, "ok");
  }
  assert.deepEqual(texts(fields.get("x-one")), ["1", "3"]);
  assert.ok(fields.has("X-TWO"));
  assert.deepEqual(fields.entries().map(([name]) => name), ["X-One", "x-two", "x-ONE"]);
  assert.equal(fields.set("X-one", [bytes("4")]).tag, "ok");
  assert.deepEqual(fields.pairs(), [["x-two", "2"], ["X-one", "4"]]);
  assert.equal(fields.delete("X-Two").tag, "ok");
  assert.deepEqual(texts(fields.get("x-two")), []);
});

Deno.test.each([
  ["", "a", "invalid-syntax"],
  ["a b", "a", "invalid-syntax"],
  ["é", "a", "invalid-syntax"],
  ["a:", "a", "invalid-syntax"],
  ["a", "a\r\nb: c", "invalid-syntax"],
  ["a", "\0", "invalid-syntax"],
  ["a", "\x7f", "invalid-syntax"],
  ["Host", "a", "forbidden"],
  ["connection", "a", "forbidden"],
  ["Transfer-Encoding", "chunked", "forbidden"],
  ["upgrade", "a", "forbidden"],
  ["keep-alive", "a", "forbidden"],
])("Fields refuses %j: %j as %s", (name, value, tag) => {
  const expected = { tag: "err", val: { tag } };
  const fields = new Fields();
  assert.deepEqual(fields.append(name, bytes(value)), expected);
  assert.deepEqual(fields.set(name, [bytes("a"), bytes(value)]), expected);
  assert.deepEqual(Fields.fromList([["b", bytes("b")], [name, bytes(value)]]), expected);
  assert.deepEqual(fields.entries(), []);
});

Deno.test("Fields takes bytes above 0x7f and tabs in values", () => {
  const fields = new Fields();
  const value = Uint8Array.of(0x61, 0x09, 0xff);
  assert.equal(fields.append("a", value).tag, "ok");
  assert.deepEqual(fields.pairs(), [["a", "a\t\xff"]]);
  assert.deepEqual(Fields.received(new Headers(fields.pairs())).get("a"), [value]);
});

Deno.test("Fields of a received message do not change, and show nothing of the connection", () => {
  const fields = Fields.received(new Headers({ host: "a", connection: "close", accept: "*/*" }));
  assert.deepEqual(fields.entries().map(([name]) => name), ["accept"]);
  const expected = { tag: "err", val: { tag: "immutable" } };
  assert.deepEqual(fields.append("a", bytes("b")), expected);
  assert.deepEqual(fields.set("accept", []), expected);
  assert.deepEqual(fields.delete("accept"), expected);
  const mine = fields.clone();
  assert.equal(mine.append("a", bytes("b")).tag, "ok");
  assert.equal(fields.has("a"), false);
});

Deno.test("Fields.contentLength() is a number or nothing", () => {
  const length = (value: string) => {
    const fields = new Fields();
    fields.append("Content-Length", bytes(value));
    return fields.contentLength();
  };
  assert.deepEqual(["5", "0", "-1", "x", ""].map(length), [5, 0, undefined, undefined, undefined]);
  assert.equal(new Fields().contentLength(), undefined);
});
