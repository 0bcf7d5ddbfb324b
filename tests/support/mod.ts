/**
 * Support of the tests that need a real containerd: private daemons of several versions, and the means
 * to see what they do and what they leave behind. Root only.
 */
export { assertCensus, type Census } from "./census.ts";
export { type CommandOptions, must, type Result, run, Running } from "./command.ts";
export {
  type CtrOptions,
  Daemon,
  type DaemonOptions,
  type Process,
  type Version,
} from "./daemon.ts";
export { type Event, Events } from "./events.ts";
export { DEADLINE_MS, sleep, waitFor, within } from "./wait.ts";
