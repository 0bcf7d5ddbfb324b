/** Processes that are exec'd into a running container. Needs root. */

import assert from "node:assert/strict";
import { Cgroups } from "../../src/cgroups/mod.ts";
import { parseResourcesText } from "../../src/oci/mod.ts";
import { Running, waitFor } from "../support/mod.ts";
import { identify } from "./support.ts";
import { holdsOnly } from "./support_descriptors.ts";
import { type Asked, exec, execToEnd, startContainer, VOLUME } from "./support_exec.ts";
import { type Created, exists, folder, ROOT, TestZygote } from "./support_zygote.ts";

const SIGKILL = 9, SIGTERM = 15;

/** One operation of files.wasm. */
const files = (...args: string[]): Asked => ({ module: "/files.wasm", args: ["files", ...args] });

const status = ({ pid }: Created) =>
  Object.fromEntries(
    Deno.readTextFileSync(`/proc/${pid}/status`).split("\n").map((line) => line.split(/:\s*/, 2)),
  );

Deno.test("exec sees the container's hostname, mounts and processes", async () => {
  await using zygote = await TestZygote.start();
  Deno.writeTextFileSync(`${VOLUME}/file`, "of the volume\n");
  const container = await startContainer(zygote);
  const read = async (path: string) => {
    const { code, out, err } = await execToEnd(zygote, container, files("read", path));
    assert.equal(code, 0, err);
    return out;
  };
  assert.equal(await read("/proc/sys/kernel/hostname"), "guest\n");
  assert.equal(await read("/volume/file"), "of the volume\n");
  // A pid of the container's namespace, whose first process it is not.
  assert.match(await read("/proc/self/stat"), /^[2-9] \(files\.wasm\) /);
  assert.match(await read("/proc/1/stat"), /^1 \(wasi-demo-app\.w\) /);
  const { out } = await execToEnd(zygote, container, files("list", "/"));
  assert.deepEqual(out.trim().split("\n").filter((name) => !name.endsWith(".wasm")).sort(), [
    ...["dev", "proc", "volume"],
  ]);
  const missing = await execToEnd(zygote, container, files("read", `${folder}/control-0`));
  assert.equal(missing.code, 1, "the host's file");
});

Deno.test("exec runs a module that only the container's mounts have", async () => {
  await using zygote = await TestZygote.start();
  Deno.copyFileSync(`${ROOT}/exit42.wasm`, `${VOLUME}/other.wasm`);
  const container = await startContainer(zygote);
  assert.equal((await execToEnd(zygote, container, { module: "/volume/other.wasm" })).code, 42);
});

Deno.test("exec is in every namespace of the container, and in its cgroup", async () => {
  await using zygote = await TestZygote.start();
  const cgroups = Cgroups.detect();
  const name = `/denowasi-test-${Deno.pid}`;
  const cgroup = cgroups.at(name);
  cgroup.create(parseResourcesText("{}"));
  try {
    const { membership } = cgroup;
    const container = await startContainer(zygote, { cgroup: membership });
    const process = await exec(zygote, container, { ...files("cwd"), cgroup: membership });
    for (const file of ["cgroup", "ipc", "mnt", "net", "pid", "uts"]) {
      const link = (pid: number) => Deno.readLinkSync(`/proc/${pid}/ns/${file}`);
      assert.equal(link(process.pid), link(container.pid), file);
      assert.notEqual(link(process.pid), link(zygote.pid), file);
    }
    assert.deepEqual(cgroup.processes().sort(), [container.pid, process.pid].sort());
    assert.equal(Deno.readLinkSync(`/proc/${process.pid}/root`), "/");
    await process.start();
    assert.equal((await process.end()).code, 0);
    await container.kill(SIGKILL); // the cgroup is to be empty
  } finally {
    await cgroup.remove();
  }
});

Deno.test("exec has a user, capabilities, limits and a filter of its own", async () => {
  await using zygote = await TestZygote.start();
  const container = await startContainer(zygote, { process: { user: { uid: 1000, gid: 1000 } } });
  const kill = ["CAP_KILL"];
  const process = await exec(zygote, container, {
    ...files("cwd"),
    cwd: "/volume",
    process: {
      user: { uid: 7, gid: 8, umask: 0o27, additionalGids: [9] },
      capabilities: { bounding: kill, permitted: kill, inheritable: kill, ambient: kill },
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }],
      oomScoreAdj: 123,
    },
  });
  const found = status(process);
  assert.equal(found.Uid, "7\t7\t7\t7");
  assert.equal(found.Gid, "8\t8\t8\t8");
  assert.equal(found.Groups.trim(), "9");
  assert.equal(found.Umask, "0027");
  assert.equal(found.NoNewPrivs, "1");
  assert.equal(found.Seccomp, "2");
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
    assert.equal(found[set], "0000000000000020", set);
  }
  const file = (name: string) => Deno.readTextFileSync(`/proc/${process.pid}/${name}`);
  assert.equal(file("oom_score_adj"), "123\n");
  assert.match(file("limits"), /^Max open files +100 +200 /m);
  assert.equal(status(container).CapBnd, "0000000000000000");
  assert.equal(Deno.readLinkSync(`/proc/${process.pid}/cwd`), "/volume");
});

