import assert from "node:assert/strict";
import { checkId, containerCommand, createCommand, execCommand } from "./commands.ts";

const RUNTIME = { binary: "/usr/bin/crun", root: "/run/oci/default", systemdCgroup: false };
const GLOBAL = ["--root", "/run/oci/default", "--log", "/t/log", "--log-format", "json"];

const CREATE = {
  id: "web-1",
  bundle: "/b",
  pidFile: "/t/pid",
  log: "/t/log",
  noPivotRoot: false,
  noNewKeyring: false,
};

Deno.test("createCommand() asks for no more than it must", () => {
  assert.deepEqual(createCommand(RUNTIME, CREATE), [
    "/usr/bin/crun",
    ...GLOBAL,
    ...["create", "--bundle", "/b", "--pid-file", "/t/pid", "web-1"],
  ]);
});

Deno.test("createCommand() passes every option on, before the id", () => {
  const all = { ...CREATE, console: "/t/c", config: "/t/j", noPivotRoot: true, noNewKeyring: true };
  assert.deepEqual(createCommand({ ...RUNTIME, systemdCgroup: true }, all), [
    "/usr/bin/crun",
    ...GLOBAL,
    "--systemd-cgroup",
    ...["create", "--bundle", "/b", "--config", "/t/j", "--pid-file", "/t/pid"],
    ...["--console-socket", "/t/c", "--no-pivot", "--no-new-keyring", "web-1"],
  ]);
});

Deno.test("execCommand() detaches", () => {
  const args = { id: "web-1", processFile: "/t/p", pidFile: "/t/pid", log: "/t/log" };
  const words = ["exec", "--detach", "--process", "/t/p", "--pid-file", "/t/pid"];
  assert.deepEqual(execCommand(RUNTIME, args), ["/usr/bin/crun", ...GLOBAL, ...words, "web-1"]);
  assert.deepEqual(execCommand(RUNTIME, { ...args, console: "/t/c" }), [
    "/usr/bin/crun",
    ...GLOBAL,
    ...words,
    ...["--console-socket", "/t/c", "web-1"],
  ]);
});

Deno.test("containerCommand() has the id between options and the rest", () => {
  assert.deepEqual(containerCommand(RUNTIME, "/t/log", ["kill", "--all"], "web-1", ["9"]), [
    "/usr/bin/crun",
    ...GLOBAL,
    ...["kill", "--all", "web-1", "9"],
  ]);
});

Deno.test.each(["", "-f", "--force", "..", ".", "a/b", "/", "a b", "a\n", "a\0", ".hidden"])(
  "no command takes %j for an id",
  (id) => {
    const refused = { kind: "InvalidArgument", message: /^container id: ".*": not a name$/ };
    assert.throws(() => checkId(id), refused);
    assert.throws(() => createCommand(RUNTIME, { ...CREATE, id }), refused);
    assert.throws(() => containerCommand(RUNTIME, "/t/log", ["start"], id), refused);
    const exec = { id, processFile: "/t/p", pidFile: "/t/pid", log: "/t/log" };
    assert.throws(() => execCommand(RUNTIME, exec), refused);
  },
);
