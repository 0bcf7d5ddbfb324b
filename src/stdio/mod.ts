/** Standard streams of processes: FIFOs that containerd makes, files, or a logger. Whoever opens them is another. */

export type { LoggerOptions } from "./logger.ts";
export type { LoggerPlan } from "./logger_plan.ts";
export {
  monitorStreams,
  planStreams,
  type StdioPaths,
  streamOps,
  type StreamPaths,
  type StreamsPlan,
} from "./plan.ts";
export { openStreams, type Streams } from "./streams.ts";
