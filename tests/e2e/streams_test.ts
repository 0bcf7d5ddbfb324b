/** The standard streams of a container: complete, byte for byte, to wherever they go. */

import assert from "node:assert/strict";
import { assertCensus, type Daemon, type Version, waitFor } from "../support/mod.ts";
import { detachWasm, newId, runWasm, startDaemon, taskStatus, VERSIONS } from "../support/wasm.ts";

const MIB = 1 << 20;

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: streams`, async (t) => {
    await using daemon = await startDaemon({ version });
    const before = daemon.census();
    for (const [name, { body, not }] of Object.entries(STEPS)) {
      const reason = not?.[version];
      const ignore = reason !== undefined;
      await t.step({
        name: `${name}${ignore ? `: ${reason}` : ""}`,
        ignore,
        fn: () => body(daemon),
      });
    }
    await t.step("nothing is left", () => assertCensus(daemon, before));
  });
}

interface Step {
  body: (daemon: Daemon) => Promise<void>;
  /** Versions on which it cannot be, and why. */
  not?: Partial<Record<Version, string>>;
}

const STEPS: Record<string, Step> = {
  "stdin arrives byte for byte, and ends": {
    not: { "1.6": "its ctr never closes a container's stdin" },
    body: async (daemon) => {
      const stdin = randomBytes(MIB);
      const { code, stdout } = await runWasm(daemon, ["/cat.wasm"], { stdin, timeoutMs: 30_000 });
      assert.equal(code, 0);
      assert.equal(await sha256(stdout), await sha256(stdin));
    },
  },

  "large output is complete to its last line": {
    body: async (daemon) => {
      const { code, stdout } = await runWasm(daemon, ["/output.wasm", "20"], { timeoutMs: 60_000 });
      assert.equal(code, 0);
      assert.equal(stdout.length, 20 * MIB + "end".length);
      assert.equal(new TextDecoder().decode(stdout.subarray(-3)), "end");
      assert.equal(await sha256(stdout), await sha256(expectedOutput(20)));
    },
  },

  "--log-uri writes both streams to a file": {
    body: async (daemon) => {
      const path = `${daemon.base}/${newId("logs")}/new folder/log`;
      const flags = ["--log-uri", `file://${path.replace(" ", "%20")}`];
      await runWasm(daemon, ["/wasi-demo-app.wasm", "echo", "to the file"], { flags });
      assert.equal(await Deno.readTextFile(path), "to the file\nexiting\n");
    },
  },

  "a container that nobody reads waits, and can be killed": {
    body: async (daemon) => {
      // More than ctr reads while it starts it.
      const id = await detachWasm(daemon, ["/output.wasm", "10000"], { flags: [] });
      assert.equal((await taskStatus(daemon, id))?.status, "RUNNING");
      await daemon.mustCtr(["task", "kill", "--signal", "TERM", id]);
      await waitFor("its end", async () => (await taskStatus(daemon, id))?.status === "STOPPED");
      assert.match((await daemon.mustCtr(["task", "delete", id])).err, /exit code 143/);
      await daemon.mustCtr(["container", "delete", id]);
    },
  },

  "without streams a container runs": {
    body: async (daemon) => {
      const flags = ["--null-io"];
      const { code, out } = await runWasm(daemon, ["/output.wasm", "1"], { flags });
      assert.deepEqual([code, out], [0, ""]);
    },
  },
};

/** What output.wasm prints. */
function expectedOutput(mib: number): Uint8Array {
  const lines = Array.from(
    { length: mib * MIB / 64 },
    (_, n) => `${String(n).padStart(63, "0")}\n`,
  );
  return new TextEncoder().encode(`${lines.join("")}end`);
}

function randomBytes(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  // No call may ask for more.
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

async function sha256(bytes: Uint8Array): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes))).toHex();
}
