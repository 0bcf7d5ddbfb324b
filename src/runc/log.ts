/** What went wrong in an OCI runtime, from what it has written. */

import { type Kind, ShimError } from "../errdefs/mod.ts";

/** More than one message of any runtime. */
const MAX_LOG_BYTES = 64 << 10;
/** How much of a message is told. */
const MAX_MESSAGE = 1000;

const UNKNOWN_CONTAINER = /container (?:\S+ )?does not exist|\/status`: No such file/;

/** Phrases of crun and runc, the first that fits counts. With a command, of that only. */
const KINDS: readonly { phrase: RegExp; kind: Kind; command?: string }[] = [
  { phrase: /not found in \$PATH/, kind: "NotFound" },
  { phrase: /exec: "[^"]*": stat .*: no such file/, kind: "NotFound" },
  { phrase: UNKNOWN_CONTAINER, kind: "NotFound" },
  { phrase: /no such process/i, kind: "NotFound" },
  { phrase: /not running/, kind: "NotFound", command: "kill" },
  {
    phrase: /(?:exec: "|open executable: ).*(?:permission denied|not permitted)/i,
    kind: "PermissionDenied",
  },
  { phrase: /already exists/, kind: "AlreadyExists" },
  {
    phrase: /not running|not paused|paused (?:state|container)|is paused/,
    kind: "FailedPrecondition",
  },
  { phrase: /(?:has|a) stopped|already running|exec\.fifo`/, kind: "FailedPrecondition" },
  {
    phrase: /out of range|invalid argument|cannot unmarshal/i,
    kind: "InvalidArgument",
    command: "update",
  },
];

/**
 * The error for a runtime's `command` that has ended with `code`. `log` is what is in its log file, and `output` what it has
 * printed: whatever is there, even nothing.
 */
export function failure(log: string, output: string, command: string, code: number): ShimError {
  const message = clean(logged(log) ?? logged(output) ?? "") || `exit status ${code}`;
  const found = KINDS.find((each) =>
    each.phrase.test(message) && (each.command ?? command) === command
  );
  return new ShimError(found?.kind ?? "Internal", `oci runtime ${command}: ${message}`);
}

/** Whether a runtime's error says that it has no such container. */
export function isUnknownContainer(message: string): boolean {
  return UNKNOWN_CONTAINER.test(message);
}

/** The end of a log file; empty when there is none. */
export function readLog(path: string): string {
  try {
    using file = Deno.openSync(path, { read: true });
    const { size } = file.statSync();
    file.seekSync(Math.max(0, size - MAX_LOG_BYTES), Deno.SeekMode.Start);
    const bytes = new Uint8Array(MAX_LOG_BYTES);
    return new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** The last error in JSON, else the last line that is text. */
function logged(log: string): string | undefined {
  const lines = log.split("\n").filter((line) => line.trim() !== "");
  const messages = lines.map(parseLine);
  const text = lines.findLast((_, index) => messages[index] === null);
  return messages.findLast((each) => each?.isError)?.text ?? (text && textMessage(text));
}

/** One line of a log: runc and crun write `{"level":"error","msg":"..."}`. Null: it is no JSON object. */
function parseLine(line: string): { isError: boolean; text: string } | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null) return null;
    const { level, msg } = value as Record<string, unknown>;
    return { isError: level === "error" && typeof msg === "string", text: String(msg) };
  } catch {
    return null;
  }
}

/** runc's text is `time="..." level=error msg="..."`. */
function textMessage(line: string): string {
  const quoted = /\bmsg=("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
  if (!quoted) return line;
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted.slice(1, -1);
  }
}

/** One line that can be shown. The cause of a long message is at its end. */
function clean(text: string): string {
  // deno-lint-ignore no-control-regex
  const line = text.toWellFormed().replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, " ").trim();
  if (line.length <= MAX_MESSAGE) return line;
  const half = MAX_MESSAGE / 2;
  return `${line.slice(0, half)} ... ${line.slice(-half)}`.toWellFormed();
}
