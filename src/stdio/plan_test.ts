import assert from "node:assert/strict";
import { monitorStreams, planStreams, type StdioPaths, streamOps } from "./plan.ts";

const NONE: StdioPaths = { stdin: "", stdout: "", stderr: "", terminal: false };

const plan = (paths: Partial<StdioPaths>) =>
  planStreams({ ...NONE, ...paths }, { namespace: "default", id: "web-1" });

const NOTHING = { stdin: "", stdout: "", stderr: "", terminal: false, logs: [], logger: null };

const open = (path: string, flags: number, fd: number) => ({
  op: "open",
  path,
  flags,
  mode: 0o644,
  fd,
});

const FIFOS = { stdin: "/f/in", stdout: "/f/out", stderr: "/f/err" };
const LOGGER = "binary:///usr/bin/logger";

Deno.test("planStreams() of nothing is nothing", () => {
  assert.deepEqual(plan({}), NOTHING);
});

Deno.test("planStreams() takes paths, and URIs of FIFOs", () => {
  assert.deepEqual(plan(FIFOS), { ...NOTHING, ...FIFOS });
  const uris = { stdin: "fifo:///f/in", stdout: "FIFO:///f/out?a=b", stderr: "fifo:///f/e%72r" };
  assert.deepEqual(plan(uris), { ...NOTHING, ...FIFOS });
  assert.equal(plan({ stdout: "/f/a?b=c" }).stdout, "/f/a?b=c");
});

Deno.test("planStreams() takes logs, without what they may be asked", () => {
  assert.deepEqual(plan({ stdout: "file:///var/log/a%20b.log?x=y", stderr: "FILE:///x.log" }), {
    ...NOTHING,
    stdout: "/var/log/a b.log",
    stderr: "/x.log",
    logs: ["/var/log/a b.log", "/x.log"],
  });
});

Deno.test.each(["", LOGGER])("planStreams() has one logger for both, with stderr %j", (stderr) => {
  assert.deepEqual(plan({ stdin: "/f/in", stdout: LOGGER, stderr }), {
    ...NOTHING,
    stdin: "/f/in",
    logger: {
      uri: LOGGER,
      command: ["/usr/bin/logger"],
      env: { CONTAINER_ID: "web-1", CONTAINER_NAMESPACE: "default" },
    },
  });
});

Deno.test.each([
  ["?a=b", ["a", "b"]],
  ["?z=1&a=2", ["z", "1", "a", "2"]],
  ["?a=1&b&a=2", ["a", "1", "b", ""]],
  ["?a+b=c%26d%3De%20f", ["a b", "c&d=e f"]],
  ["?%2d%2dflag=%24%28id%29", ["--flag", "$(id)"]],
  ["?", []],
  ["#a=b", []],
])("planStreams() makes arguments of a logger's %s", (query, args) => {
  assert.deepEqual(plan({ stdout: LOGGER + query }).logger?.command, ["/usr/bin/logger", ...args]);
});

Deno.test("planStreams() of a terminal has no stderr, whatever it says", () => {
  const terminal = { ...NOTHING, stdin: "/f/in", stdout: "/f/out", terminal: true };
  assert.deepEqual(plan({ ...FIFOS, terminal: true }), terminal);
  assert.deepEqual(plan({ ...FIFOS, stderr: "http://x", terminal: true }), terminal);
  const logged = plan({ stdout: LOGGER, stderr: "/f/err", terminal: true });
  assert.equal(logged.logger?.uri, LOGGER);
  assert.equal(logged.stderr, "");
});

Deno.test.each(
  [
    [{ stderr: "http://host/path" }, 'stderr: "http://host/path": not a scheme for stderr'],
    [{ stdin: "file:///etc/passwd" }, 'stdin: "file:///etc/passwd": not a scheme for stdin'],
    [{ stdin: LOGGER }, `stdin: "${LOGGER}": not a scheme for stdin`],
    [{ stderr: LOGGER }, `stderr: "${LOGGER}": not a scheme for stderr`],
    [
      { stdout: LOGGER, stderr: "binary:///other" },
      'stderr: "binary:///other": not the logger that is stdout',
    ],
    [{ stdout: LOGGER, stderr: "/f/err" }, 'stderr: "/f/err": not the logger that is stdout'],
    [{ stdout: "binary://usr/l" }, 'stdout: "binary://usr/l": not of the form SCHEME:///PATH'],
    [{ stdout: "binary://" }, 'stdout: "": not an absolute path'],
    [{ stdout: `${LOGGER}?a=%00` }, `stdout: "${LOGGER}?a=%00": has a NUL`],
    [{ stdin: "in" }, 'stdin: "in": not an absolute path'],
    [{ stdout: "file://var/log" }, 'stdout: "file://var/log": not of the form SCHEME:///PATH'],
    [{ stdout: "file:///a%ff" }, 'stdout: "file:///a%ff": not of the form SCHEME:///PATH'],
    [{ stdout: "/a\0b" }, 'stdout: "/a\\u0000b": not an absolute path'],
  ] as const,
)("planStreams() rejects %j", (paths, message) => {
  assert.throws(() => plan(paths), { kind: "InvalidArgument", message });
});

Deno.test("streamOps() opens what is there, makes logs, and has /dev/null for nothing", () => {
  assert.deepEqual(streamOps(plan({})), [
    open("/dev/null", 0, 0),
    open("/dev/null", 1, 1),
    open("/dev/null", 1, 2),
  ]);
  assert.deepEqual(streamOps(plan(FIFOS)), [
    open("/f/in", 0, 0),
    open("/f/out", 0o2001, 1),
    open("/f/err", 0o2001, 2),
  ]);
  assert.deepEqual(streamOps(plan({ stdout: "file:///x.log", stderr: "/f/err" })), [
    open("/dev/null", 0, 0),
    open("/x.log", 0o2101, 1),
    open("/f/err", 0o2001, 2),
  ]);
  assert.deepEqual(streamOps(plan({ ...FIFOS, terminal: true })), []);
});

Deno.test("monitorStreams() leaves out what there is not", () => {
  assert.deepEqual(monitorStreams(plan({})), []);
  const streams = ["--stdin", "/f/in", "--stdout", "/f/out", "--stderr", "/f/err"];
  assert.deepEqual(monitorStreams(plan(FIFOS)), streams);
  const terminal = [...streams.slice(0, 4), "--terminal", "1"];
  assert.deepEqual(monitorStreams(plan({ ...FIFOS, terminal: true })), terminal);
});
