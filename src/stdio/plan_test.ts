import assert from "node:assert/strict";
import { type StdioPaths, stdioPlan } from "./plan.ts";

const NONE: StdioPaths = { stdin: "", stdout: "", stderr: "", terminal: false };

const plan = (paths: Partial<StdioPaths>) => stdioPlan({ ...NONE, ...paths });

const open = (path: string, flags: number, fd: number) => ({
  op: "open",
  path,
  flags,
  mode: 0o644,
  fd,
});

Deno.test("stdioPlan() of nothing is /dev/null", () => {
  assert.deepEqual(plan({}), {
    ops: [open("/dev/null", 0, 0), open("/dev/null", 1, 1), open("/dev/null", 1, 2)],
    keepers: [],
    folders: [],
  });
});

Deno.test("stdioPlan() opens paths, and keeps the other ends", () => {
  const expected = {
    ops: [open("/f/in", 0, 0), open("/f/out", 0o2001, 1), open("/f/err", 0o2001, 2)],
    keepers: [
      { path: "/f/in", fd: 0 },
      { path: "/f/out", fd: 1 },
      { path: "/f/err", fd: 2 },
    ],
    folders: [],
  };
  assert.deepEqual(plan({ stdin: "/f/in", stdout: "/f/out", stderr: "/f/err" }), expected);
  const uris = { stdin: "fifo:///f/in", stdout: "fifo:///f/out", stderr: "fifo:///f/err" };
  assert.deepEqual(plan(uris), expected);
});

Deno.test("stdioPlan() appends to logs, and makes them", () => {
  assert.deepEqual(plan({ stdout: "file:///var/log/a%20b.log", stderr: "FILE:///x.log" }), {
    ops: [
      open("/dev/null", 0, 0),
      open("/var/log/a b.log", 0o2101, 1),
      open("/x.log", 0o2101, 2),
    ],
    keepers: [],
    folders: ["/var/log", "/"],
  });
});

Deno.test.each(
  [
    [{ terminal: true }, "Unimplemented", "terminal: true: not supported"],
    [
      { stdout: "binary:///usr/bin/logger?a=b" },
      "Unimplemented",
      'stdout: "binary:///usr/bin/logger?a=b": loggers are not supported',
    ],
    [
      { stderr: "http://host/path" },
      "InvalidArgument",
      'stderr: "http://host/path": not a scheme for stderr',
    ],
    [
      { stdin: "file:///etc/passwd" },
      "InvalidArgument",
      'stdin: "file:///etc/passwd": not a scheme for stdin',
    ],
    [{ stdin: "in" }, "InvalidArgument", 'stdin: "in": not an absolute path'],
    [
      { stdout: "file://var/log" },
      "InvalidArgument",
      'stdout: "file://var/log": not of the form SCHEME:///PATH',
    ],
    [
      { stdout: "file:///a%ff" },
      "InvalidArgument",
      'stdout: "file:///a%ff": not of the form SCHEME:///PATH',
    ],
    [{ stdout: "/a\0b" }, "InvalidArgument", 'stdout: "/a\\u0000b": not an absolute path'],
  ] as const,
)("stdioPlan() rejects %j", (paths, kind, message) => {
  assert.throws(() => plan(paths), { kind, message });
});
