/** Rules for devices as files of cgroup v1: https://docs.kernel.org/admin-guide/cgroup-v1/devices.html */

import type { DeviceRule } from "../oci/mod.ts";
import type { Limit } from "./files.ts";

/** What runc allows every container, after its own rules: to make nodes, and to open those that every /dev has. */
const ALWAYS_ALLOWED = [
  ...["c *:* m", "b *:* m"],
  ...["c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm"],
  ...["c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"],
];

const ALL = "a *:* rwm";

/** The writes that apply `rules` to a new cgroup, which lets through all that its parent does. */
export function deviceLimits(rules: readonly DeviceRule[]): Limit[] {
  const own = rules.flatMap((rule) => ruleTexts(rule).map((text) => write(rule.allow, text)));
  const always = ALWAYS_ALLOWED.map((text) => write(true, text));
  return [...(own[0]?.value === ALL ? [] : [write(false, ALL)]), ...own, ...always];
}

function write(allow: boolean, value: string): Limit {
  const file = allow ? "devices.allow" : "devices.deny";
  return { field: "linux.resources.devices", file, value };
}

/** To the kernel "a" means every access to every device, so anything less is said of both types. */
function ruleTexts({ type, major, minor, access }: DeviceRule): string[] {
  const number = (value: number) => value < 0 ? "*" : value;
  if (type !== "a") return [`${type} ${number(major)}:${number(minor)} ${access}`];
  const everything = major < 0 && minor < 0 && ["r", "w", "m"].every((way) => access.includes(way));
  if (everything) return [ALL];
  return ["c", "b"].map((type) => `${type} ${number(major)}:${number(minor)} ${access}`);
}
