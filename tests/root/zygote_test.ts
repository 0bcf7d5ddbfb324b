/** The zygote: forks containers, one after the other, and nothing of one is left for the next. Needs root. */

import assert from "node:assert/strict";
import { waitFor } from "../support/mod.ts";
import type { Op } from "../../src/linux/plan.ts";
import { holdsOnly } from "./support_descriptors.ts";
import { exists, findInMemory, folder, ROOT, sandbox, TestZygote } from "./support_zygote.ts";

const SIGKILL = 9, SIGTERM = 15;

Deno.test("zygote runs modules in their sandbox", async () => {
  await using zygote = await TestZygote.start();
  assert.deepEqual(await zygote.run(), { code: 0, out: "hello world\n", err: "" });
  assert.deepEqual(await zygote.run({ export: "foo" }), {
    code: 0,
    out: "hello from foo\n",
    err: "",
  });
  assert.equal((await zygote.run({ module: "/exit42.wasm" })).code, 42);
  const args = ["app", "", "é 😀", "a\nb"];
  const env = ["B=2", "A=1", "B=3"];
  const lines = [...args.map((arg) => `arg: ${arg}\n`), ...env.map((entry) => `env: ${entry}\n`)];
  assert.deepEqual(await zygote.run({ module: "/args.wasm", args, env }), {
    code: 0,
    out: lines.join(""),
    err: "",
  });
  const trap = await zygote.run({ module: "/unreachable.wasm" });
  assert.equal(trap.code, 134);
  assert.match(trap.err, /^trap: unreachable\n.*inner.*\n.*outer.*\n/);
  assert.match(
    (await zygote.run({ module: "/recurse.wasm" })).err,
    /^trap: Maximum call stack size exceeded\n/,
  );
});

Deno.test("zygote compiles a module for each limit of its memory", async () => {
  await using zygote = await TestZygote.start();
  const MIB = 1 << 20;
  const run = (mib: string, memoryLimit: number) =>
    zygote.run({ module: "/memory.wasm", args: ["memory", mib], memoryLimit });
  assert.equal((await run("40", 0)).out, "touched 40\n");
  for (let round = 0; round < 2; round++) {
    const { code, err } = await run("40", 32 * MIB);
    assert.equal(code, 1);
    assert.match(err, /^malloc: no memory after (2\d|3[01]) MiB\n$/);
    assert.equal((await run("40", 64 * MIB)).out, "touched 40\n");
    assert.equal((await run("40", 0)).out, "touched 40\n");
  }
  await assert.rejects(run("1", 65536), {
    kind: "InvalidArgument",
    message:
      /^limit memory 0 of \/memory\.wasm: it begins with \d+ bytes: above the limit of 65536$/,
  });
  assert.equal((await run("1", 0)).code, 0);
});

Deno.test("zygote's child ends at its deadline on the processor, and says so", async () => {
  await using zygote = await TestZygote.start();
  const init = (soft: bigint, hard: bigint): Op[] => [
    ...sandbox(ROOT),
    { op: "rlimit", resource: 0, soft, hard },
  ];
  const [loop, asleep] = await Promise.all([
    zygote.run({ module: "/loop.wasm", init: init(1n, 2n) }),
    zygote.run({
      module: "/wasi-demo-app.wasm",
      args: ["app", "sleep", "1.5"],
      init: init(1n, 2n),
    }),
  ]);
  assert.deepEqual(loop, { code: 128 + 24, out: "", err: "cpu deadline reached: 1 s\n" });
  assert.equal(asleep.code, 0);
});

Deno.test("zygote's child waits for its start, and holds nothing but its streams and preopens", async () => {
  await using zygote = await TestZygote.start();
  const created = await zygote.create({ module: "/loop.wasm" });
  assert.equal(Deno.readTextFileSync(`/proc/${created.pid}/comm`), "loop.wasm\n");
  await created.start();
  await holdsOnly(created.pid, ["/"]);
  const status = Deno.readTextFileSync(`/proc/${created.pid}/status`);
  assert.match(status, /^NSpid:\t\d+\t1$/m);
  assert.match(status, /^Uid:\t1000\t1000\t1000\t1000$/m);
  assert.match(status, /^CapEff:\t0+$/m);
  assert.match(status, /^Threads:\t1$/m);
  assert.equal((await created.kill(SIGTERM))?.code, 143, "init ends at once");
});

Deno.test("zygote's child can be killed before its start", async () => {
  await using zygote = await TestZygote.start();
  const created = await zygote.create();
  assert.equal((await created.kill(SIGKILL))?.code, 137);
  assert.equal((await created.end()).out, "");
});

