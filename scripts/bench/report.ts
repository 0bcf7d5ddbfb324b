/** What the benchmark says: claims against targets, tables of figures, and where it ran. */

/** A figure with a target: at most that. */
export interface Claim {
  name: string;
  value: number;
  target: number;
  /** "x" is a ratio. */
  unit: "x" | "ms" | "MB";
}

/** A table of figures, for information. */
export interface Section {
  title: string;
  /** Names of the figures of a row, with their unit where the title does not say it. */
  columns: readonly string[];
  rows: { label: string; values: readonly number[] }[];
  /** The part of the claims that these figures support. */
  claims: Claim[];
}

/** Name and value, such as "kernel" and "6.1.0". */
export type Facts = Record<string, string>;

export interface Report {
  startedAt: string;
  seconds: number;
  quick: boolean;
  machine: Facts;
  sections: Section[];
}

export function passes({ value, target }: Claim): boolean {
  return value <= target;
}

/** A figure with its unit, such as "0.93x", "12.4 ms". */
export function quantity(value: number, unit: Claim["unit"]): string {
  return unit === "x" ? `${value.toFixed(2)}x` : `${value.toFixed(1)} ${unit}`;
}

/** A section as lines of aligned columns. */
export function sectionText({ title, columns, rows }: Section): string {
  const cells = rows.map(({ values }) => values.map(figure));
  const widths = columns.map((name, i) =>
    Math.max(name.length, ...cells.map((row) => row[i].length)) + 2
  );
  const labelWidth = Math.max(title.length, ...rows.map(({ label }) => label.length + 2));
  const line = (label: string, values: readonly string[]) =>
    label.padEnd(labelWidth) + values.map((value, i) => value.padStart(widths[i])).join("");
  return [
    line(title, columns),
    ...rows.map(({ label }, i) => line(`  ${label}`, cells[i])),
  ].join("\n");
}

/** The claims as lines: name, value, target, pass or MISS. */
export function claimsText(claims: readonly Claim[]): string {
  const width = Math.max(...claims.map(({ name }) => name.length)) + 2;
  return claims.map((claim) =>
    claim.name.padEnd(width) +
    quantity(claim.value, claim.unit).padStart(9) +
    `  target ${quantity(claim.target, claim.unit)}`.padEnd(20) +
    (passes(claim) ? "pass" : "MISS")
  ).join("\n");
}

/** Facts as lines. */
export function factsText(facts: Facts): string {
  const width = Math.max(...Object.keys(facts).map((name) => name.length)) + 2;
  return Object.entries(facts).map(([name, value]) => name.padEnd(width) + value).join("\n");
}

/** The whole report as the text of bench.json, in which claims say whether they hold. */
export function reportJson({ sections, ...report }: Report): string {
  const claims = sections.flatMap((section) => section.claims)
    .map((claim) => ({ ...claim, pass: passes(claim) }));
  const tables = sections.map(({ title, columns, rows }) => ({ title, columns, rows }));
  return JSON.stringify({ ...report, claims, tables }, null, 2) + "\n";
}

/** Three significant digits at least, for columns. */
function figure(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}
