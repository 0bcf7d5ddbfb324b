/** `run` of the file as it is installed. */

import assert from "node:assert/strict";
import { build } from "../../scripts/build.ts";
import { buildModules, modulePath } from "../../scripts/modules.ts";
import type { CommandOptions, Result } from "../support/mod.ts";
import { Folder, Host, NAME } from "./support.ts";

await buildModules();
const [FILE] = (await build({ out: "build/test-run" })).paths.map((path) =>
  Deno.realPathSync(path)
);
const ONE_LINE = /^containerd-shim-deno-v1: [^\n]+\n$/;

/** One host for all: what is unpacked once stays. */
async function withHost(body: (call: Call, host: Host) => Promise<void>): Promise<void> {
  await using host = await Host.start();
  await body((args, options) => host.run([FILE, "run", ...args], { env: ENV, ...options }), host);
}

type Call = (args: string[], options?: CommandOptions) => Promise<Result>;

/** Of these, a guest sees what it is given. */
const ENV = { CALLERS: "of the caller", EMPTY: "" };

Deno.test("run: a module prints, reads stdin, and ends with its exit code", async () => {
  await withHost(async (call) => {
    const hello = await call([modulePath("hello.wasm")]);
    assert.deepEqual([hello.code, hello.out, hello.err], [0, "hello world\n", ""]);
    const exit = await call([modulePath("exit42.wasm")]);
    assert.deepEqual([exit.code, exit.out, exit.err], [42, "", ""]);
    const cat = await call([modulePath("cat.wasm")], { stdin: "first\nsecond" });
    assert.deepEqual([cat.code, cat.out, cat.err], [0, "first\nsecond", ""]);
  });
});

Deno.test("run: arguments and environment are those of the command line alone", async () => {
  await withHost(async (call) => {
    const env = ["--env", "B=2 =3", "--env", "CALLERS", "--env=EMPTY", "--env", "ABSENT"];
    const { code, out, err } = await call([
      ...[...env, "--env=A=1", modulePath("args.wasm")],
      ...["one", "", "--", "--env", "C=3", "ä", "a\nb"],
    ]);
    assert.equal(err, "");
    assert.deepEqual(out.split("arg: ").slice(1).join("").split("env: "), [
      "args.wasm\none\n\n--\n--env\nC=3\nä\na\nb\n",
      "B=2 =3\n",
      "CALLERS=of the caller\n",
      "EMPTY=\n",
      "A=1\n",
    ]);
    assert.equal(code, 0);
    const bare = await call([modulePath("args.wasm")]);
    assert.equal(bare.out, "arg: args.wasm\n");
    const many = Array.from({ length: 500 }, (_, index) => `${index}`);
    const lines = (await call([modulePath("args.wasm"), ...many])).out.trimEnd().split("\n");
    assert.deepEqual(lines.slice(1), many.map((argument) => `arg: ${argument}`));
  });
});

Deno.test("run: a guest finds open what --dir names, in this order", async () => {
  using folder = new Folder();
  await Deno.mkdir(`${folder.path}/a`);
  await Deno.writeTextFile(`${folder.path}/a/in`, "inside\n");
  await Deno.writeTextFile(`${folder.path}/outside`, "outside\n");
  await withHost(async (call, host) => {
    const files = modulePath("files.wasm");
    const absolute = ["--dir", `${folder.path}/a::/data`, files];
    assert.equal((await call([...absolute, "read", "/data/in"])).out, "inside\n");
    const made = await call([...absolute, "write", "/data/out", "text"]);
    assert.deepEqual([made.code, made.err], [0, ""]);
    assert.equal(await Deno.readTextFile(`${folder.path}/a/out`), "text");
    const away = await call([...absolute, "read", "/data/../outside"]);
    assert.equal(away.code, 1);
    assert.match(away.err, /^read \/data\/\.\.\/outside: /);
    const none = await call([files, "read", "/data/in"]);
    assert.equal(none.code, 1);

    const inFolder = ["sh", "-c", 'cd "$0" && exec "$@"', folder.path];
    const { out } = await host.run([...inFolder, FILE, "run", "--dir", "a", files, "read", "a/in"]);
    assert.equal(out, "inside\n");

    const order = ["--dir", "/::/z", "--dir", `${folder.path}::/1`, "--dir", "/tmp::/a"];
    const open = await call([...order, modulePath("fds.wasm")]);
    assert.match(open.out, /^0 \d\n1 \d\n2 \d\n3 3\n4 3\n5 3\n$/);
  });
});

Deno.test("run: another export by --invoke or by the file's name", async () => {
  await withHost(async (call) => {
    const hello = modulePath("hello.wasm");
    assert.equal((await call([`${hello}#foo`])).out, "hello from foo\n");
    assert.equal((await call(["--invoke", "foo", hello])).out, "hello from foo\n");
    const file = modulePath("no_start.wasm");
    const none = await call([file]);
    assert.equal(none.code, 1);
    assert.equal(
      none.err,
      `${NAME}: find export _start of ${file}: there is none\n`,
    );
  });
});