Deno.test("zygote's child that cannot set itself up says at which step", async () => {
  await using zygote = await TestZygote.start();
  await assert.rejects(
    zygote.create({ init: [{ op: "propagation", path: "/nowhere", flags: 0 }] }),
    {
      kind: "Internal",
      message: "set up the sandbox: propagation /nowhere: ENOENT: no such file or directory",
    },
  );
  await assert.rejects(
    zygote.create({ monitor: [{ op: "join", kind: "pid", path: "/nowhere" }] }),
    {
      message: "set up the sandbox: join /nowhere: ENOENT: no such file or directory",
    },
  );
  assert.equal((await zygote.run()).code, 0);
});

Deno.test("zygote refuses what cannot run, and goes on", async () => {
  const refusals: [module: string, name: string, kind: string, message: RegExp][] = [
    [
      "/invalid.wasm",
      "_start",
      "InvalidArgument",
      /^compile \/invalid\.wasm: unknown section code .* @\+\d+$/,
    ],
    ["/truncated.wasm", "_start", "InvalidArgument", /^compile \/truncated\.wasm: /],
    [
      "/not-wasm.wasm",
      "_start",
      "InvalidArgument",
      /^compile \/not-wasm\.wasm: expected magic word /,
    ],
    ["/empty.wasm", "_start", "InvalidArgument", /empty\.wasm/],
    [
      "/unknown_import.wasm",
      "_start",
      "InvalidArgument",
      /^link .* no_such_module\.no_such_function \(function\)$/,
    ],
    [
      "/no_start.wasm",
      "_start",
      "InvalidArgument",
      /^find export _start of \/no_start\.wasm: there is none$/,
    ],
    ["/hello.wasm", "bar", "InvalidArgument", /^find export bar of \/hello\.wasm: there is none$/],
    [
      "/hello.wasm",
      "memory",
      "InvalidArgument",
      /^find export memory of .* it is a memory, not a function$/,
    ],
    ["/none.wasm", "_start", "NotFound", /^\/none\.wasm: No such file or directory$/],
    ["/hello.wasm/x", "_start", "NotFound", /^\/hello\.wasm\/x: Not a directory$/],
    ["/proc", "_start", "InvalidArgument", /^\/proc: /],
    ["/outside.wasm", "_start", "NotFound", /^\/outside\.wasm: No such file or directory$/],
    ["/fifo.wasm", "_start", "InvalidArgument", /^\/fifo\.wasm: /],
  ];
  Deno.writeFileSync(`${ROOT}/empty.wasm`, new Uint8Array());
  Deno.symlinkSync("/etc/shadow", `${ROOT}/outside.wasm`);
  assert.ok((await new Deno.Command("mkfifo", { args: [`${ROOT}/fifo.wasm`] }).output()).success);
  await using zygote = await TestZygote.start();
  const before = zygote.descriptors();
  const wrong: string[] = [];
  for (const [module, name, kind, message] of refusals) {
    const error = await zygote.create({ module, export: name }).then(
      () => undefined,
      (error) => error,
    );
    if (error?.kind !== kind || !message.test(error.message)) {
      wrong.push(`${module}#${name}: ${error?.kind}: ${error?.message}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.equal(zygote.descriptors(), before);
  assert.equal((await zygote.run()).out, "hello world\n");
});

Deno.test("zygote runs a module of the SHA-256 that is asked for, and no other", async () => {
  await using zygote = await TestZygote.start();
  const bytes = Deno.readFileSync(`${ROOT}/hello.wasm`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  for (const wrong of [digest.replace(/^./, "x"), digest.slice(1), "x"]) {
    await assert.rejects(zygote.create({ digest: wrong }), {
      kind: "DataLoss",
      message: "/hello.wasm: its bytes have another SHA-256",
    });
  }
  for (const right of [digest, ""]) {
    assert.equal((await zygote.run({ digest: right })).out, "hello world\n");
  }
  // Nor when it is compiled already.
  await assert.rejects(zygote.create({ digest: "x" }), { kind: "DataLoss" });
});

Deno.test("zygote's child exits with the low byte of its code, as a process does", async () => {
  await using zygote = await TestZygote.start();
  // (module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))) (memory (export "memory") 1)
  //   (func (export "_start") (call 0 (i32.const CODE))))
  const head = "0061736d01000000" + "01080260017f00600000" + "0224" + "01" +
    "16776173695f736e617073686f745f7072657669657731" + "0970726f635f65786974" + "0000" +
    "03020101" + "0503010001" + "071302" + "066d656d6f7279" + "0200" + "065f7374617274" + "0001";
  for (const [code, leb128] of [[0, "8002"], [44, "ac02"], [255, "7f"], [254, "7e"]] as const) {
    const body = Uint8Array.fromHex(`0041${leb128}10000b`);
    const section = Uint8Array.of(10, body.length + 2, 1, body.length);
    const module = Uint8Array.fromHex(head + section.toHex() + body.toHex());
    Deno.writeFileSync(`${ROOT}/exit-${code}.wasm`, module);
    assert.deepEqual(await zygote.run({ module: `/exit-${code}.wasm` }), {
      code,
      out: "",
      err: "",
    });
  }
});

Deno.test("zygote forks 200 containers one after the other, and keeps nothing", async () => {
  await using zygote = await TestZygote.start();
  await zygote.run();
  const [descriptors, mounts] = [
    zygote.descriptors(),
    Deno.readTextFileSync("/proc/self/mountinfo"),
  ];
  const pids: number[] = [];
  for (let index = 0; index < 200; index++) {
    const created = await zygote.create();
    pids.push(created.pid);
    await created.start();
    assert.deepEqual(await created.end(), { code: 0, out: "hello world\n", err: "" });
  }
  await waitFor("the last monitor to end", () => zygote.children().length === 0);
  assert.equal(zygote.descriptors(), descriptors);
  assert.equal(new Set(pids).size, 200);
  assert.deepEqual(pids.filter(exists), []);
  assert.equal(Deno.readTextFileSync("/proc/self/mountinfo"), mounts);
});

Deno.test("zygote compiles the same bytes once, and for the next fork does not enter JavaScript", async () => {
  const preload = `${folder}/count.js`;
  Deno.writeTextFileSync(
    preload,
    `const say = (text) => Deno.stderr.writeSync(new TextEncoder().encode(text + "\\n"));
     const { getCString } = Deno.UnsafePointerView;
     Deno.UnsafePointerView.getCString = (...args) => {
       const text = getCString(...args);
       say("field " + text); // what the zygote asks for in JavaScript; in a child, the guest
       return text;
     };
     WebAssembly.Module = class extends WebAssembly.Module {
       constructor(code) {
         super(code);
         say("compile " + code.length);
       }
     };`,
  );
  await using zygote = await TestZygote.start(preload);
  const bytes = Deno.readFileSync(`${ROOT}/hello.wasm`);
  Deno.writeFileSync(`${ROOT}/copy.wasm`, bytes);
  const log: string[] = [];
  const step = async (module: string, name = "_start") => {
    const from = zygote.process.err.length;
    await (await zygote.create({ module, export: name })).kill(SIGKILL);
    log.push(zygote.process.err.slice(from).trimEnd());
  };
  await step("/hello.wasm");
  await step("/hello.wasm");
  await step("/copy.wasm"); // the same bytes
  await step("/hello.wasm", "foo"); // another export: looked for, not compiled
  await step("/hello.wasm", "foo");
  Deno.writeFileSync(`${ROOT}/copy.wasm`, Deno.readFileSync(`${ROOT}/exit42.wasm`));
  await step("/copy.wasm"); // other bytes
  await step("/exit42.wasm");
  assert.deepEqual(log, [
    `field /hello.wasm\nfield 0\ncompile ${bytes.length}\nfield _start`,
    "",
    "",
    "field /hello.wasm\nfield 0\nfield foo",
    "",
    `field /copy.wasm\nfield 0\ncompile ${Deno.statSync(`${ROOT}/exit42.wasm`).size}\nfield _start`,
    "",
  ]);
  assert.equal((await zygote.run({ module: "/copy.wasm" })).code, 42);
});

Deno.test("zygote's children draw different random bytes", async () => {
  await using zygote = await TestZygote.start();
  const drawn = await Promise.all(
    Array.from({ length: 8 }, () => zygote.run({ module: "/random.wasm" })),
  );
  for (const { out } of drawn) assert.match(out, /^[0-9a-f]{32}\n$/);
  assert.equal(new Set(drawn.map(({ out }) => out)).size, drawn.length);
});

Deno.test("zygote keeps nothing of a container's arguments and environment", async () => {
  await using zygote = await TestZygote.start();
  const random = () => crypto.getRandomValues(new Uint8Array(8)).toHex();
  const prefix = random();
  const marker = () => prefix + random();
  const find = (pid: number) => findInMemory(pid, prefix, marker().length);
  // The first is compiled, which takes another way than the second.
  for (let round = 0; round < 2; round++) {
    const [inArgs, inEnv] = [marker(), marker()];
    const { out } = await zygote.run({
      module: "/args.wasm",
      args: ["app", inArgs],
      env: [`SECRET=${inEnv}`],
    });
    assert.equal(out, `arg: app\narg: ${inArgs}\nenv: SECRET=${inEnv}\n`);
  }
  await assert.rejects(zygote.create({ module: "/invalid.wasm", args: [marker()] }));
  const own = marker();
  const next = await zygote.create({
    module: "/wasi-demo-app.wasm",
    args: ["app", "sleep", "60", own],
  });
  await next.start();
  await waitFor("its own argument in its memory", () => find(next.pid).length > 0);
  assert.deepEqual(find(next.pid), [own]);
  assert.deepEqual(find(zygote.pid), []);
  await next.kill(SIGKILL);
});
