/** Pods in which Wasm containers run beside native ones, under one shim. */

import assert from "node:assert/strict";
import type { Container, ContainerOptions, Cri, Pod } from "../support/cri.ts";
import { textOf } from "../support/cri_logs.ts";
import { waitFor } from "../support/mod.ts";
import { oneSupervisor, supervisors } from "../support/shim.ts";
import { IMAGE } from "../support/wasm.ts";
import type { CriCases } from "./cri.ts";
import {
  cgroupValue,
  idle,
  makeVolume,
  outputOf,
  sh,
  stdout,
  waitForOutput,
} from "./cri_helpers.ts";

const MIB = 1 << 20;
const DEMO = "/wasi-demo-app.wasm";
const SONG = "never ends.\n";

/** A Wasm container. */
function wasm(command: string[], options: Partial<ContainerOptions> = {}): ContainerOptions {
  return { image: IMAGE, command, ...options };
}

/** Runs one operation of files.c in a container of its own. Answers its stdout. */
function files(cri: Cri, pod: Pod, args: string[], options: Partial<ContainerOptions> = {}) {
  return outputOf(cri, pod, wasm(["/files.wasm", ...args], options));
}

/** The exit code and stderr of one operation of files.c. */
async function failed(cri: Cri, pod: Pod, args: string[], options: Partial<ContainerOptions>) {
  const container = await cri.runToEnd(pod, wasm(["/files.wasm", ...args], options));
  return [container.exitCode, textOf(await cri.logs(container), "stderr")];
}

/** The names of the interfaces in a /proc/net/dev. */
function interfaces(dev: string): string[] {
  return dev.split("\n").slice(2, -1).map((line) => line.split(":")[0].trim()).sort();
}

async function assertRuns(cri: Cri, ...containers: Container[]) {
  for (const container of containers) {
    assert.equal((await cri.status(container)).state, "CONTAINER_RUNNING", container.name);
  }
}

