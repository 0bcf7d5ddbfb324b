import assert from "node:assert/strict";
import { chart } from "./chart.ts";
import type { Report } from "./report.ts";

const REPORT: Report = {
  startedAt: "2001-02-03T04:05:06Z",
  seconds: 7,
  quick: false,
  machine: { cpu: "A&B", cores: "2", kernel: "6.1", containerd: "1.7", runc: "1.1" },
  sections: [{
    title: "Starts",
    columns: ["ms"],
    rows: [{ label: "x < y", values: [3] }, { label: "z", values: [6] }],
    claims: [
      { name: "held", value: 5, target: 10, unit: "ms" },
      { name: "missed", value: 2, target: 1, unit: "x" },
    ],
  }],
};

/** Width and color of each bar. */
function bars(svg: string): [number, string][] {
  const found = svg.matchAll(/<rect x="\d+" [^>]*width="([\d.]+)" [^>]*fill="(#\w+)"/g);
  return [...found].map(([, width, color]) => [Number(width), color]);
}

Deno.test("chart() draws claims as shares of their targets, then figures on a scale of their own", () => {
  const [[held, green], [missed, red], [x, blue], [z]] = bars(chart(REPORT, REPORT.sections));
  assert.equal(missed / held, 4);
  assert.equal(z / x, 2);
  assert.equal(z, missed);
  assert.equal(new Set([green, red, blue]).size, 3);
});

Deno.test("chart() escapes text", () => {
  const svg = chart(REPORT, REPORT.sections);
  assert.match(svg, />x &lt; y</);
  assert.match(svg, /2 x A&amp;B, Linux 6.1/);
});
