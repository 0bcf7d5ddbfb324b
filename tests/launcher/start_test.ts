import assert from "node:assert/strict";
import { waitFor } from "../support/mod.ts";
import { builtFile, type Facts, Folder, Host, sanitizedFile } from "./support.ts";

const START = ["-namespace=n", "-id=i", "-address=/a", "-publish-binary=/b", "start"];

/** Runs `start` with the stand-in behaving as `stub` says. */
async function start(host: Host, stub: string, extra: Record<string, string> = {}) {
  return await host.run([await builtFile(), ...START], { env: { STUB: stub, ...extra } });
}

/** What the supervisor that `start` made reported of itself. */
async function readReport(folder: Folder): Promise<Facts> {
  return JSON.parse(await Deno.readTextFile(`${folder.path}/report`)) as Facts;
}

async function hasEnded(pid: number): Promise<boolean> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "State:\tX");
  return /^State:\t[XZ]/m.test(status);
}

Deno.test("start prints the supervisor's address and nothing else", async () => {
  await using host = await Host.start();
  for (const [stub, address] of [["", "stub"], ["halves", "halves"]]) {
    const { code, out, err } = await start(host, stub);
    assert.equal(out, `unix:///run/${address}.sock`);
    assert.equal(err, "");
    assert.equal(code, 0);
  }
});

/** How a supervisor may fail, and what stderr must be. */
const FAILURES: [string, RegExp][] = [
  ["error", /^create: the group is not there\n$/],
  [
    "exit",
    /^containerd-shim-deno-v1: supervisor: exited with status 3 before it was ready: [^\n]+\n$/,
  ],
  ["kill", /supervisor: killed by signal 9 \(Killed\) before it was ready/],
  ["babble", /^containerd-shim-deno-v1: supervisor: neither address nor error: "hello"\n$/],
];

for (const [stub, message] of FAILURES) {
  Deno.test(`start passes on that the supervisor failed: ${stub}`, async () => {
    await using host = await Host.start();
    const { code, out, err } = await start(host, stub);
    assert.equal(out, "");
    assert.match(err, message);
    assert.equal(code, 1);
  });
}

Deno.test("start says when the runtime cannot be executed", async () => {
  await using host = await Host.start();
  await host.facts([await builtFile(), "-info"]);
  await host.run(["mount", "-o", "remount,noexec", "/var/lib"]);
  const { code, err } = await start(host, "");
  assert.match(err, /^containerd-shim-deno-v1: start \/var\/lib\/\S+: Permission denied\n$/);
  assert.equal(code, 1);
});

Deno.test("start kills a supervisor that is not ready in time", async () => {
  using folder = new Folder();
  await using host = await Host.start();
  const file = await sanitizedFile(folder, ["START_TIMEOUT_MS=1000"]);
  await host.facts([file, "-info"], { timeoutMs: 60_000 });
  for (const stub of ["hang", "close"]) {
    const env = { STUB: stub, STUB_REPORT: `${folder.path}/report` };
    const { code, out, err } = await host.run([file, ...START], { env });
    assert.equal(out, "");
    assert.equal(err, "containerd-shim-deno-v1: supervisor: not ready after 1 s\n");
    assert.equal(code, 1);
    const { pid } = await readReport(folder);
    await waitFor("the supervisor's end", () => hasEnded(pid));
  }
});

