/** The metrics of a task, as Stats answers them. */

import type { CgroupMetrics } from "../cgroups/mod.ts";

/**
 * A google.protobuf.Any of io.containerd.cgroups.v1.Metrics or v2.Metrics. Their code is large, and loaded when it is first
 * needed.
 */
export async function encodeStats(
  stats: CgroupMetrics,
): Promise<{ typeUrl: string; value: Uint8Array }> {
  if (stats.version === 1) {
    const { Metrics } = await import("../proto/cgroups_v1.ts");
    return { typeUrl: Metrics.name, value: Metrics.encode(stats.metrics) };
  }
  const { Metrics } = await import("../proto/cgroups_v2.ts");
  return { typeUrl: Metrics.name, value: Metrics.encode(stats.metrics) };
}
