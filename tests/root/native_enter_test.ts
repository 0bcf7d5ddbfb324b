/** The operation of a sandbox plan that enters a running container. Needs root. */

import assert from "node:assert/strict";
import type { NamespaceKind, Op } from "../../src/linux/plan.ts";
import { Running } from "../support/mod.ts";
import { ERRNO, identify, perform } from "./support.ts";

const { ESRCH, EINVAL, ENOENT } = ERRNO;

const KINDS: NamespaceKind[] = ["cgroup", "ipc", "mount", "network", "uts"];

/** A process in namespaces of its own, once it has performed `script`. */
class Target implements AsyncDisposable {
  private constructor(readonly running: Running, readonly pid: number) {}

  static async start(script: string, flags = ["--mount", "--uts", "--ipc", "--net", "--cgroup"]) {
    const argv = ["unshare", ...flags, "sh", "-euc", `${script}\nread end`];
    const running = new Running(argv, { stdin: "open", timeoutMs: 30_000 });
    await running.waitForOutput("\n");
    return new Target(running, Number(running.out.split("\n")[0]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.running.closeStdin();
    await this.running.result;
  }
}

const namespace = (pid: number, file: string) => Deno.readLinkSync(`/proc/${pid}/ns/${file}`);

Deno.test("perform: enter joins the namespaces that it names, and no others", async () => {
  await using target = await Target.start("hostname entered; echo $$");
  const files = ["cgroup", "ipc", "mnt", "net", "uts"];
  const links = `for file in ${files.join(" ")}; do readlink /proc/self/ns/$file; done`;
  const entered = async (...kinds: NamespaceKind[]) => {
    const { result, step, out } = await perform([{ op: "enter", ...identify(target.pid), kinds }], {
      after: links,
    });
    assert.equal(result, 0, step);
    const now = out.split("\n");
    return files.filter((file, index) => now[index] === namespace(target.pid, file));
  };
  assert.deepEqual(await entered(), []);
  assert.deepEqual(await entered("uts"), ["uts"]);
  assert.deepEqual(await entered("mount", "ipc"), ["ipc", "mnt"]);
  assert.deepEqual(await entered(...KINDS), files);
});

Deno.test("perform: enter takes the root of the mount namespace", async () => {
  await using target = await Target.start(
    "mount -t tmpfs x /mnt; mkdir -p /mnt/bin /mnt/old; cp /bin/busybox /mnt/bin; cd /mnt; " +
      "pivot_root . old; /bin/busybox umount -l old; echo $$",
  );
  const ops: Op[] = [{ op: "enter", ...identify(target.pid), kinds: KINDS }, {
    op: "chdir",
    path: "/bin/../../../bin",
  }];
  const { result, step, out } = await perform(ops, { after: "ls /; ls" });
  assert.deepEqual([result, step, out], [0, "", "bin\nold\nbusybox\n"]);
  const missing = await perform([ops[0], { op: "chdir", path: "/etc" }]);
  assert.deepEqual(missing, { result: ENOENT, step: "chdir /etc", out: "" });
});

Deno.test("perform: enter of a pid namespace is for children", async () => {
  await using target = await Target.start("sleep 60 & echo $!", ["--pid"]);
  const op: Op = { op: "enter", ...identify(target.pid), kinds: ["pid"] };
  const { result, out } = await perform([op], {
    after: "/bin/busybox readlink /proc/self/ns/pid; :",
  });
  assert.deepEqual([result, out], [0, `${namespace(target.pid, "pid")}\n`]);
  Deno.kill(target.pid, "SIGKILL");
});

Deno.test("perform: enter of namespaces that it is in already changes nothing", async () => {
  const op: Op = { op: "enter", ...identify(Deno.pid), kinds: ["pid", ...KINDS] };
  const { result, step } = await perform([op]);
  assert.equal(result, 0, step);
});

Deno.test("perform: enter refuses a process that has taken the pid over", async () => {
  await using target = await Target.start("echo $$");
  const { pid, startTime } = identify(target.pid);
  const others = [
    "",
    "0",
    `${startTime}0`,
    startTime.slice(0, -1),
    ` ${startTime}`,
    `${startTime} `,
    "-1",
  ];
  for (const other of others) {
    const op: Op = { op: "enter", pid, startTime: other, kinds: KINDS };
    const outcome = await perform([op], { after: "echo entered" });
    assert.deepEqual(outcome, { result: ESRCH, step: `enter process ${pid}`, out: "" }, other);
  }
});

Deno.test("perform: enter is not misled by a process's name", async () => {
  for (const name of ["a) Z 1 2 3", ") ) )", "x) S 1 1 1 1 1"]) {
    await using target = await Target.start(`echo -n '${name}' > /proc/self/comm; echo $$`);
    assert.equal(Deno.readTextFileSync(`/proc/${target.pid}/comm`).trimEnd(), name.slice(0, 15));
    const op: Op = { op: "enter", ...identify(target.pid), kinds: ["uts"] };
    const { result, step } = await perform([op]);
    assert.equal(result, 0, step);
  }
});

Deno.test("perform: enter refuses a process that has ended, reaped or not", async () => {
  const target = await Target.start("echo $$");
  const gone: Op = { op: "enter", ...identify(target.pid), kinds: KINDS };
  await target[Symbol.asyncDispose]();
  const step = `enter process ${target.pid}`;
  assert.deepEqual(await perform([gone]), { result: ESRCH, step, out: "" });

  await using parent = await Target.start("sleep 60 & echo $!", ["--pid"]);
  const zombie = identify(parent.pid);
  Deno.kill(parent.pid, "SIGKILL"); // `read`, which the shell is in, reaps nothing
  for (const kinds of [["pid"], ["uts"], []] as NamespaceKind[][]) {
    const outcome = await perform([{ op: "enter", ...zombie, kinds }]);
    assert.equal(outcome.result, ESRCH, kinds.join());
  }
});

Deno.test("perform: enter takes no user and no time namespace, and no process that cannot be", async () => {
  for (const kind of ["user", "time"] as const) {
    const { result } = await perform([{ op: "enter", ...identify(Deno.pid), kinds: [kind] }]);
    assert.equal(result, EINVAL);
  }
  for (const pid of [0, 2 ** 32, 2 ** 53]) {
    const { result } = await perform([{ op: "enter", pid, startTime: "1", kinds: [] }]);
    assert.equal(result, ESRCH);
  }
});
