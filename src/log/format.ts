/**
 * Records in the text form of logrus, which containerd writes and its users parse:
 * `time="..." level=info msg="task started" id=web pid=42`.
 * https://github.com/sirupsen/logrus/blob/v1.9.3/text_formatter.go
 */

export type Level = "debug" | "info" | "warning" | "error";

/** Keys and values after a record's message. An undefined value leaves its key out. */
export type Fields = Readonly<Record<string, unknown>>;

const PLAIN = /^[\w\-./@^+]*$/;
const ESCAPES: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

/** One record without its newline. `time` is in RFC 3339 form. */
export function formatRecord(time: string, level: Level, message: string, fields: Fields): string {
  let line = `time=${formatValue(time)} level=${level} msg=${formatValue(message)}`;
  for (const key of Object.keys(fields).sort()) {
    const value = fields[key];
    if (value !== undefined) line += ` ${key}=${formatValue(text(value))}`;
  }
  return line;
}

/** `value`, quoted as Go's %q does when logrus would. */
export function formatValue(value: string): string {
  return PLAIN.test(value) ? value : quote(value);
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return errorText(value);
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return String(value);
}

/** The messages of an error and of what caused it, each said once. */
function errorText({ message, cause }: Error): string {
  if (!(cause instanceof Error) || message.includes(cause.message)) return message;
  return `${message}: ${errorText(cause)}`;
}

function quote(value: string): string {
  let quoted = '"';
  for (const char of value.toWellFormed()) quoted += ESCAPES[char] ?? printable(char);
  return quoted + '"';
}

function printable(char: string): string {
  const code = char.codePointAt(0)!;
  if (code >= 0x20 && code < 0x7f) return char;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  if (/^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(char)) return char;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
