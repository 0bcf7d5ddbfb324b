/** What the functions of preview 1 work on. */

import type { System } from "../../linux/system.ts";
import { Table } from "./descriptors.ts";
import { Memory } from "./memory.ts";

/** One for all runs, one after another: functions that were compiled in one serve the next. */
export class State {
  readonly memory = new Memory();
  readonly table: Table;
  /** NUL-terminated, in UTF-8. */
  args: Uint8Array<ArrayBuffer>[] = [];
  env: Uint8Array<ArrayBuffer>[] = [];
  /** What the guest ended itself with; undefined while it has not. */
  exitCode: number | undefined;

  constructor(readonly system: System) {
    this.table = new Table(system);
  }
}

/** Functions for a guest to import. A parameter is a number for i32, signed, and a bigint for i64. */
export type Functions = Record<string, (...parameters: never[]) => number | void>;
