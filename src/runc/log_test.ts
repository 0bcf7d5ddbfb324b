import assert from "node:assert/strict";
import { failure, isUnknownContainer, readLog } from "./log.ts";

/** A line as crun and runc write it. */
const line = (msg: string, level = "error") => `${JSON.stringify({ level, msg, time: "2026" })}\n`;

const messageOf = (log: string, output = "", code = 1) =>
  failure(log, output, "start", code).message;

/** Words of crun 1.8.1 and runc 1.1.5. */
Deno.test.each([
  [
    "create",
    "executable file `/bin/absent` not found in $PATH: No such file or directory",
    "NotFound",
  ],
  [
    "create",
    'runc create failed: unable to start container process: exec: "/bin/absent": stat /bin/absent: no such file or directory',
    "NotFound",
  ],
  [
    "exec",
    'exec failed: unable to start container process: exec: "absent": executable file not found in $PATH',
    "NotFound",
  ],
  ["start", "container does not exist", "NotFound"],
  ["pause", "error opening file `/run/oci/none/status`: No such file or directory", "NotFound"],
  ["kill", "kill container: No such process", "NotFound"],
  ["kill", "container not running", "NotFound"],
  ["create", "open executable: Permission denied", "PermissionDenied"],
  ["exec", "open executable: Operation not permitted", "PermissionDenied"],
  [
    "create",
    'runc create failed: unable to start container process: exec: "/etc": permission denied',
    "PermissionDenied",
  ],
  ["create", "container `a` already exists", "AlreadyExists"],
  ["create", "runc create failed: container with given ID already exists", "AlreadyExists"],
  ["exec", "the container `a` is paused", "FailedPrecondition"],
  [
    "exec",
    "exec failed: cannot exec in a paused container (use --ignore-paused to override)",
    "FailedPrecondition",
  ],
  ["start", "cannot start a container in the paused state", "FailedPrecondition"],
  ["start", "cannot start an already running container", "FailedPrecondition"],
  ["start", "cannot start a container that has stopped", "FailedPrecondition"],
  ["exec", "exec failed: cannot exec in a stopped container", "FailedPrecondition"],
  ["exec", "the container `a` is not running", "FailedPrecondition"],
  ["pause", "container not running", "FailedPrecondition"],
  ["resume", "container not paused", "FailedPrecondition"],
  [
    "start",
    "cannot open `/run/oci/a/exec.fifo`: No such file or directory",
    "FailedPrecondition",
  ],
  ["update", "writing file `cpuset.cpus`: Numerical result out of range", "InvalidArgument"],
  [
    "update",
    "json: cannot unmarshal number -4 into Go struct field LinuxCPU.cpu.shares of type uint64",
    "InvalidArgument",
  ],
  ["create", "writing file `cpuset.cpus`: Numerical result out of range", "Internal"],
  ["create", "make `norootfs` private: No such file or directory", "Internal"],
  [
    "create",
    "runc create failed: invalid rootfs: stat /b/norootfs: no such file or directory",
    "Internal",
  ],
  ["create", "unknown version specified", "Internal"],
])("failure() of %s: %s", (command, message, kind) => {
  const error = failure(line(message), "", command, 1);
  assert.equal(error.message, `oci runtime ${command}: ${message}`);
  assert.equal(error.kind, kind);
});

Deno.test("failure() takes the last error, not what is less or comes from elsewhere", () => {
  const log = line("first") + line("cause") + line("restored", "warning") + "panic: rubbish\n";
  assert.equal(messageOf(log, "printed\n"), "oci runtime start: cause");
});

Deno.test.each([
  ["", "", "exit status 7"],
  ["\n \n", "\n", "exit status 7"],
  ["", "first\nlast words\n\n", "last words"],
  [line("only a warning", "warning"), "printed\n", "printed"],
  ["plain text\n", "printed\n", "plain text"],
  ['time="2026" level=error msg="a \\"quoted\\" word"\n', "", 'a "quoted" word'],
  ["null\n[1]\n7\n", "", "7"],
  ['{"level":"error","msg":5}\n{"level":"error"}\n{"msg":"x"}\n', "printed", "printed"],
  ['{"level":"error","msg":"cut', "", '{"level":"error","msg":"cut'],
  ["", line("in json on stderr"), "in json on stderr"],
  [line(""), "", "exit status 7"],
])("failure() of the log %j and the output %j", (log, output, expected) => {
  assert.equal(messageOf(log, output, 7), `oci runtime start: ${expected}`);
});

Deno.test("failure() shows no control characters, and both ends of what is long", () => {
  assert.equal(messageOf(line("a\u001b[31m\n\tb\u0085\u2028c\0")), "oci runtime start: a [31m b c");
  const long = messageOf(line(`begin ${"x".repeat(1 << 20)} end`));
  assert.match(long, /^oci runtime start: begin x+ \.\.\. x+ end$/);
  assert.equal(long.length, "oci runtime start: ".length + 1005);
  assert.ok(messageOf(line("\ud83d\ude00".repeat(2000).slice(1))).isWellFormed());
});

Deno.test("isUnknownContainer() does not take an absent executable for it", () => {
  assert.ok(isUnknownContainer("oci runtime delete: container does not exist"));
  assert.ok(
    isUnknownContainer("oci runtime delete: error opening file `/r/a/status`: No such file"),
  );
  assert.ok(!isUnknownContainer("oci runtime delete: executable file not found in $PATH"));
  assert.ok(!isUnknownContainer("oci runtime delete: no such process"));
});

Deno.test("readLog() reads the end of a file, or nothing", () => {
  const path = Deno.makeTempFileSync();
  try {
    assert.equal(readLog(path), "");
    Deno.writeTextFileSync(path, "short");
    assert.equal(readLog(path), "short");
    Deno.writeTextFileSync(path, `${"x".repeat(1 << 20)}end`);
    assert.equal(readLog(path), `${"x".repeat(65533)}end`);
  } finally {
    Deno.removeSync(path);
  }
  assert.equal(readLog(path), "");
});
