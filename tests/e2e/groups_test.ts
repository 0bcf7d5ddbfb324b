/** Containers that share a supervisor: those of a pod, or of the whole node. */

import assert from "node:assert/strict";
import { assertCensus, waitFor } from "../support/mod.ts";
import { oneSupervisor, supervisors, zygotes } from "../support/shim.ts";
import {
  detachWasm,
  removeWasm,
  runWasm,
  startDaemon,
  taskStatus,
  VERSIONS,
} from "../support/wasm.ts";

const DEMO = "/wasi-demo-app.wasm";

function inPod(name: string): string[] {
  return ["--null-io", "--annotation", `io.kubernetes.cri.sandbox-id=${name}`];
}

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: a pod's containers share a supervisor`, async () => {
    await using daemon = await startDaemon({ version });
    const before = daemon.census();
    const flags = inPod("pod");
    const first = await detachWasm(daemon, [DEMO, "daemon"], { flags });
    const shared = await oneSupervisor(daemon);
    const second = await detachWasm(daemon, [DEMO, "daemon"], { flags });
    assert.equal(await oneSupervisor(daemon), shared);

    // Of another pod.
    const other = await detachWasm(daemon, [DEMO, "daemon"], { flags: inPod("other") });
    assert.equal(supervisors(daemon).length, 2);
    await removeWasm(daemon, other);
    assert.equal(await oneSupervisor(daemon), shared);

    await removeWasm(daemon, first);
    assert.equal((await taskStatus(daemon, second))?.status, "RUNNING");
    assert.equal(await oneSupervisor(daemon), shared);
    // The pod can still grow.
    assert.equal((await runWasm(daemon, ["/hello.wasm"], { flags })).code, 0);
    assert.equal((await taskStatus(daemon, second))?.status, "RUNNING");
    await removeWasm(daemon, second);
    await assertCensus(daemon, before);
  });
}

Deno.test("a large module runs in a zygote that compiles what is called", async () => {
  await using daemon = await startDaemon();
  const before = daemon.census();
  const pod = inPod("large");
  const first = await detachWasm(daemon, [DEMO, "daemon"], { flags: pod });
  assert.equal(zygotes(daemon).length, 1);
  const flags = pod.slice(1); // with its streams
  for (let times = 0; times < 2; times++) {
    const { code, out } = await runWasm(daemon, ["/large.wasm"], { flags });
    assert.deepEqual([code, out], [7, "large\n"]);
    assert.equal(zygotes(daemon).length, 2);
  }
  assert.equal((await runWasm(daemon, [DEMO, "echo", "small"], { flags })).out, "small\n");
  assert.equal(supervisors(daemon).length, 1);
  await removeWasm(daemon, first);
  await assertCensus(daemon, before);
});

Deno.test("grouping = node: one supervisor for all, which ends when idle", async () => {
  await using daemon = await startDaemon();
  const before = daemon.census();
  const config = daemon.path("/etc/denowasi/config.toml");
  await Deno.writeTextFile(config, 'grouping = "node"\nidle_seconds = 2\n');

  const first = await detachWasm(daemon, [DEMO, "daemon"], { flags: inPod("one") });
  const shared = await oneSupervisor(daemon);
  const second = await detachWasm(daemon, [DEMO, "daemon"]);
  assert.equal(await oneSupervisor(daemon), shared);

  await removeWasm(daemon, first);
  await removeWasm(daemon, second);
  // Unused, but not for long enough.
  assert.equal(await oneSupervisor(daemon), shared);
  assert.equal((await runWasm(daemon, ["/hello.wasm"])).code, 0);
  assert.equal(await oneSupervisor(daemon), shared);

  await waitFor("the idle supervisor to end", () => supervisors(daemon).length === 0);
  await assertCensus(daemon, before);
  // And the next container finds or makes another.
  assert.equal((await runWasm(daemon, ["/hello.wasm"])).code, 0);
  assert.notEqual(await oneSupervisor(daemon), shared);
  await assertCensus(daemon, before);
});

Deno.test("a wrong configuration refuses containers and says why", async () => {
  await using daemon = await startDaemon();
  const before = daemon.census();
  await Deno.writeTextFile(daemon.path("/etc/denowasi/config.toml"), 'grouping = "moon"\n');
  const { code, err } = await runWasm(daemon, ["/hello.wasm"]);
  assert.notEqual(code, 0);
  assert.match(err, /\/etc\/denowasi\/config\.toml: grouping = "moon": not "sandbox" or "node"/);
  await assertCensus(daemon, before);
});
