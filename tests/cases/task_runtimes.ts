/** Which OCI runtime is run, by the runtime options, and runtimes that fail. This shim only. */

import assert from "node:assert/strict";
import { type Kind, ShimError } from "../../src/errdefs/mod.ts";
import { type Any, Any as AnyMessage } from "../../src/proto/mod.ts";
import { Options as RuncOptions } from "../../src/proto/runc_options.ts";
import { Options as RuntimeOptions } from "../../src/proto/runtime_options.ts";
import type { Cases } from "../support/cases.ts";
import type { Daemon } from "../support/mod.ts";
import { sh } from "../support/native.ts";
import { native, Pod } from "../support/pod.ts";
import type { ShimCall } from "../support/shim.ts";
import { newId } from "../support/wasm.ts";

const SHIM_DIR = new URL("../../dist", import.meta.url).pathname;
const EXIT_3 = native(sh("exit 3"));

export const RUNTIMES_CASES: Cases = {
  "BinaryName of containerd.runc.v1.Options": (daemon) =>
    withPod(daemon, async (pod) => {
      const { path, calls } = await recorder(daemon);
      assert.equal(await pod.runToEnd(newId(), { ...EXIT_3, options: runcOptions(path) }), 3);
      assert.deepEqual(calls(), ["create", "start", "delete"]);
    }),

  "BinaryName in the body, or the file, of runtimeoptions.v1.Options": (daemon) =>
    withPod(daemon, async (pod) => {
      const { path, calls } = await recorder(daemon);
      const toml = `BinaryName = ${JSON.stringify(path)}\n`;
      const configPath = `${daemon.base}/${newId("options")}.toml`;
      await Deno.writeTextFile(configPath, toml);
      for (const given of [{ configBody: new TextEncoder().encode(toml) }, { configPath }]) {
        const options = any(RuntimeOptions.name, RuntimeOptions.encode(given));
        assert.equal(await pod.runToEnd(newId(), { ...EXIT_3, options }), 3);
      }
      assert.deepEqual(calls(), ["create", "start", "delete", "create", "start", "delete"]);
    }),

  "ShimCgroup, in the options that start gets": async (daemon) => {
    const path = `/${daemon.namespace}/shim`;
    const value = RuncOptions.encode({ shimCgroup: path });
    const stdin = AnyMessage.encode(any(RuncOptions.name, value));
    await withPod(daemon, async (pod) => {
      await pod.run(newId(), native(["sleep", "60"]));
      const text = await Deno.readTextFile(daemon.path(`/proc/${pod.pid}/cgroup`));
      assert.match(text, new RegExp(`:${path}$`, "m"));
    }, { stdin });
    for (const name of daemon.census().cgroups.filter((name) => name.endsWith(path))) {
      await Deno.remove(`/sys/fs/cgroup/${name}`);
    }
  },

  "options that cannot be are refused, by their names": (daemon) =>
    withPod(daemon, async (pod) => {
      const body = (text: string) => ({ configBody: new TextEncoder().encode(text) });
      const wrong: [Parameters<typeof RuntimeOptions.encode>[0], string][] = [
        [body("BinaryName = 5"), "BinaryName"],
        [body('Moon = "full"'), "Moon"],
        [body("rubbish"), "options"],
        [{ configPath: "/no/such/options.toml" }, "/no/such/options.toml"],
      ];
      for (const [given, text] of wrong) {
        const options = any(RuntimeOptions.name, RuntimeOptions.encode(given));
        await refused(pod, options, "InvalidArgument", text);
      }
      const missing = runcOptions("/no/such/runtime");
      await refused(pod, missing, "FailedPrecondition", 'BinaryName = "/no/such/runtime"');
      assert.equal(await pod.runToEnd(newId(), EXIT_3), 3);
    }),

  "no runtime on the PATH: Wasm runs all the same": (daemon) =>
    withPod(daemon, async (pod) => {
      await refused(pod, undefined, "FailedPrecondition", "crun");
      assert.equal(await pod.runToEnd(newId(), { args: ["/exit42.wasm"] }), 42);
    }, { env: { PATH: SHIM_DIR } }),

  "a runtime that fails is quoted": (daemon) =>
    withPod(daemon, async (pod) => {
      const log = `for word; do [ "$last" = --log ] && log=$word; last=$word; done`;
      const line = `echo '{"level":"error","msg":"the moon is full"}' >"$log"`;
      const options = await scripted(daemon, `${log}; ${line}; exit 1`);
      await refused(pod, options, "Internal", "the moon is full");
    }),

  "a runtime that writes rubbish, or lies": (daemon) =>
    withPod(daemon, async (pod) => {
      const pidFile = `for word; do [ "$last" = --pid-file ] && file=$word; last=$word; done`;
      const scripts = [
        "head -c 100000 /dev/urandom; head -c 100000 /dev/urandom >&2; exit 3",
        "exit 0",
        `${pidFile}; echo rubbish >"$file"`,
        // Somebody else's process must not be touched.
        `${pidFile}; echo 1 >"$file"`,
        `${pidFile}; echo -1 >"$file"`,
      ];
      for (const script of scripts) {
        await refused(pod, await scripted(daemon, script), "Internal", "");
      }
      assert.equal(await pod.runToEnd(newId(), EXIT_3), 3);
    }),

  "a runtime that hangs is ended": (daemon) =>
    withPod(daemon, async (pod) => {
      const script = 'case "$*" in *create*) sleep 987 & sleep 987 ;; esac';
      const options = await scripted(daemon, script);
      await refused(pod, options, "DeadlineExceeded", "not within");
      assert.ok(!daemon.processes().some(({ argv }) => argv.includes("987")));
      assert.equal(await pod.runToEnd(newId(), EXIT_3), 3);
    }),

  "an entry point that is not there is NotFound, and leaves nothing in the way": (daemon) =>
    withPod(daemon, async (pod) => {
      const id = newId();
      await rejects(pod.create(id, native(["/no/such/program"])), "NotFound", "/no/such/program");
      await pod.forget(id);
      assert.equal(await pod.runToEnd(id, EXIT_3), 3);
    }),
};

