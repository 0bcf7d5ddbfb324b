/**
 * wasi:cli: what the program is called with, its streams and its end.
 * https://github.com/WebAssembly/WASI/tree/v0.2.8/wasip2/cli
 */

import type { Calls } from "./calls.ts";
import type { Guest } from "../../mod.ts";
import { trap } from "../../preview1/trap.ts";
import { SharedSink, SharedSource } from "./descriptors.ts";
import { Resource, type Scope } from "./resource.ts";
import { InputStream, OutputStream } from "./streams.ts";

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

export class TerminalInput extends Resource {}
export class TerminalOutput extends Resource {}

/** Where exit() leaves its code. */
export interface Exit {
  /** 0-255; undefined: it was not called. */
  code: number | undefined;
}

export function cli(calls: Calls, scope: Scope, guest: Guest, exit: Exit) {
  const end = (code: number) => {
    exit.code ??= code;
    trap();
  };
  const input = () => new InputStream(scope, calls, new SharedSource(calls, STDIN));
  const output = (fd: number) => () => new OutputStream(scope, calls, new SharedSink(calls, fd));
  const terminal = (fd: number) => () =>
    calls.isTerminal(fd) ? new TerminalOutput(scope) : undefined;
  return {
    "wasi:cli/environment": {
      getEnvironment: () => guest.env.map(nameAndValue),
      getArguments: () => guest.args,
      initialCwd: () => guest.cwd,
    },
    "wasi:cli/exit": {
      exit: ({ tag }: { tag: "ok" | "err" }) => end(tag === "ok" ? 0 : 1),
      exitWithCode: end,
    },
    "wasi:cli/stdin": { getStdin: input },
    "wasi:cli/stdout": { getStdout: output(STDOUT) },
    "wasi:cli/stderr": { getStderr: output(STDERR) },
    "wasi:cli/terminal-input": { TerminalInput },
    "wasi:cli/terminal-output": { TerminalOutput },
    "wasi:cli/terminal-stdin": {
      getTerminalStdin: () => calls.isTerminal(STDIN) ? new TerminalInput(scope) : undefined,
    },
    "wasi:cli/terminal-stdout": { getTerminalStdout: terminal(STDOUT) },
    "wasi:cli/terminal-stderr": { getTerminalStderr: terminal(STDERR) },
  };
}

/** `NAME=value`; without "=", all of it is the name. */
function nameAndValue(variable: string): [string, string] {
  const at = variable.indexOf("=");
  return at < 0 ? [variable, ""] : [variable.slice(0, at), variable.slice(at + 1)];
}
