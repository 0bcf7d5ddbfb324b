import assert from "node:assert/strict";
import { endProcess, identify, isAlive, killProcess, processStartTime } from "./identity.ts";
import { stateOf } from "./testing/pair.ts";

/** A process of the test's own, which runs for a minute. */
function sleep() {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  return { child, ...identify(child.pid) };
}

Deno.test("processStartTime() is in clock ticks since the boot", () => {
  const [uptime] = Deno.readTextFileSync("/proc/uptime").split(" ");
  const seconds = Number(processStartTime(Deno.pid)) / 100;
  assert.ok(seconds > 0 && seconds <= Number(uptime) + 0.01, `${seconds} of ${uptime}`);
  assert.equal(processStartTime(Deno.pid), processStartTime(Deno.pid));
});

Deno.test("processStartTime() does not depend on the process's name", async () => {
  const names = ["plain", "a b", ") S 1 2 3", "((", "))) R 0 0", "é\\n", " "];
  for (const name of names) {
    const child = new Deno.Command("sh", {
      args: [
        "-c",
        'printf %s "$1" > /proc/self/task/$$/comm; cat /proc/$$/stat; read line',
        "sh",
        name,
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    const stat = new TextDecoder().decode(value);
    const startTime = processStartTime(child.pid);
    await child.stdin.close();
    await reader.cancel();
    await child.status;
    assert.ok(stat.includes(`(${name.slice(0, 15)})`), stat);
    // The 31st field from the end, which no name can move.
    assert.equal(startTime, stat.trimEnd().split(" ").at(-31), stat);
  }
});

Deno.test("processStartTime() of no process is null", async () => {
  const child = new Deno.Command("true").spawn();
  await child.status;
  assert.equal(processStartTime(child.pid), null);
  assert.equal(processStartTime(0), null);
  assert.equal(processStartTime(-1), null);
});

Deno.test("identify() names a process, and what is none by what none has", async () => {
  const { child, pid, startTime } = sleep();
  assert.deepEqual([pid, startTime], [child.pid, processStartTime(child.pid)]);
  assert.equal(isAlive({ pid, startTime }), true);
  child.kill("SIGKILL");
  await child.status;
  assert.equal(isAlive({ pid, startTime }), false);
  assert.deepEqual(identify(pid), { pid, startTime: "" });
  assert.equal(isAlive(identify(pid)), false);
});

Deno.test("isAlive() tells a process from an earlier one of its pid", () => {
  assert.equal(isAlive(identify(Deno.pid)), true);
  assert.equal(isAlive({ pid: Deno.pid, startTime: "1" }), false);
  assert.equal(isAlive({ pid: Deno.pid, startTime: "" }), false);
});

Deno.test("endProcess() kills, and waits until the process has gone", async () => {
  const { child, pid, startTime } = sleep();
  await endProcess({ pid, startTime });
  assert.equal(isAlive({ pid, startTime }), false);
  assert.equal((await child.status).signal, "SIGKILL");
});

Deno.test("endProcess() spares another process of the same pid", async () => {
  const { child, pid } = sleep();
  await endProcess({ pid, startTime: "1" });
  await endProcess({ pid, startTime: "" });
  assert.equal(await stateOf(child.status), "pending");
  child.kill("SIGTERM");
  assert.equal((await child.status).signal, "SIGTERM");
});

Deno.test("endProcess() of none is no failure", async () => {
  const { child, pid, startTime } = sleep();
  child.kill("SIGKILL");
  await child.status;
  await endProcess({ pid, startTime });
});

Deno.test("endProcess() waits until that is enough", async () => {
  const { child, pid, startTime } = sleep();
  let enough = false;
  const ended = endProcess({ pid, startTime }, () => enough);
  await child.status;
  assert.equal(await stateOf(ended), "pending");
  enough = true;
  await ended;
});

Deno.test("endProcess() does not wait for ever", async () => {
  const { now } = Date;
  let asked = 0;
  Date.now = () => now() + 6000 * asked;
  try {
    await endProcess({ pid: 0, startTime: "1" }, () => {
      asked++;
      return false;
    });
  } finally {
    Date.now = now;
  }
  assert.equal(asked, 1);
});

Deno.test("killProcess() of none is no failure", async () => {
  const { child, pid } = sleep();
  killProcess(pid);
  assert.equal((await child.status).signal, "SIGKILL");
  killProcess(pid);
});
