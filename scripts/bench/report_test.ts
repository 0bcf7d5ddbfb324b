import assert from "node:assert/strict";
import { type Claim, claimsText, passes, reportJson, sectionText } from "./report.ts";

const HELD: Claim = { name: "ratio", value: 1, target: 1, unit: "x" };
const MISSED: Claim = { name: "start", value: 15.04, target: 15, unit: "ms" };
const SECTION = {
  title: "Starts, ms",
  columns: ["median", "min"],
  rows: [{ label: "deno.v1", values: [123.456, 9.999] }],
  claims: [HELD, MISSED],
};

Deno.test("passes() takes the target itself, and nothing above it however it is printed", () => {
  assert.equal(passes(HELD), true);
  assert.equal(passes(MISSED), false);
});

Deno.test("sectionText() aligns figures below their names", () => {
  assert.equal(
    sectionText(SECTION),
    "Starts, ms  median    min\n" +
      "  deno.v1    123.5  10.00",
  );
});

Deno.test("claimsText() says which claims hold", () => {
  assert.equal(
    claimsText(SECTION.claims),
    "ratio      1.00x  target 1.00x      pass\n" +
      "start    15.0 ms  target 15.0 ms    MISS",
  );
});

Deno.test("reportJson() holds every claim and table", () => {
  const report = JSON.parse(reportJson({
    startedAt: "2001-02-03T04:05:06Z",
    seconds: 7,
    quick: false,
    machine: { kernel: "6.1.0" },
    sections: [SECTION],
  }));
  assert.deepEqual(report.claims, [{ ...HELD, pass: true }, { ...MISSED, pass: false }]);
  const { claims: _, ...table } = SECTION;
  assert.deepEqual(report.tables, [table]);
  assert.deepEqual(report.machine, { kernel: "6.1.0" });
});