/** Create fails, and the task is not there then. */
async function refused(pod: Pod, options: Any | undefined, kind: Kind, text: string) {
  const id = newId();
  await rejects(pod.create(id, { ...EXIT_3, options }), kind, text);
  await rejects(pod.client.call("State", { id }), "NotFound", id);
  await pod.forget(id);
}

function runcOptions(binaryName: string): Any {
  return any(RuncOptions.name, RuncOptions.encode({ binaryName }));
}

function any(typeUrl: string, value: Uint8Array): Any {
  return { typeUrl, value };
}

/** Options whose runtime is a shell's `script`. */
async function scripted(daemon: Daemon, script: string): Promise<Any> {
  return runcOptions(await writeProgram(daemon, script));
}

/** runc, and which of its commands were called. */
async function recorder(daemon: Daemon) {
  const log = `${daemon.base}/${newId("calls")}`;
  const path = await writeProgram(daemon, `echo "$@" >>${log}\nexec runc "$@"`);
  const calls = () =>
    Deno.readTextFileSync(log).trim().split("\n")
      .map((line) => /\b(create|start|delete)\b/.exec(line)?.[1]);
  return { path, calls };
}

async function writeProgram(daemon: Daemon, script: string): Promise<string> {
  const path = `${daemon.base}/${newId("runtime")}`;
  await Deno.writeTextFile(path, `#!/bin/sh\n${script}\n`);
  await Deno.chmod(path, 0o755);
  return path;
}

async function withPod(daemon: Daemon, body: (pod: Pod) => Promise<void>, call: ShimCall = {}) {
  await using pod = await Pod.make(daemon, newId("pod"), 2, call);
  await body(pod);
}

async function rejects(call: Promise<unknown>, kind: Kind, text: string): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof ShimError, `${error}`);
    assert.equal(error.kind, kind, error.message);
    assert.ok(error.message.includes(text), error.message);
    return true;
  });
}
