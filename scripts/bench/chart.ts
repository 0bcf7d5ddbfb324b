/** A plot of a report as SVG 1.1: panels of horizontal bars. */

import { type Claim, passes, quantity, type Report, type Section } from "./report.ts";

interface Bar {
  label: string;
  value: number;
  /** The value in words, right of all bars. */
  text: string;
  color: string;
}

interface Panel {
  title: string;
  bars: Bar[];
  /** Where to draw a line across, in the unit of the bars. */
  mark?: { value: number; text: string };
}

const WIDTH = 860;
const LEFT = 300; // where bars begin
const LONGEST = 400; // bar
const ROW = 26;
const HEADER = 64;
const PANEL_HEADER = 46;
const BLUE = "#3b6fb6";
const GREEN = "#2e8b57";
const RED = "#c0392b";

/** Claims as shares of their targets, then each section of `details`: its first column. */
export function chart(report: Report, details: readonly Section[]): string {
  const claims = report.sections.flatMap((section) => section.claims);
  const panels = [claimsPanel(claims), ...details.map(sectionPanel)];
  const parts: string[] = [];
  let top = HEADER;
  for (const panel of panels) {
    parts.push(panelSvg(panel, top));
    top += PANEL_HEADER + panel.bars.length * ROW;
  }
  const { cpu, cores, kernel, containerd, runc } = report.machine;
  const subtitle = `${report.startedAt.slice(0, 10)}, ${cores} x ${cpu}, Linux ${kernel}, ` +
    `containerd ${containerd}, runc ${runc}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top + 20}" ` +
    `font-family="DejaVu Sans, Arial, sans-serif" font-size="13" fill="#222">\n` +
    `<rect width="100%" height="100%" fill="#fff"/>\n` +
    text(20, 30, "denowasi: make bench", `font-size="18" font-weight="bold"`) +
    text(20, 50, subtitle, `fill="#666"`) +
    parts.join("") +
    "</svg>\n";
}

function claimsPanel(claims: readonly Claim[]): Panel {
  return {
    title: "Share of the target (shorter is better)",
    mark: { value: 1, text: "target" },
    bars: claims.map((claim) => ({
      label: claim.name,
      value: claim.value / claim.target,
      text: `${quantity(claim.value, claim.unit)} of ${quantity(claim.target, claim.unit)}`,
      color: passes(claim) ? GREEN : RED,
    })),
  };
}

function sectionPanel({ title, columns, rows }: Section): Panel {
  return {
    title: `${title}: ${columns[0]}`,
    bars: rows.map(({ label, values: [value] }) => ({
      label,
      value,
      text: value.toFixed(1),
      color: BLUE,
    })),
  };
}

function panelSvg({ title, bars, mark }: Panel, top: number): string {
  const scale = LONGEST / Math.max(mark?.value ?? 0, ...bars.map(({ value }) => value));
  const first = top + PANEL_HEADER - 10;
  const rows = bars.map(({ label, value, text: end, color }, i) => {
    const y = first + i * ROW;
    const length = Math.max(value * scale, 0);
    return text(LEFT - 10, y + 14, label, `text-anchor="end"`) +
      `<rect x="${LEFT}" y="${y}" width="${length.toFixed(1)}" height="${
        ROW - 7
      }" fill="${color}"/>\n` +
      text(LEFT + LONGEST + 10, y + 14, end);
  });
  const parts = [text(20, top + 24, title, `font-weight="bold"`), ...rows];
  if (mark) {
    const x = (LEFT + mark.value * scale).toFixed(1);
    parts.push(
      `<line x1="${x}" x2="${x}" y1="${first - 6}" y2="${first + bars.length * ROW - 2}" ` +
        `stroke="#222" stroke-dasharray="4 3"/>\n`,
      text(Number(x), first - 10, mark.text, `text-anchor="middle" fill="#666"`),
    );
  }
  return parts.join("");
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${escape(content)}</text>\n`;
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
