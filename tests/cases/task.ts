/** All cases of tasks of native containers, as sets: what each e2e test of this shim runs, and the suite's own test on runc's. */

import type { CaseSets } from "../support/cases.ts";
import { EXEC_CASES } from "./task_exec.ts";
import { LOGGER_CASES } from "./task_loggers.ts";
import { PAUSE_CASES } from "./task_pause.ts";
import { RESOURCES_CASES } from "./task_resources.ts";
import { RESTART_CASES } from "./task_restart.ts";
import { RUN_CASES, STDIN_CASES } from "./task_run.ts";
import { SERVICE_CASES } from "./task_service.ts";
import {
  EXEC_TERMINAL_CASES,
  RUN_TERMINAL_CASES,
  TERMINAL_SERVICE_CASES,
} from "./task_terminal.ts";

export const TASK_SETS: CaseSets = {
  run: { cases: RUN_CASES },
  stdin: { cases: STDIN_CASES, not: ["1.6"] },
  pause: { cases: PAUSE_CASES },
  resources: { cases: RESOURCES_CASES },
  restart: { cases: RESTART_CASES },
  "service, by ttRPC": { cases: SERVICE_CASES },
};

export const EXEC_SETS: CaseSets = { exec: { cases: EXEC_CASES } };

export const TERMINAL_SETS: CaseSets = {
  "run at a terminal": { cases: RUN_TERMINAL_CASES },
  "exec at a terminal": { cases: EXEC_TERMINAL_CASES },
  "terminals, by ttRPC": { cases: TERMINAL_SERVICE_CASES },
};

export const LOGGER_SETS: CaseSets = { loggers: { cases: LOGGER_CASES } };
