/**
 * Logs in logrus' text form, on stderr. Rooms take a logger with `getLogger`; only main.ts calls
 * `configureLog`. Until it does, nothing is written.
 *
 * This is not @logtape/logtape, which adds 4 ms to every boot; these lines add less than 1 ms.
 */

import { type Fields, formatRecord, type Level } from "./format.ts";
import { Sink, type WriteSync } from "./sink.ts";

export type { Fields, Level } from "./format.ts";
export type { WriteSync } from "./sink.ts";

/** A source of records. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger whose records carry `fields` too. */
  with(fields: Fields): Logger;
}

export interface LogOptions {
  /** Write debug records too. */
  debug: boolean;
  /** Carried by every record, such as the pod's id. */
  fields?: Fields;
  /** Where to write; standard error by default. */
  writeSync?: WriteSync;
}

let sink: Sink | undefined;
let debugEnabled = false;
let commonFields: Fields = {};

/** Starts logging, or changes how. */
export function configureLog({ debug, fields = {}, writeSync }: LogOptions): void {
  debugEnabled = debug;
  commonFields = fields;
  sink = new Sink(writeSync ?? ((bytes) => Deno.stderr.writeSync(bytes)));
}

/** The logger of a room, whose records say `logger=denowasi.task` for ["denowasi", "task"]. */
export function getLogger(category: readonly string[]): Logger {
  return new RoomLogger({ logger: category.join(".") });
}

class RoomLogger implements Logger {
  constructor(readonly fields: Fields) {}

  debug(message: string, fields?: Fields): void {
    if (debugEnabled) this.#write("debug", message, fields);
  }

  info(message: string, fields?: Fields): void {
    this.#write("info", message, fields);
  }

  warn(message: string, fields?: Fields): void {
    this.#write("warning", message, fields);
  }

  error(message: string, fields?: Fields): void {
    this.#write("error", message, fields);
  }

  with(fields: Fields): Logger {
    return new RoomLogger({ ...this.fields, ...fields });
  }

  #write(level: Level, message: string, fields?: Fields): void {
    if (sink === undefined) return;
    // Nine digits, as containerd's records have; Temporal knows them but takes 1 ms to load.
    const time = new Date().toISOString().replace("Z", "000000Z");
    const all = { ...commonFields, ...this.fields, ...fields };
    sink.write(formatRecord(time, level, message, all));
  }
}