Deno.test("start gives the supervisor what it needs and nothing more", async () => {
  using folder = new Folder();
  await using host = await Host.start();
  const bundle = host.path("/run/bundle");
  await Deno.mkdir(bundle);
  assert.equal((await host.run(["mkfifo", "/run/bundle/log"])).code, 0);
  // Descriptors 5 to 7 stand for what containerd might leak; FOO, DENO_DIR... for its environment.
  const script =
    `cd /run/bundle && export LD_PRELOAD=/nowhere.so && exec "$0" "$@" 5</dev/zero 6>/dev/full 7<>/run/bundle/log`;
  const env = {
    STUB: "stay",
    STUB_REPORT: `${folder.path}/report`,
    TTRPC_ADDRESS: "/run/ttrpc",
    FOO: "=bar=",
    DENO_DIR: "/root/deno",
    DENO_V8_FLAGS: "--expose-gc",
    LD_LIBRARY_PATH: "/lib",
    FORCE_COLOR: "1",
  };
  const argv = ["sh", "-c", script, await builtFile(), "-debug", ...START];
  const { code, out, err } = await host.run(argv, { env, clearEnv: true, stdin: "options" });
  assert.equal(err, "");
  assert.equal(out, "unix:///run/stub.sock");
  assert.equal(code, 0);
  const facts = await readReport(folder);
  try {
    assert.deepEqual(facts.args.slice(0, 8), [
      "serve",
      "namespace=n",
      "address=/a",
      "publish-binary=/b",
      "id=i",
      "bundle=",
      "debug=1",
      "engine=deno",
    ]);
    assert.equal(facts.cwd, "/run/bundle");
    assert.equal(facts.comm, "containerd-shim");
    assert.equal(facts.cmdline[0], "containerd-shim-deno-v1");
    assert.equal(facts.session, String(facts.pid));
    const { PWD: _pwd, OLDPWD: _oldPwd, ...seen } = facts.env;
    assert.deepEqual(seen, {
      STUB: "stay",
      STUB_REPORT: `${folder.path}/report`,
      TTRPC_ADDRESS: "/run/ttrpc",
      FOO: "=bar=",
      DENO_DIR: `${facts.args[8].slice("runtime=".length)}/cache`,
      DENO_NODE_SHIM_ACTIVE: "1",
      DENO_NO_PACKAGE_JSON: "1",
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
    });
    const [input, output, errors, ...others] = facts.descriptors;
    assert.match(input, /^0 pipe:/);
    assert.match(output, /^1 pipe:/);
    assert.equal(errors, "2 /run/bundle/log");
    // Deno's own: its event loop, its signal sockets, its copies of 0 to 2.
    const own =
      /^\d+ (anon_inode:|socket:|pipe:|gone|\/run\/bundle\/log|\/var\/lib\/denowasi\/[0-9a-f]{64}\/cache\/)/;
    assert(others.every((text) => own.test(text)), others.join("\n"));
    assert.equal(others.some((text) => /^(5|6|7) \/dev|\/dev\/(zero|full)/.test(text)), false);
    assert.equal(others.filter((text) => text.endsWith("/log")).length <= 1, true);
    const flags = await Deno.readTextFile(`/proc/${facts.pid}/fdinfo/2`);
    // O_RDWR | O_NONBLOCK, O_LARGEFILE set by the kernel.
    assert.match(flags, /^flags:\t0[0-7]*4002$/m);
  } finally {
    Deno.kill(facts.pid, "SIGKILL");
  }
});

Deno.test("start takes nothing but a FIFO for the bundle's log", async () => {
  using folder = new Folder();
  await using host = await Host.start();
  const make = {
    absent: "true",
    file: "echo old > log",
    link: "mkfifo fifo && ln -s fifo log",
    folder: "mkdir log",
  };
  for (const [kind, command] of Object.entries(make)) {
    const script = `mkdir /run/${kind} && cd /run/${kind} && ${command} && exec "$0" "$@"`;
    const env = { STUB: "", STUB_REPORT: `${folder.path}/report` };
    const { code } = await host.run(["sh", "-c", script, await builtFile(), ...START], { env });
    assert.equal(code, 0);
    assert.equal((await readReport(folder)).descriptors[2], "2 /dev/null", kind);
  }
  assert.equal(await Deno.readTextFile(host.path("/run/file/log")), "old\n");
});

Deno.test("start works when its caller ignores and blocks signals", async () => {
  using folder = new Folder();
  await using host = await Host.start();
  const env = { STUB: "stay", STUB_REPORT: `${folder.path}/report` };
  const trap = `trap '' CHLD HUP TERM INT USR1; exec "$0" "$@"`;
  const { code } = await host.run(["sh", "-c", trap, await builtFile(), ...START], { env });
  assert.equal(code, 0);
  const { pid } = await readReport(folder);
  try {
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    const mask = (name: string) =>
      BigInt("0x" + new RegExp(`^${name}:\\t(\\w+)$`, "m").exec(status)?.[1]);
    assert.equal(mask("SigBlk"), 0n);
    // Rust ignores SIGPIPE, posix_spawn(3) glibc's own 32 and 33; nothing else is.
    assert.equal(mask("SigIgn") & ~(1n << 12n | 3n << 31n), 0n);
  } finally {
    Deno.kill(pid, "SIGKILL");
  }
  const { err } = await host.run(["sh", "-c", trap, await builtFile(), ...START], {
    env: { STUB: "exit" },
  });
  assert.match(err, /exited with status 3/);
});

Deno.test("start runs without a fault that sanitizers see", async () => {
  using folder = new Folder();
  await using host = await Host.start();
  const file = await sanitizedFile(folder);
  await host.facts([file, "-info"], { timeoutMs: 60_000 });
  for (const [stub, message] of [["", /^$/], ...FAILURES] as const) {
    const { code, err } = await host.run([file, ...START], { env: { STUB: stub } });
    assert.match(err, message);
    assert.equal(code, stub === "" ? 0 : 1);
  }
  for (const args of [["-v"], ["-help"], ["-bad"], ["-id=.", "-namespace=n", "delete"], START]) {
    const { err } = await host.run([file, ...args]);
    assert.equal(err.includes("Sanitizer"), false, err);
  }
});