Deno.test("exec holds nothing of the host but its streams and preopens", async () => {
  await using zygote = await TestZygote.start();
  const container = await startContainer(zygote);
  const process = await exec(zygote, container, {
    module: "/wasi-demo-app.wasm",
    args: ["app", "sleep", "60"],
  });
  await process.start();
  await holdsOnly(process.pid, ["/"]);
  assert.equal((await process.kill(SIGTERM))?.code, 143);
  assert.ok(exists(container.pid));
});

Deno.test("exec refuses a process that has taken the pid over, and one that has ended", async () => {
  await using zygote = await TestZygote.start();
  const container = await startContainer(zygote);
  const { pid, startTime } = identify(container.pid);
  const error = {
    kind: "Internal",
    message: `set up the sandbox: enter process ${pid}: ESRCH: no such process`,
  };
  const later = { pid, startTime: `${Number(startTime) + 1}` };
  await assert.rejects(exec(zygote, container, files("cwd"), later), error);
  await assert.rejects(exec(zygote, container, files("cwd"), { pid, startTime: "" }), error);
  assert.equal((await execToEnd(zygote, container, files("cwd"))).code, 0);
  await container.kill(SIGKILL);
  await assert.rejects(
    exec(zygote, container, { ...files("cwd"), rootfs: ROOT }, { pid, startTime }),
    error,
  );
  assert.equal((await zygote.run()).code, 0);
});

Deno.test("exec refuses a working directory that is not there, and makes none", async () => {
  await using zygote = await TestZygote.start();
  const container = await startContainer(zygote);
  await assert.rejects(exec(zygote, container, { ...files("cwd"), cwd: "/volume/none" }), {
    message: "set up the sandbox: chdir /volume/none: ENOENT: no such file or directory",
  });
  assert.deepEqual([...Deno.readDirSync(VOLUME)].filter(({ name }) => name === "none"), []);
});

Deno.test("exec goes with the container's pid namespace, and with its monitor", async () => {
  await using zygote = await TestZygote.start();
  const container = await startContainer(zygote);
  const sleep = { module: "/wasi-demo-app.wasm", args: ["app", "sleep", "60"] };
  const [first, second] = [
    await exec(zygote, container, sleep),
    await exec(zygote, container, sleep),
  ];
  await first.start();
  await second.start();
  Deno.kill(Number(status(first).PPid), "SIGKILL");
  assert.equal(await first.monitor.exited, null);
  await waitFor("the process to end", () => !exists(first.pid));
  assert.ok(exists(second.pid));
  await container.kill(SIGKILL);
  assert.equal((await second.end()).code, 137);
});

Deno.test("exec works in a container that shares the host's namespaces", async () => {
  await using zygote = await TestZygote.start();
  const container = await startContainer(zygote, { namespaces: ["mount"] });
  const { code, out } = await execToEnd(
    zygote,
    container,
    files("read", "/proc/sys/kernel/hostname"),
  );
  assert.deepEqual([code, out], [0, Deno.readTextFileSync("/proc/sys/kernel/hostname")]);
});

Deno.test("a pid namespace that takes no more processes is a failure that is told", async () => {
  await using zygote = await TestZygote.start();
  const script = "sleep 60 & echo $!; read end";
  const parent = new Running(["unshare", "--pid", "sh", "-c", script], { stdin: "open" });
  await parent.waitForOutput("\n");
  const pid = Number(parent.out);
  Deno.kill(pid, "SIGKILL"); // not reaped while the shell reads
  await waitFor(
    "the namespace's end",
    () => /^State:\tZ/m.test(Deno.readTextFileSync(`/proc/${pid}/status`)),
  );
  await assert.rejects(
    zygote.create({ monitor: [{ op: "join", kind: "pid", path: `/proc/${pid}/ns/pid` }] }),
    { message: "set up the sandbox: fork: ENOMEM: cannot allocate memory" },
  );
  await parent.closeStdin();
  await parent.result;
});
