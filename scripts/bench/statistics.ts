/** Figures of repeated measurements. */

/** Columns of a table of measurements: what `summary` answers. */
export const SUMMARY_COLUMNS = ["median", "min", "p90"] as const;

/**
 * The value below which the share `p` (0 to 1) of `samples` lies, interpolated between the two nearest.
 * @throws RangeError without samples
 */
export function percentile(samples: readonly number[], p: number): number {
  if (samples.length === 0) throw new RangeError("percentile: no samples");
  const sorted = samples.toSorted((a, b) => a - b);
  const position = p * (sorted.length - 1);
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  return below + (above - below) * (position - Math.floor(position));
}

/** @throws RangeError without samples */
export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** Median, minimum and 90th percentile. @throws RangeError without samples */
export function summary(samples: readonly number[]): number[] {
  return [median(samples), percentile(samples, 0), percentile(samples, 0.9)];
}
