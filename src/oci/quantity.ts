/** Sizes and durations as people write them in a configuration. */

const UNITS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ...["K", "M", "G", "T"].flatMap((letter, index): [string, number][] => [
    [`${letter}iB`, 1024 ** (index + 1)],
    [`${letter}i`, 1024 ** (index + 1)],
    [`${letter}B`, 1000 ** (index + 1)],
  ]),
  ["kB", 1000],
]);

/** What a size looks like, for messages. */
export const SIZE_FORM = "a size like 256MiB or 1GiB";
/** Bytes of `256MiB`, `256Mi`, `256MB` (decimal) or `268435456`; undefined when it is none, zero, or above 2^53. */
export function parseSize(text: string): number | undefined {
  const [, count, unit] = /^([0-9]+)([A-Za-z]*)$/.exec(text) ?? [];
  const bytes = Number(count) * (UNITS.get(unit) ?? NaN);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/** What a duration looks like, for messages. */
export const DURATION_FORM = "a duration in whole seconds like 30s or 1m30s";
const MAX_SECONDS = 2 ** 31;
/** Seconds of `30s`, `5m` or `1h30m`; undefined when it is none, zero, above 2^31, or less than whole seconds. */
export function parseDuration(text: string): number | undefined {
  const found = /^(?=.)(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?$/.exec(text);
  if (!found) return undefined;
  const [hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0));
  const sum = hours * 3600 + minutes * 60 + seconds;
  return sum > 0 && sum <= MAX_SECONDS ? sum : undefined;
}