export const CRI_WASM_CASES: CriCases = {
  concurrent: {
    "a sidecar and two Wasm containers: each lives and ends alone": async (cri, handler) => {
      await using pod = await cri.runPod({ handler });
      const sidecar = await cri.run(pod, idle());
      const first = await cri.run(pod, wasm([DEMO, "daemon"]));
      const second = await cri.run(pod, wasm([DEMO, "daemon"]));
      for (const container of [first, second]) await waitForOutput(cri, container, SONG);
      await assertRuns(cri, sidecar, first, second);

      await cri.stop(first, 20);
      assert.equal((await cri.waitForExit(first)).exitCode, 143);
      await cri.remove(first);
      await assertRuns(cri, sidecar, second);
      assert.equal((await cri.runToEnd(pod, wasm([DEMO, "exit", "42"]))).exitCode, 42);
      assert.equal((await cri.runToEnd(pod, sh("exit 6"))).exitCode, 6);
      assert.equal(await outputOf(cri, pod, wasm([DEMO, "echo", "a b"])), "a b\n");
      assert.equal((await cri.execSync(sidecar, ["echo", "still"])).out, "still\n");

      await cri.stop(sidecar, 0);
      await assertRuns(cri, second);
      assert.equal((await cri.podStatus(pod)).state, "SANDBOX_READY");
    },

    "a Wasm container is in the pod's network, and has its name": async (cri, handler) => {
      await using pod = await cri.runPod({ handler, name: "wasm-pod" });
      const { network: { ip } } = await cri.podStatus(pod);
      const sidecar = await cri.run(pod, idle());
      const native = (await cri.execSync(sidecar, ["cat", "/proc/net/dev"])).out;
      assert.ok(interfaces(native).includes("eth0"), native);
      assert.deepEqual(
        interfaces(await files(cri, pod, ["read", "/proc/net/dev"])),
        interfaces(native),
      );
      const local = await files(cri, pod, ["read", "/proc/net/fib_trie"]);
      assert.ok(local.includes(`|-- ${ip}\n`), local);
      assert.equal(await files(cri, pod, ["read", "/proc/sys/kernel/hostname"]), "wasm-pod\n");
      assert.equal(await files(cri, pod, ["read", "/etc/hostname"]), "wasm-pod\n");
    },

    "a Wasm container in the host's network": async (cri, handler) => {
      await using pod = await cri.runPod({ handler, network: "host" });
      // What other pods come and go with is not to be compared.
      const dev = interfaces(await files(cri, pod, ["read", "/proc/net/dev"]));
      assert.ok(dev.includes("cni0") && !dev.includes("eth0"), `${dev}`);
    },

    "a Wasm container's arguments and environment": async (cri, handler) => {
      await using pod = await cri.runPod({ handler });
      const options = { args: ["one two", ""], env: { WORD: "a=b c" } };
      const out = await outputOf(cri, pod, wasm(["/args.wasm"], options));
      assert.ok(out.startsWith("arg: /args.wasm\narg: one two\narg: \n"), out);
      assert.match(out, /^env: WORD=a=b c$/m);
      const relative = wasm(["./../hello.wasm"], { workingDir: "/bin" });
      assert.equal(await outputOf(cri, pod, relative), "hello world\n");
    },

    "volumes and /dev/shm are shared by Wasm and native containers": async (cri, handler) => {
      await using pod = await cri.runPod({ handler });
      const data = { containerPath: "/data", hostPath: await makeVolume(cri) };
      const config = { containerPath: "/config", hostPath: await makeVolume(cri), readonly: true };
      await Deno.writeTextFile(`${config.hostPath}/key`, "value");
      const mounts = [data, config];
      const sidecar = await cri.run(pod, idle({ mounts }));

      await files(cri, pod, ["write", "/data/from-wasm", "w"], { mounts });
      assert.equal((await cri.execSync(sidecar, ["cat", "/data/from-wasm"])).out, "w");
      await cri.execSync(sidecar, ["sh", "-c", "echo n > /data/native; echo s > /dev/shm/file"]);
      assert.equal(await files(cri, pod, ["read", "/data/native"], { mounts }), "n\n");
      assert.equal(await files(cri, pod, ["read", "/dev/shm/file"]), "s\n");

      assert.equal(await files(cri, pod, ["read", "/config/key"], { mounts }), "value");
      const [code, err] = await failed(cri, pod, ["write", "/config/key", "x"], { mounts });
      assert.equal(code, 1);
      assert.match(`${err}`, /^write \/config\/key: /);
      assert.equal(await Deno.readTextFile(`${config.hostPath}/key`), "value");
    },

    "an init container of Wasm, then a native one": async (cri, handler) => {
      await using pod = await cri.runPod({ handler });
      const mounts = [{ containerPath: "/data", hostPath: await makeVolume(cri) }];
      const init = await cri.runToEnd(pod, wasm([DEMO, "write", "/data/file", "made"], { mounts }));
      assert.deepEqual([init.exitCode, init.reason], [0, "Completed"]);
      assert.equal(textOf(await cri.logs(init), "stderr"), "exiting\n");
      assert.equal(await outputOf(cri, pod, sh("cat /data/file", { mounts })), "made");
    },

    "a Wasm container's security context": async (cri, handler) => {
      await using pod = await cri.runPod({ handler });
      const security = {
        runAsUser: { value: 1000 },
        runAsGroup: { value: 1001 },
        readonlyRootfs: true,
        capabilities: { dropCapabilities: ["ALL"] },
      };
      const status = await files(cri, pod, ["read", "/proc/self/status"], { security });
      assert.match(status, /^Uid:(\t1000){4}$/m);
      assert.match(status, /^Gid:(\t1001){4}$/m);
      assert.match(status, /^CapBnd:\t0{16}$/m);
      assert.match(status, /^NoNewPrivs:\t1$/m);
      assert.match(status, /^Seccomp:\t2$/m);
      const readonly = { security: { readonlyRootfs: true } };
      const [code, err] = await failed(cri, pod, ["write", "/file", "x"], readonly);
      assert.equal(code, 1);
      assert.match(`${err}`, /^write \/file: /);
    },

    "a Wasm container's limits and stats": async (cri, handler) => {
      await using pod = await cri.runPod({ handler });
      const resources = { memoryLimitInBytes: 256 * MIB, cpuShares: 512 };
      const sidecar = await cri.run(pod, idle());
      const container = await cri.run(pod, wasm(["/memory.wasm", "32", "60"], { resources }));
      const names = ["memory.limit_in_bytes", "memory.max"];
      assert.equal(cgroupValue(cri, container, names), 256 * MIB);
      await waitFor("its memory to show", async () => {
        const { memory } = await cri.stats(container);
        return (memory?.workingSetBytes?.value ?? 0) > 32 * MIB;
      });
      assert.ok((await cri.stats(container)).cpu?.usageCoreNanoSeconds?.value);
      const ids = (await cri.listStats(pod)).map(({ attributes }) => attributes.id);
      assert.deepEqual(ids.sort(), [sidecar.id, container.id].sort());
    },

    "a Wasm container beyond its memory limit: OOMKilled": async (cri, handler) => {
      await using pod = await cri.runPod({ handler });
      const sidecar = await cri.run(pod, idle());
      const resources = { memoryLimitInBytes: 64 * MIB };
      const container = await cri.run(pod, wasm(["/memory.wasm", "256"], { resources }));
      assert.equal((await cri.waitForExit(container)).exitCode, 137);
      await waitFor("the reason", async () => (await cri.status(container)).reason === "OOMKilled");
      await assertRuns(cri, sidecar);
    },

    "an exec in a Wasm container is refused, and harms nothing": async (cri, handler) => {
      await using pod = await cri.runPod({ handler });
      const container = await cri.run(pod, wasm([DEMO, "daemon"]));
      await assert.rejects(cri.execSync(container, ["true"]), /ExecSync: /);
      await assertRuns(cri, container);
      const lines = (await cri.logs(container)).length;
      await waitFor("more of the song", async () => (await cri.logs(container)).length > lines);
    },

    "a Wasm container that computes ends at once": async (cri, handler) => {
      await using pod = await cri.runPod({ handler });
      const container = await cri.run(pod, wasm(["/loop.wasm"]));
      const startedAtMs = performance.now();
      await cri.stop(container, 20);
      assert.ok(performance.now() - startedAtMs < 10_000);
      assert.equal((await cri.status(container)).exitCode, 143);
    },

    "shareProcessNamespace, with Wasm": async (cri, handler) => {
      await using pod = await cri.runPod({ handler, processes: "pod" });
      const sidecar = await cri.run(pod, idle());
      const container = await cri.run(pod, wasm([DEMO, "daemon"]));
      await waitForOutput(cri, container, SONG);
      const seen = async () => (await cri.execSync(sidecar, ["ps", "-o", "pid,args"])).out;
      assert.match(await seen(), /^ +1 .*busybox sleep/m);
      assert.match(await files(cri, pod, ["read", "/proc/1/cmdline"]), /^\/bin\/busybox\0sleep/);
      await cri.stop(container, 0);
      assert.equal((await cri.waitForExit(container)).exitCode, 137);
      await assertRuns(cri, sidecar);
      await cri.stop(sidecar, 0);
      assert.equal((await cri.podStatus(pod)).state, "SANDBOX_READY");
    },
  },

  alone: {
    "one supervisor serves the pod": async (cri, handler) => {
      await waitFor("those of other pods to end", () => supervisors(cri.daemon).length === 0);
      await using pod = await cri.runPod({ handler });
      const supervisor = await waitFor("the supervisor", () => supervisors(cri.daemon)[0]);
      await cri.run(pod, idle());
      await cri.run(pod, wasm([DEMO, "daemon"]));
      assert.equal(await oneSupervisor(cri.daemon), supervisor.pid);
    },

    "containerd is restarted: Wasm and native containers run on": async (cri, handler) => {
      await using pod = await cri.runPod({ handler });
      const sidecar = await cri.run(pod, idle());
      const singer = await cri.run(pod, wasm([DEMO, "daemon"]));
      await waitForOutput(cri, singer, SONG);
      await cri.daemon.restart("KILL");
      await cri.ready();
      await assertRuns(cri, sidecar, singer);
      const sung = (await stdout(cri, singer)).split(SONG).length;
      // More than one, so that not all of them were written before the restart.
      await waitFor("more of the song", async () => {
        return (await stdout(cri, singer)).split(SONG).length > sung + 1;
      });
      assert.equal(await outputOf(cri, pod, wasm([DEMO, "echo", "grows"])), "grows\n");
      await cri.stop(singer, 20);
      assert.equal((await cri.status(singer)).exitCode, 143);
      await assertRuns(cri, sidecar);
    },
  },
};