Deno.test("run: a trap is 134, with its reason and stack on stderr", async () => {
  await withHost(async (call) => {
    const { code, out, err } = await call([modulePath("unreachable.wasm")]);
    assert.equal(code, 134);
    assert.equal(out, "");
    assert.match(err, /^trap: unreachable\n {4}at inner .*\n {4}at outer .*\n.*\n$/);
  });
});

Deno.test("run: what cannot be run is one line on stderr", async () => {
  using folder = new Folder();
  await Deno.writeTextFile(`${folder.path}/file`, "");
  const hello = modulePath("hello.wasm");
  const cases: [string[], number, RegExp][] = [
    [[], 2, /: FILE: missing\n$/],
    [["--mapdir", "/", hello], 2, /: --mapdir: not an option\n$/],
    [["--dir"], 2, /: --dir: its value is missing\n$/],
    [["/nowhere.wasm"], 1, /: read \/nowhere\.wasm: no such file or directory\n$/],
    [["/tmp"], 1, /: read \/tmp: is a directory\n$/],
    [["--engine", "v7", hello], 1, /: engine: v7: not known: known are deno/],
    [[modulePath("not-wasm.wasm")], 1, /: compile \S+not-wasm\.wasm: expected magic word/],
    [[modulePath("truncated.wasm")], 1, /: compile \S+truncated\.wasm: /],
    [[modulePath("unknown_import.wasm")], 1, /: link \S+unknown_import\.wasm: no host gives its/],
    [
      ["--env", "LD_PRELOAD", hello],
      1,
      /: --env: LD_PRELOAD: needs a value: it is not passed on\n$/,
    ],
    [["--dir", "/nowhere", hello], 1, /: --dir: \/nowhere: no such file or directory\n$/],
    [
      ["--tcplisten", "203.0.113.1:80", hello],
      1,
      /: --tcplisten: 203\.0\.113\.1, port 80: EADDRNOTAVAIL: cannot assign requested address\n$/,
    ],
    [["--dir", `${folder.path}/file`, hello], 1, /: --dir: \S+\/file: not a directory\n$/],
  ];
  await withHost(async (call) => {
    for (const [args, status, message] of cases) {
      const { code, out, err } = await call(args);
      assert.match(err, ONE_LINE);
      assert.match(err, message);
      assert.equal(out, "");
      assert.equal(code, status, args.join(" "));
    }
    const help = await call(["--help"]);
    assert.deepEqual([help.code, help.err], [0, ""]);
    assert(help.out.split("\n").every((line) => line.length <= 80), help.out);
    assert(help.out.startsWith("Usage: "), help.out);
  });
});

Deno.test("run: a guest meets the limits of its memory and its time on a processor", async () => {
  await withHost(async (call) => {
    const memory = await call(["--memory-limit", "32MiB", modulePath("memory.wasm"), "40"]);
    assert.equal(memory.code, 1);
    assert.match(memory.err, /^malloc: no memory after (2\d|3[01]) MiB\n$/);
    const within = await call(["--memory-limit", "64MiB", modulePath("memory.wasm"), "40"]);
    assert.equal(within.out, "touched 40\n");
    const small = await call(["--memory-limit", "64KiB", modulePath("memory.wasm"), "40"]);
    assert.equal(small.code, 1);
    assert.match(
      small.err,
      /: limit memory 0 of \S+: it begins with \d+ bytes: above the limit of/,
    );

    const loop = await call(["--cpu-deadline", "1s", modulePath("loop.wasm")]);
    assert.deepEqual([loop.code, loop.err], [128 + 24, "cpu deadline reached: 1 s\n"]);
    const hello = await call(["--cpu-deadline", "1s", modulePath("hello.wasm")]);
    assert.deepEqual([hello.code, hello.out, hello.err], [0, "hello world\n", ""]);
  });
});

Deno.test("run: a guest accepts connections on the sockets of --tcplisten", async () => {
  using folder = new Folder();
  await withHost(async (call, host) => {
    await call([modulePath("hello.wasm")]); // unpacked
    // A port that is free now.
    const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = probe.addr as Deno.NetAddr;
    probe.close();
    const server = host.start([
      ...[FILE, "run", "--tcplisten", `127.0.0.1:${port}`, "--dir", folder.path],
      ...[modulePath("serve.wasm"), "4", "1"],
    ]);
    await server.waitForOutput("ready\n");
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode("hello"));
    assert.equal(await new Response(connection.readable).text(), "4: hello");
    const { code, out, err } = await server.result;
    assert.deepEqual([code, out, err], [0, "ready\nserved\n", ""]);
  });
});

