/** wasi:http/proxy components on a real containerd: served, ended, kept in their sandbox. */

import assert from "node:assert/strict";
import { assertCensus, type Daemon, waitFor } from "../support/mod.ts";
import {
  newId,
  type RunOptions,
  runWasm,
  spawnWasm,
  startDaemon,
  taskStatus,
} from "../support/wasm.ts";

const HTTP = "/http.wasm";
const HELLO = "hello from wasm\n";

Deno.test("wasi:http", async (t) => {
  await using daemon = await startDaemon();
  for (const [name, body] of Object.entries(STEPS)) {
    await t.step(name, async () => {
      const before = daemon.census();
      await body(daemon);
      await assertCensus(daemon, before);
    });
  }
});

/** A component that serves, in a network namespace of its own or the daemon's. */
async function serve(daemon: Daemon, { flags = [], ...options }: RunOptions = {}) {
  const id = newId("http");
  const ctr = spawnWasm(daemon, [HTTP], { id, flags, timeoutMs: 60_000, ...options });
  await waitFor("it to run", async () => (await taskStatus(daemon, id))?.status === "RUNNING");
  const { pid } = (await taskStatus(daemon, id))!;
  const enter = ["nsenter", "--target", `${pid}`, "--net"];
  if (!flags.includes("--net-host")) {
    await daemon.exec([...enter, "ip", "link", "set", "lo", "up"]);
  }
  const get = async (path: string, port = 8080, most = 5) => {
    const url = `http://127.0.0.1:${port}${path}`;
    const format = ["-s", "-m", String(most), "-w", "%{http_code}"];
    const { code, out } = await daemon.exec([...enter, "curl", ...format, url]);
    return { code, status: Number(out.slice(-3)), body: out.slice(0, -3) };
  };
  const listening = (port = 8080) =>
    waitFor("it to listen", async () => (await get("/", port)).status === 200);
  const end = async (signal: string) => {
    const startedMs = performance.now();
    await daemon.mustCtr(["task", "kill", "--signal", signal, id]);
    const result = await ctr.result;
    return { ...result, ms: performance.now() - startedMs };
  };
  return { id, pid, get, listening, end };
}

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "served on port 8080 of the host's network, and ended in order by INT": async (daemon) => {
    const { get, listening, end } = await serve(daemon, { flags: ["--net-host"] });
    await listening();
    assert.deepEqual(await get("/"), { code: 0, status: 200, body: HELLO });
    assert.deepEqual(await get("/print"), { code: 0, status: 200, body: "printed\n" });
    const slow = get("/sleep/300");
    await new Promise((resolve) => setTimeout(resolve, 100));
    const { code, out, err, ms } = await end("INT");
    assert.deepEqual([code, out, err], [0, "to stdout\n", "to stderr\n"]);
    assert.ok(ms < 5000, `ended after ${ms} ms`);
    assert.deepEqual(await slow, { code: 0, status: 200, body: "slept\n" });
  },

  "two at once, each in a network of its own, ended at once by TERM": async (daemon) => {
    const env = (name: string, port: number) => ({
      flags: ["--env", `NAME=${name}`, "--env", `DENOWASI_HTTP_SOCKET_ADDR=127.0.0.1:${port}`],
    });
    const both = await Promise.all([
      serve(daemon, env("a", 81)),
      serve(daemon, { flags: ["--env", "NAME=b"] }),
    ]);
    const ports = [81, 8080];
    await Promise.all(both.map(({ listening }, index) => listening(ports[index])));
    for (const [index, { get }] of both.entries()) {
      assert.match(
        (await get("/environment", ports[index])).body,
        [/^NAME=a$/m, /^NAME=b$/m][index],
      );
    }
    assert.deepEqual(await both[1].get("/trap"), { code: 0, status: 500, body: "" });
    for (const { end } of both) {
      const { code, ms } = await end("TERM");
      assert.equal(code, 143);
      assert.ok(ms < 1000, `ended after ${ms} ms`);
    }
  },

  "ended while a guest keeps it busy": async (daemon) => {
    for (const [signal, code, mostMs] of [["TERM", 143, 1000], ["INT", 0, 5000]] as const) {
      const { get, listening, end } = await serve(daemon);
      await listening();
      assert.equal((await get("/spin", 8080, 0.2)).status, 0);
      const ended = await end(signal);
      assert.equal(ended.code, code);
      assert.ok(ended.ms < mostMs, `ended after ${ended.ms} ms`);
    }
  },

  "ended before it listens": async (daemon) => {
    for (const [signal, code] of [["TERM", 143], ["INT", 0]] as const) {
      const { end } = await serve(daemon, { flags: ["--net-host"] });
      assert.equal((await end(signal)).code, code);
    }
  },

  "kept in its sandbox": async (daemon) => {
    const flags = ["--user", "1000", "--seccomp", "--read-only", "--env", "SECRET=x"];
    const { pid, listening, end } = await serve(daemon, { flags });
    await listening();
    const proc = (name: string) => Deno.readTextFile(daemon.path(`/proc/${pid}/${name}`));
    const status = await proc("status");
    assert.match(status, /^Uid:\t1000\t1000\t1000\t1000$/m);
    assert.match(status, /^CapEff:\t0+$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    // Its allow-list, the container's profile, and the lock that nothing is exec'd after.
    assert.match(status, /^Seccomp_filters:\t3$/m);
    assert.match(status, /^NSpid:\t\d+\t1$/m);
    assert.doesNotMatch(await proc("environ"), /SECRET|PATH=/);
    assert.match(await proc("comm"), /^denowasi-http$/m);
    const files = [...Deno.readDirSync(daemon.path(`/proc/${pid}/fd`))].map(({ name }) =>
      Deno.readLinkSync(daemon.path(`/proc/${pid}/fd/${name}`))
    );
    const own = files.filter((path) => !/^(socket|anon_inode|pipe):/.test(path));
    const streams = own.filter((path) => path.includes("/fifo/") || path === "/dev/null");
    assert.deepEqual(own.filter((path) => !streams.includes(path)), ["/"], "the runtime's folder");
    // Written by nobody, root neither.
    const folder = daemon.path(`/proc/${pid}/fd/3`);
    assert.throws(() => Deno.writeTextFileSync(`${folder}/shim.js`, ""), /os error 30/);
    assert.equal((await end("TERM")).code, 143);
  },

  "loads no library that the container's files name": async (daemon) => {
    const folder = `${daemon.base}/${newId("etc")}`;
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/preload`, "/lib/evil.so\n");
    await Deno.writeTextFile(`${folder}/nsswitch`, "hosts: evil\n");
    await Deno.writeTextFile(`${folder}/hosts`, "127.0.0.1 here.test\n");
    const mount = (name: string, at: string) => [
      "--mount",
      `type=bind,src=${folder}/${name},dst=${at},options=rbind:ro`,
    ];
    const { get, listening, end } = await serve(daemon, {
      flags: [
        ...mount("preload", "/etc/ld.so.preload"),
        ...mount("nsswitch", "/etc/nsswitch.conf"),
        ...mount("hosts", "/etc/hosts"),
      ],
    });
    await listening();
    // By the resolver's own ways, which nsswitch.conf would leave out.
    assert.deepEqual(await get("/forward/here.test:8080/count"), {
      ...{ code: 0, status: 200, body: "1" },
    });
    const { code, err } = await end("INT");
    assert.deepEqual([code, err], [0, ""]); // the loader says what it cannot preload
  },

  "refused when its settings are wrong": async (daemon) => {
    for (
      const [variable, reason] of [
        ["DENOWASI_HTTP_SOCKET_ADDR=here", 'DENOWASI_HTTP_SOCKET_ADDR: "here": not ADDRESS:PORT'],
        [
          "WASMTIME_HTTP_PROXY_BACKLOG=-1",
          'WASMTIME_HTTP_PROXY_BACKLOG: "-1": not 1 to 2147483647',
        ],
      ]
    ) {
      const { code, err } = await runWasm(daemon, [HTTP], { flags: ["--env", variable] });
      assert.notEqual(code, 0);
      assert.ok(err.includes(reason), err);
    }
  },

  "ended with 1 when its port is taken": async (daemon) => {
    const { listening, end } = await serve(daemon, { flags: ["--net-host"] });
    await listening();
    const { code, err } = await runWasm(daemon, [HTTP], { flags: ["--net-host"] });
    assert.equal(code, 1);
    assert.match(err, /^listen on 0\.0\.0\.0:8080: .*in use/);
    assert.equal((await end("TERM")).code, 143);
  },
};
