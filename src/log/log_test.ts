import assert from "node:assert/strict";
import { formatRecord, formatValue } from "./format.ts";
import { configureLog, getLogger } from "./mod.ts";
import { Sink } from "./sink.ts";

const decoder = new TextDecoder();

Deno.test.each<[string, string]>([
  ["", ""],
  ["plain-1.2_3/@^+", "plain-1.2_3/@^+"],
  ["two words", '"two words"'],
  ["a=b", '"a=b"'],
  ['say "hi"\\', '"say \\"hi\\"\\\\"'],
  ["\x07\b\f\n\r\t\v\0\x7f", '"\\a\\b\\f\\n\\r\\t\\v\\x00\\x7f"'],
  ["übung 😀", '"übung 😀"'],
  ["a\u00a0b\u200b", '"a\\u00a0b\\u200b"'],
  ["\u{e0001}", '"\\U000e0001"'],
  ["\ud800", '"\ufffd"'],
])("formatValue() of %j is Go's", (value, expected) => {
  assert.equal(formatValue(value), expected);
});

Deno.test("formatRecord() sorts fields, leaves undefined out and unfolds causes", () => {
  const error = new Error("start: no", { cause: new Error("fork: EAGAIN") });
  assert.equal(
    formatRecord("2026-01-02T15:04:05.000000000Z", "warning", "task failed", {
      pid: 42,
      id: "web",
      gone: undefined,
      error,
      ns: 5n,
      list: [1, "a"],
    }),
    'time="2026-01-02T15:04:05.000000000Z" level=warning msg="task failed" ' +
      'error="start: no: fork: EAGAIN" id=web list="[1,\\"a\\"]" ns=5 pid=42',
  );
});

Deno.test("getLogger() writes records with common, own and given fields", () => {
  const lines: string[] = [];
  const writeSync = (bytes: Uint8Array) => {
    lines.push(decoder.decode(bytes));
    return bytes.length;
  };
  const log = getLogger(["denowasi", "task"]).with({ id: "web" });
  configureLog({ debug: false, fields: { pod: "p1" }, writeSync });
  log.debug("not shown");
  log.info("started", { pid: 7 });
  configureLog({ debug: true, writeSync });
  log.debug("shown");
  assert.equal(lines.length, 2);
  assert.match(
    lines[0],
    /^time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z" level=info msg=started id=web logger=denowasi\.task pid=7 pod=p1\n$/,
  );
  assert.match(lines[1], /level=debug msg=shown id=web logger=denowasi\.task\n$/);
});

/** A pipe of `room` bytes. */
class Pipe {
  text = "";
  constructor(public room: number) {}
  writeSync = (bytes: Uint8Array): number => {
    if (this.room === 0) throw new Deno.errors.WouldBlock("EAGAIN");
    const count = Math.min(this.room, bytes.length);
    this.room -= count;
    this.text += decoder.decode(bytes.subarray(0, count));
    return count;
  };
}

Deno.test("Sink drops what does not fit and reports the count with the next record", () => {
  const pipe = new Pipe(2);
  const sink = new Sink(pipe.writeSync);
  for (const line of ["a", "b", "c"]) sink.write(line);
  assert.equal(pipe.text, "a\n");
  pipe.room = 100;
  sink.write("d");
  sink.write("e");
  assert.equal(pipe.text, "a\nd dropped=2\ne\n");
});

Deno.test("Sink completes a partial line before the next", () => {
  const pipe = new Pipe(3);
  const sink = new Sink(pipe.writeSync);
  sink.write("first");
  sink.write("second");
  assert.equal(pipe.text, "fir");
  pipe.room = 2;
  sink.write("third");
  assert.equal(pipe.text, "first");
  pipe.room = 100;
  sink.write("fourth");
  assert.equal(pipe.text, "first\nfourth dropped=2\n");
});