Deno.test("run: the engine wasmer, by --engine and by the file's name", async () => {
  using folder = new Folder();
  await Deno.writeTextFile(`${folder.path}/in`, "inside\n");
  await Deno.symlink(FILE, `${folder.path}/containerd-shim-wasmer-v1`);
  await withHost(async (call, host) => {
    const files = ["--dir", `${folder.path}::/data`, modulePath("files.wasm")];
    const read = await call(["--engine", "wasmer", ...files, "read", "/data/in"]);
    assert.deepEqual([read.code, read.out, read.err], [0, "inside\n", ""]);
    const named = [`${folder.path}/containerd-shim-wasmer-v1`, "run"];
    const write = await host.run([...named, ...files, "write", "/data/out", "text"]);
    assert.deepEqual([write.code, write.err], [0, ""]);
    assert.equal(await Deno.readTextFile(`${folder.path}/out`), "text");
    const cat = await host.run([...named, modulePath("cat.wasm")], { stdin: "first\nsecond" });
    assert.deepEqual([cat.code, cat.out], [0, "first\nsecond"]);
    // It has no symbolic links that are kept, which tells it from the other.
    const link = ["symlink", "in", "/data/link"];
    await call(["--engine", "wasmer", ...files, ...link]);
    await assert.rejects(Deno.lstat(`${folder.path}/link`), Deno.errors.NotFound);
    assert.equal((await call([...files, ...link])).code, 0);
    assert.equal(await Deno.readLink(`${folder.path}/link`), "in");
    const none = await host.run([...named, "--tcplisten", "127.0.0.1:0", files[2]]);
    assert.deepEqual([none.code, none.err], [1, "listen: the engine wasmer has no sockets\n"]);
  });
});

Deno.test("run: a component, with arguments, exit code and a limit of its memory", async () => {
  using folder = new Folder();
  await Deno.writeTextFile(`${folder.path}/in`, "inside\n");
  await withHost(async (call) => {
    const component = (name: string) => modulePath(`${name}.component.wasm`);
    const args = await call(["--env", "A=1", component("args"), "one", ""]);
    assert.deepEqual([args.code, args.err], [0, ""]);
    assert.equal(args.out, "arg: args.component.wasm\narg: one\narg: \nenv: A=1\n");
    assert.equal((await call([component("exit")])).code, 42);
    const dir = ["--dir", `${folder.path}::/data`];
    assert.equal((await call([...dir, component("files"), "read", "/data/in"])).out, "inside\n");
    const unsupported = await call([component("unsupported")]);
    assert.equal(unsupported.code, 1);
    assert.match(
      unsupported.err,
      /: link \S+: no host gives its import wasi:keyvalue\/store@0\.2\.0/,
    );
    const small = await call(["--memory-limit", "64KiB", component("args")]);
    assert.equal(small.code, 1);
    assert.match(
      small.err,
      /: limit memory \d of \S+: it begins with \d+ bytes: above the limit of/,
    );
    const wasmer = await call(["--engine", "wasmer", component("args")]);
    assert.equal(wasmer.code, 1);
    assert.match(wasmer.err, /: it is a component: the engine wasmer runs core modules\n$/);
  });
});

Deno.test("run: SIGTERM and SIGINT end a guest at once", async () => {
  await withHost(async (call, host) => {
    await call([modulePath("hello.wasm")]); // unpacked
    for (const [signal, status] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
      const running = host.start([FILE, "run", modulePath("cat.wasm")], {
        stdin: "open",
        signalChild: true,
      });
      await running.write("ready");
      await running.waitForOutput("ready");
      running.kill(signal);
      assert.equal((await running.result).code, status);
    }
  });
});

