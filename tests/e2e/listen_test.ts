/** Sockets that a Wasm container is given by its annotation. */

import assert from "node:assert/strict";
import { assertCensus, type Daemon, must, waitFor } from "../support/mod.ts";
import { newId, runWasm, spawnWasm, startDaemon, taskStatus, VERSIONS } from "../support/wasm.ts";

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: listening sockets`, async (t) => {
    await using daemon = await startDaemon({ version });
    const before = daemon.census();
    for (const [name, body] of Object.entries(STEPS)) await t.step(name, () => body(daemon));
    await t.step("nothing is left", () => assertCensus(daemon, before));
  });
}

const listen = (addresses: string) => ["--annotation", `io.denowasi.listen=${addresses}`];

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "a module accepts connections in the network of its container": async (daemon) => {
    const id = newId();
    const flags = listen("tcp://0.0.0.0:80,tcp://127.0.0.1:8080");
    const server = spawnWasm(daemon, ["/serve.wasm", "5", "1"], { id, flags });
    await server.waitForOutput("ready\n");
    const { pid } = (await taskStatus(daemon, id))!;
    const network = daemon.path(`/proc/${pid}/ns/net`);
    const script = "ip link set lo up; echo hello | /bin/busybox nc 127.0.0.1 8080";
    const { out } = await must(["nsenter", `--net=${network}`, "sh", "-c", script]);
    assert.equal(out, "5: hello\n");
    const result = await server.result;
    assert.deepEqual([result.code, result.out], [0, "ready\nserved\n"]);
  },

  "an address that is none, or taken, fails Create": async (daemon) => {
    const none = await runWasm(daemon, ["/hello.wasm"], { flags: listen("http://0.0.0.0:80") });
    assert.notEqual(none.code, 0);
    assert.match(
      none.err,
      /annotations\.io\.denowasi\.listen: .*http:\/\/0\.0\.0\.0:80.*: not tcp:/,
    );
    const twice = listen("tcp://0.0.0.0:80,tcp://0.0.0.0:80");
    const taken = await runWasm(daemon, ["/hello.wasm"], { flags: twice });
    assert.notEqual(taken.code, 0);
    assert.match(
      taken.err,
      /set up the sandbox: listen 0\.0\.0\.0 80: EADDRINUSE: address already/,
    );
    await waitFor("its processes to end", () => daemon.processes().length === 1);
  },
};
