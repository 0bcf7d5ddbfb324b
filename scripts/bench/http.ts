/** A wasi:http/proxy component in a container beside Deno's server alone: requests a second, by wrk on the loopback. */

import type { Daemon, Running } from "../../tests/support/mod.ts";
import { newId, RUNTIME, taskStatus } from "../../tests/support/wasm.ts";
import { buildImage, file } from "../image.ts";
import { modulePath } from "../modules.ts";
import type { Section } from "./report.ts";
import { median } from "./statistics.ts";

const IMAGE = "localhost/denowasi/http:latest";
const CONNECTIONS = 32;

/** What is measured, and where it listens. */
const SERVERS = [
  { label: "Deno.serve alone", port: 8101, instances: undefined },
  { label: "component, shared instances", port: 8102, instances: "shared" },
  { label: "component, one per request", port: 8103, instances: "request" },
] as const;
type Server = typeof SERVERS[number];

interface Measured {
  server: Server;
  /** ms from the command that starts it to the first answer. */
  startMs: number;
  /** Of the serving process. */
  pid: number;
  end: () => Promise<void>;
}

function start(daemon: Daemon, { port, instances }: Server): { process: Running; id?: string } {
  if (instances === undefined) {
    const script = new URL("http_plain.ts", import.meta.url).pathname;
    const argv = [Deno.execPath(), "run", "-A", "--no-config", "--quiet", script, String(port)];
    return { process: daemon.spawn(argv, { timeoutMs: 120_000 }) };
  }
  const id = newId("bench-http");
  const env = [
    `DENOWASI_HTTP_SOCKET_ADDR=127.0.0.1:${port}`,
    `DENOWASI_HTTP_INSTANCES=${instances}`,
  ].flatMap((variable) => ["--env", variable]);
  const args = ["run", "--rm", "--net-host", "--runtime", RUNTIME, ...env, IMAGE, id, "/http.wasm"];
  return { process: daemon.spawnCtr(args, { timeoutMs: 120_000 }), id };
}

async function begin(daemon: Daemon, server: Server): Promise<Measured> {
  const startedMs = performance.now();
  const { process, id } = start(daemon, server);
  const url = `http://127.0.0.1:${server.port}/`;
  const answered = await daemon.exec(["sh", "-c", `until curl -so /dev/null ${url}; do :; done`]);
  if (answered.code !== 0) throw new Error(`${server.label}: no answer: ${process.err}`);
  const startMs = performance.now() - startedMs;
  const pid = id === undefined
    ? daemon.processes().find(({ argv }) => argv.at(-1) === String(server.port))!.pid
    : (await taskStatus(daemon, id))!.pid;
  const end = async () => {
    if (id === undefined) process.kill();
    else await daemon.mustCtr(["task", "kill", "--signal", "INT", id]);
    await process.result;
  };
  return { server, startMs, pid, end };
}

/** MB that only this process has. */
function privateMb(daemon: Daemon, { pid }: Measured): number {
  const text = Deno.readTextFileSync(daemon.path(`/proc/${pid}/smaps_rollup`));
  const kb = [...text.matchAll(/^Private_\w+: +(\d+) kB$/gm)].reduce((sum, [, kb]) => sum + +kb, 0);
  return kb * 1024 / 1e6;
}

async function requestsPerSecond(daemon: Daemon, port: number, seconds: number): Promise<number> {
  const { out, err } = await daemon.exec(
    ["wrk", "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, `http://127.0.0.1:${port}/`],
    { timeoutMs: 30_000 },
  );
  const rate = /^Requests\/sec: +([\d.]+)$/m.exec(out)?.[1];
  if (rate === undefined || /Non-2xx/.test(out)) throw new Error(`wrk: ${out}${err}`);
  return Number(rate);
}

/** @param rounds of `seconds` each, in turns */
export async function measureHttp(
  daemon: Daemon,
  rounds: number,
  seconds: number,
): Promise<Section> {
  const layer = [file("/http.wasm", await Deno.readFile(modulePath("http.wasm")), 0o755)];
  await daemon.importImage(await buildImage({ ref: IMAGE, layers: [layer] }));
  const running: Measured[] = [];
  try {
    for (const server of SERVERS) running.push(await begin(daemon, server));
    const idleMb = running.map((each) => privateMb(daemon, each));
    const rates = running.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [index, { server }] of running.entries()) {
        rates[index].push(await requestsPerSecond(daemon, server.port, seconds));
      }
    }
    const rate = rates.map(median);
    return {
      title: `wasi:http, median of ${rounds}`,
      columns: ["requests/s", "Deno.serve's to it", "start ms", "idle MB", "busy MB"],
      rows: running.map((each, index) => ({
        label: each.server.label,
        values: [
          rate[index],
          rate[0] / rate[index],
          each.startMs,
          idleMb[index],
          privateMb(daemon, each),
        ],
      })),
      claims: [{
        name: "wasi:http requests, Deno.serve's to ours",
        value: rate[0] / rate[1],
        target: 3,
        unit: "x",
      }],
    };
  } finally {
    for (const { end } of running) await end();
  }
}