/** Becomes a user other than root, with these variables alone. */
const asUser = (
  ...variables: string[]
) => [
  ...["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "-i"],
  ...variables,
];

/** Files that everybody may read: the project's folder may be root's alone. */
async function publicFolder(): Promise<{ folder: Folder; file: string; hello: string }> {
  const folder = new Folder();
  await Deno.copyFile(FILE, `${folder.path}/${NAME}`);
  await Deno.copyFile(modulePath("hello.wasm"), `${folder.path}/hello.wasm`);
  await Deno.mkdir(`${folder.path}/home`);
  await Deno.chown(`${folder.path}/home`, 65534, 65534);
  return { folder, file: `${folder.path}/${NAME}`, hello: `${folder.path}/hello.wasm` };
}

Deno.test("run: a user other than root unpacks to a cache of the user's own", async (test) => {
  const { folder: made, file, hello } = await publicFolder();
  using folder = made;
  await using host = await Host.start();
  const home = `${folder.path}/home`;
  const user = (...variables: string[]) => host.run([...asUser(...variables), file, "run", hello]);
  await test.step("HOME", async () => {
    const { code, out, err } = await user(`HOME=${home}`);
    assert.deepEqual([code, out, err], [0, "hello world\n", ""]);
    const { mode, uid } = await Deno.stat(`${home}/.cache/denowasi`);
    assert.deepEqual([mode! & 0o777, uid], [0o700, 65534]);
    await assert.rejects(Deno.stat(host.path("/var/lib/denowasi")), Deno.errors.NotFound);
  });
  await test.step("read-only", async () => {
    const script = `mount --bind ${home} ${home} && mount -o remount,bind,ro ${home}`;
    assert.equal((await host.run(["sh", "-c", script])).err, "");
    assert.equal((await user(`HOME=${home}`)).out, "hello world\n");
    await host.run(["umount", home]);
  });
  await test.step("XDG_CACHE_HOME, which is made", async () => {
    const cache = `${home}/made/cache`;
    assert.equal((await user(`HOME=/nowhere`, `XDG_CACHE_HOME=${cache}`)).out, "hello world\n");
    assert((await Deno.stat(`${cache}/denowasi/.lock`)).isFile);
  });
  await test.step("a file in it that was changed", async () => {
    const names = [...Deno.readDirSync(`${home}/.cache/denowasi`)].map(({ name }) => name);
    const script = `${home}/.cache/denowasi/${names.find((name) => name.length === 64)}/shim.js`;
    await Deno.writeTextFile(script, "throw 1");
    assert.equal((await user(`HOME=${home}`)).out, "hello world\n");
    assert.notEqual(await Deno.readTextFile(script), "throw 1");
  });
  await test.step("neither", async () => {
    const { code, err } = await user("HOME=relative");
    assert.equal(code, 1);
    assert.equal(
      err,
      `${NAME}: unpack: neither XDG_CACHE_HOME nor HOME is an absolute path\n`,
    );
  });
  await test.step("a home that is not the user's", async () => {
    const { code, err } = await user(`HOME=${folder.path}`);
    assert.equal(code, 1);
    assert.equal(err, `${NAME}: mkdir ${folder.path}/.cache: Permission denied\n`);
  });
  await test.step("a cache that others may write to, or have made", async () => {
    const cache = `${folder.path}/shared`;
    await Deno.mkdir(`${cache}/denowasi`, { recursive: true });
    const roots = await user(`XDG_CACHE_HOME=${cache}`);
    assert.equal(roots.code, 1);
    assert.equal(roots.err, `${NAME}: ${cache}/denowasi: belongs to user 0\n`);
    await Deno.chown(`${cache}/denowasi`, 65534, 65534);
    await Deno.chmod(`${cache}/denowasi`, 0o777);
    const open = await user(`XDG_CACHE_HOME=${cache}`);
    assert.equal(open.code, 1);
    assert.equal(open.err, `${NAME}: ${cache}/denowasi: others may write to it\n`);
    await Deno.remove(`${cache}/denowasi`);
    await Deno.symlink(`${home}/.cache/denowasi`, `${cache}/denowasi`);
    assert.match(
      (await user(`XDG_CACHE_HOME=${cache}`)).err,
      /\/shared\/denowasi: not a folder\n$/,
    );
  });
});

Deno.test("run: root unpacks to the shim's own store, and works without when it is read-only", async () => {
  await withHost(async (call, host) => {
    assert.equal((await call([modulePath("hello.wasm")])).out, "hello world\n");
    assert.equal((await host.store()).length, 2);
    await host.run(["mount", "-o", "remount,ro", "/var/lib"]);
    assert.equal((await call([modulePath("hello.wasm")])).out, "hello world\n");
  });
});

Deno.test("run: a component that handles requests is served until SIGINT", async () => {
  await withHost(async (_, host) => {
    const script = `
      "$0" run --env DENOWASI_HTTP_SOCKET_ADDR=127.0.0.1:18473 "$1" & pid=$!
      until curl -s http://127.0.0.1:18473/; do sleep 0.05; done
      curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:18473/trap
      kill -INT $pid; wait $pid; echo "exit $?"`;
    const { code, out, err } = await host.run(
      ["sh", "-c", script, FILE, modulePath("http.wasm")],
      { env: ENV, timeoutMs: 20_000 },
    );
    assert.deepEqual([code, out], [0, "hello from wasm\n500\nexit 0\n"]);
    assert.match(err, /^GET http:.*\/trap: trap: unreachable\n/m);
    const bad = await host.run(
      [FILE, "run", "--env", "DENOWASI_HTTP_BACKLOG=no", modulePath("http.wasm")],
      { env: ENV },
    );
    assert.equal(bad.code, 1);
    assert.match(bad.err, /^containerd-shim-deno-v1: DENOWASI_HTTP_BACKLOG: "no": /);
  });
});
