/** Images whose layers are WebAssembly, from containerd's content store. */

import assert from "node:assert/strict";
import { buildImage, file } from "../../scripts/image.ts";
import { modulePath } from "../../scripts/modules.ts";
import { assertCensus, type Daemon, type Version, waitFor } from "../support/mod.ts";
import { Registry } from "../support/registry.ts";
import { Pod } from "../support/pod.ts";
import { BUNDLES, supervisors } from "../support/shim.ts";
import {
  detachWasm,
  newId,
  removeWasm,
  type RunOptions,
  RUNTIME,
  runWasm,
  startDaemon,
} from "../support/wasm.ts";
import {
  ARTIFACT_LAYER,
  COMPONENT_LAYER,
  digestOf,
  type Layer,
  MODULE_LAYER,
  rootfsLayer,
  type WasmImage,
  wasmImage,
  wasmIndex,
} from "../support/wasm_images.ts";

/** containerd 1.6 of Debian does not import such images. */
const VERSIONS: readonly Version[] = ["1.7", "2.1"];
const HELLO = "hello world\n";
const FOO = "hello from foo\n";
const CREATE = ["container", "create", "--runtime", RUNTIME];
const WASI = ["--platform", "wasip1/wasm"];

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: images of WebAssembly`, async (t) => {
    await using daemon = await startDaemon({ version });
    await Deno.mkdir(daemon.path(BUNDLES));
    for (const [name, body] of Object.entries(STEPS)) {
      await t.step(name, async () => {
        const before = daemon.census();
        const leases = await leasesOf(daemon);
        await body(daemon);
        await assertCensus(daemon, before);
        assert.deepEqual(await leasesOf(daemon), leases);
      });
    }
  });
}

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "a layer of each type is run, whatever its name": async (daemon) => {
    for (const mediaType of [MODULE_LAYER, COMPONENT_LAYER, ARTIFACT_LAYER]) {
      const image = await imported(daemon, { layers: [await layer("hello", mediaType)] });
      for (const name of ["hello.wasm", "/app", "/", "/hello.wasm#_start", "a folder/"]) {
        const { code, out, err } = await runWasm(daemon, [name], { image });
        assert.deepEqual([code, out, err], [0, HELLO, ""], `${mediaType} ${name}`);
      }
      for (const name of ["hello.wasm#foo", "#foo"]) {
        assert.equal((await runWasm(daemon, [name], { image })).out, FOO, name);
      }
    }
  },

  "arguments, environment and exit code": async (daemon) => {
    const config = { Entrypoint: ["wasi-demo-app.wasm"], Cmd: ["echo", "from", "config"] };
    const image = await imported(daemon, { layers: [await layer("wasi-demo-app")], config });
    assert.equal((await runWasm(daemon, [], { image })).out, "from config\n");
    const run = (...args: string[]) => runWasm(daemon, ["wasi-demo-app.wasm", ...args], { image });
    assert.equal((await run("echo", "a", "b  c")).out, "a b  c\n");
    assert.equal((await run("exit", "42")).code, 42);
  },

  "an index: the manifest for WASI, not that for the host": async (daemon) => {
    const native = { os: "linux", architecture: "amd64" };
    const wasi = { os: "wasip1", architecture: "wasm" };
    const image = `localhost/denowasi/${newId("index")}:latest`;
    const config = { Entrypoint: ["/app.wasm"] };
    const tar = await wasmIndex(image, [
      { layers: [await layer("exit42")], config, platform: native },
      { layers: [await layer("hello")], config, platform: wasi },
    ]);
    await daemon.mustCtr(["image", "import", ...WASI, "-"], { stdin: tar });
    const { code, out, err } = await runWasm(daemon, ["/app.wasm"], { image, flags: WASI });
    assert.deepEqual([code, out, err], [0, HELLO, ""]);
  },

  "an index without a manifest that fits": async (daemon) => {
    const image = `localhost/denowasi/${newId("index")}:latest`;
    const platform = { os: "linux", architecture: "riscv64" };
    const tar = await wasmIndex(image, [{ layers: [await layer("hello")], platform }]);
    const flags = ["--platform", "linux/riscv64"];
    await daemon.mustCtr(["image", "import", ...flags, "-"], { stdin: tar });
    const { code, err } = await runWasm(daemon, ["/app.wasm"], { image, flags });
    assert.notEqual(code, 0);
    assert.match(
      err,
      /image \S+: sha256:\S+: no manifest for wasip1\/wasm.*: it has linux\/riscv64/,
    );
  },

  "layers of a root file system are its files": async (daemon) => {
    const files = await rootfsLayer([file("/data/one", "1"), file("/data/two", "2")]);
    const image = await imported(daemon, { layers: [files, await layer("files")] });
    const { out } = await runWasm(daemon, ["/files.wasm", "list", "/data"], { image });
    assert.deepEqual(out.trimEnd().split("\n").sort(), ["one", "two"]);
  },

  "a program that is in the root is run, not the layer": async (daemon) => {
    const hello = await Deno.readFile(modulePath("hello.wasm"));
    const files = await rootfsLayer([file("/app.wasm", hello, 0o755)]);
    const image = await imported(daemon, { layers: [files, await layer("exit42")] });
    assert.equal((await runWasm(daemon, ["/app.wasm"], { image })).out, HELLO);
    assert.equal((await runWasm(daemon, ["/other.wasm"], { image })).code, 42);
  },

  "an ordinary image without the program: the error says that it has no layer": async (daemon) => {
    const image = `localhost/denowasi/${newId("image")}:latest`;
    await daemon.importImage(await buildImage({ ref: image, layers: [[file("/a", "")]] }));
    const { code, err } = await runWasm(daemon, ["/gone.wasm"], { image });
    assert.notEqual(code, 0);
    assert.match(err, /\/gone\.wasm: no such file; image \S+: no WebAssembly layer/);
  },

  "processes: another export, and a module of a volume": async (daemon) => {
    const image = await imported(daemon, { layers: [await layer("wasi-demo-app")] });
    const volume = `${daemon.base}/volume`;
    await Deno.mkdir(volume);
    await Deno.copyFile(modulePath("hello.wasm"), `${volume}/hello.wasm`);
    const mount = `type=bind,src=${volume},dst=/volume,options=rbind:ro`;
    const flags = ["--null-io", "--mount", mount];
    const id = await detachWasm(daemon, ["/app.wasm", "daemon"], { image, flags });
    assert.equal((await exec(daemon, id, ["/app.wasm", "echo", "twice"])).out, "twice\n");
    assert.equal((await exec(daemon, id, ["app.wasm#_start", "exit", "3"])).code, 3);
    assert.equal((await exec(daemon, id, ["/volume/hello.wasm#foo"])).out, FOO);
    assert.match((await exec(daemon, id, ["/app.wasm#none"])).err, /find export none of \/sha256:/);
    assert.match((await exec(daemon, id, ["/other.wasm"])).err, /\/other\.wasm: no such file/);
    await removeWasm(daemon, id);
  },

  "the image is removed while its container runs": async (daemon) => {
    const image = await imported(daemon, { layers: [await layer("wasi-demo-app")] });
    const id = await detachWasm(daemon, ["/app.wasm", "daemon"], { image });
    await daemon.mustCtr(["image", "remove", "--sync", image]);
    assert.equal((await exec(daemon, id, ["/app.wasm", "echo", "here"])).out, "here\n");
    await removeWasm(daemon, id);
  },

  "containerd is restarted: the layer can still be exec'd": async (daemon) => {
    const image = await imported(daemon, { layers: [await layer("wasi-demo-app")] });
    const id = await detachWasm(daemon, ["/app.wasm", "daemon"], { image });
    await daemon.restart("KILL");
    assert.equal((await exec(daemon, id, ["/app.wasm", "echo", "again"])).out, "again\n");
    await removeWasm(daemon, id);
  },

  "the supervisor is killed: the next one execs the layer": async (daemon) => {
    const image = await imported(daemon, { layers: [await layer("wasi-demo-app")] });
    const id = newId();
    await daemon.mustCtr([...CREATE, image, id, "/layer.wasm"]);
    {
      await using pod = await Pod.make(daemon, newId("pod"));
      await pod.run(id, { args: ["/layer.wasm", "daemon"] });
      await daemon.kill(pod.pid, "KILL");
      await waitFor("it to end", () => !daemon.processes().some(({ pid }) => pid === pod.pid));
      pod.lost();
      await pod.runToEnd(newId(), { args: ["/hello.wasm"] });
      assert.equal(await pod.execToEnd(id, "e", ["/layer.wasm", "exit", "5"]), 5);
    }
    await daemon.mustCtr(["container", "delete", id]);
  },

  "64 MiB: run, and two containers hold them once": async (daemon) => {
    const data = padded(await Deno.readFile(modulePath("wasi-demo-app.wasm")), 64 << 20);
    const image = await imported(daemon, { layers: [{ mediaType: MODULE_LAYER, data }] });
    const options = { image, timeoutMs: 60_000 };
    const ids = [
      await detachWasm(daemon, ["/app.wasm", "daemon"], options),
      await detachWasm(daemon, ["/b.wasm", "daemon"], options),
    ];
    const paths = [
      `${ids[0]}/${await digestOf(data)}/app.wasm`,
      `${ids[1]}/${await digestOf(data)}/b.wasm`,
    ];
    const [first, second] = paths.map((path) =>
      Deno.statSync(daemon.path(`/run/denowasi/tasks/${daemon.namespace}/${path}`))
    );
    assert.deepEqual([first.ino, first.size, first.nlink], [second.ino, 64 << 20, 2]);
    for (const id of ids) await removeWasm(daemon, id);
  },

  "what cannot be run is refused, with its digest": async (daemon) => {
    const text = { mediaType: MODULE_LAYER, data: new TextEncoder().encode("#!/bin/sh\n") };
    const empty = { mediaType: MODULE_LAYER, data: new Uint8Array() };
    const other = { mediaType: "application/x-model", data: new TextEncoder().encode("weights") };
    const broken = { mediaType: MODULE_LAYER, data: (await layer("hello")).data.subarray(0, 60) };
    const hello = await layer("hello");
    const tail = (it: Layer) => digestOf(it.data).then((digest) => digest.slice(-12));
    const table: [Layer[], RegExp][] = [
      [[text], new RegExp(`${await tail(text)}/app\\.wasm: it is not a WebAssembly module`)],
      [[empty], new RegExp(`${await tail(empty)}: 0 bytes: not WebAssembly`)],
      [[broken], new RegExp(`compile /sha256:\\S+${await tail(broken)}/app\\.wasm: `)],
      [
        [hello, other],
        new RegExp(`${await tail(other)}: application/x-model: not a type of layer`),
      ],
      [[hello, await layer("exit42")], /2 WebAssembly layers, of which one alone can be run/],
    ];
    for (const [layers, expected] of table) {
      const image = await imported(daemon, { layers });
      const { code, out, err } = await runWasm(daemon, ["/app.wasm"], { image });
      assert.deepEqual([code, out], [1, ""]);
      assert.match(err, expected);
    }
  },

  "blobs that are not what their digests say are refused": async (daemon) => {
    const table: [damage: (bytes: Uint8Array) => Uint8Array, expected: RegExp][] = [
      [(bytes) => bytes.subarray(0, -1), /\d+ of \d+ bytes are there/],
      // More bytes than containerd knows of, it does not show.
      [flipped, /its bytes (have another SHA-256|are of sha256:)/],
    ];
    for (const [damage, expected] of table) {
      for (const which of ["layer", "manifest"] as const) {
        const seed = crypto.getRandomValues(new Uint8Array(8));
        const data = padded(await Deno.readFile(modulePath("hello.wasm")), 4096, seed);
        const image = await imported(daemon, { layers: [{ mediaType: MODULE_LAYER, data }] });
        const id = newId();
        await daemon.mustCtr([...CREATE, image, id, "/app.wasm"]);
        const digest = which === "layer" ? await digestOf(data) : await targetOf(daemon, image);
        await damageBlob(daemon, digest, damage);
        const { code, err } = await daemon.ctr(["task", "start", id]);
        assert.notEqual(code, 0);
        assert.ok(err.includes(digest), err);
        assert.match(err, expected, `${which}: ${err}`);
        await daemon.mustCtr(["container", "delete", id]);
        await daemon.mustCtr(["image", "remove", "--sync", image]);
      }
    }
  },

  "a blob that is gone": async (daemon) => {
    const image = await imported(daemon, { layers: [await layer("args")] });
    const id = newId();
    await daemon.mustCtr([...CREATE, image, id, "/app.wasm"]);
    const digest = await digestOf((await layer("args")).data);
    await daemon.mustCtr(["content", "delete", digest]);
    const { code, err } = await daemon.ctr(["task", "start", id]);
    assert.notEqual(code, 0);
    assert.match(err, new RegExp(`layer ${digest}: content.v1.Content/Read: .*not found`));
    await daemon.mustCtr(["container", "delete", id]);
  },

  "a component: what is made of it is kept, and made again when it is lost": async (daemon) => {
    const component = await layer("wasi-demo-app.component", COMPONENT_LAYER);
    const image = await imported(daemon, { layers: [component] });
    const digest = await digestOf(component.data);
    const kept = async () =>
      (await daemon.log()).split("product kept").slice(1).filter((it) =>
        it.includes(digest.slice(7))
      )
        .length;
    const run = async () => {
      const { code, out, err } = await runWasm(daemon, ["/app.wasm", "echo", "a"], { image });
      assert.deepEqual([code, out, err], [0, "a\n", "exiting\n"]);
      return await kept();
    };
    assert.deepEqual([await run(), await run()], [1, 1]);
    const product = await productOf(daemon, digest);
    await damageBlob(daemon, product, flipped);
    assert.deepEqual([await run(), await run()], [2, 2]);
    assert.equal(await productOf(daemon, digest), product, "the same input gives the same");
    await daemon.mustCtr(["content", "delete", product]);
    assert.deepEqual([await run(), await run()], [3, 3]);
    await daemon.mustCtr(["image", "remove", "--sync", image]);
    const { out } = await daemon.mustCtr(["content", "list", "--quiet"]);
    assert.ok(!out.includes(product) && !out.includes(digest), out);
  },

  "pulled from a registry": async (daemon) => {
    await using registry = await Registry.start(daemon);
    const layers = [await rootfsLayer([file("/data/one", "1")]), await layer("hello")];
    const image = await registry.push(await wasmImage({ ref: "pushed:latest", layers }), "hello");
    await daemon.mustCtr(["image", "pull", "--plain-http", ...WASI, image]);
    const { code, out, err } = await runWasm(daemon, ["/hello.wasm"], { image });
    assert.deepEqual([code, out, err], [0, HELLO, ""]);
  },

  "containers of one pod are compiled once": async (daemon) => {
    const image = await imported(daemon, { layers: [await layer("hello")] });
    const flags = ["--annotation", "io.kubernetes.cri.sandbox-id=once"];
    const results = await Promise.all(
      Array.from({ length: 8 }, () => runWasm(daemon, ["/hello.wasm"], { image, flags })),
    );
    assert.deepEqual(results.map(({ out }) => out), results.map(() => HELLO));
    await waitFor("the supervisor to end", () => supervisors(daemon).length === 0);
  },
};

/** Imports an image; answers its reference. */
async function imported(daemon: Daemon, image: Omit<WasmImage, "ref">): Promise<string> {
  const ref = `localhost/denowasi/${newId("wasm")}:latest`;
  await daemon.importImage(await wasmImage({ ref, ...image }));
  return ref;
}

async function layer(module: string, mediaType = MODULE_LAYER): Promise<Layer> {
  return { mediaType, data: await Deno.readFile(modulePath(`${module}.wasm`)) };
}

function exec(daemon: Daemon, id: string, args: string[], options: RunOptions = {}) {
  return daemon.ctr(["task", "exec", "--exec-id", newId("e"), id, ...args], options);
}

async function leasesOf(daemon: Daemon): Promise<string[]> {
  const { out } = await daemon.mustCtr(["leases", "list", "--quiet"]);
  return out.trimEnd().split("\n").sort();
}

/** The digest of what is kept of a layer. */
async function productOf(daemon: Daemon, layer: string): Promise<string> {
  const { out } = await daemon.mustCtr(["content", "list"]);
  const line = out.split("\n").find((line) => line.startsWith(layer)) ?? "";
  const found = /denowasi\.io\/precompiled\/deno\/[0-9a-f]{16}=(sha256:[0-9a-f]{64})/.exec(line);
  assert.ok(found, line);
  return found[1];
}

async function targetOf(daemon: Daemon, image: string): Promise<string> {
  const { out } = await daemon.mustCtr(["image", "list", `name==${image}`]);
  return /sha256:[0-9a-f]{64}/.exec(out)![0];
}

/** Changes a blob behind containerd's back. */
async function damageBlob(
  daemon: Daemon,
  digest: string,
  damage: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  const store = `${daemon.base}/root/io.containerd.content.v1.content/blobs`;
  const path = `${store}/${digest.replace(":", "/")}`;
  const bytes = damage(await Deno.readFile(path));
  await Deno.remove(path);
  await Deno.writeFile(path, bytes);
}

/** With one bit changed in the middle: what is JSON stays so, but for a hostile byte. */
function flipped(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice();
  changed[changed.length >> 1] ^= 1;
  return changed;
}

/** The module with a custom section that makes it `size` bytes long; `seed` begins it. */
function padded(module: Uint8Array, size: number, seed = new Uint8Array()): Uint8Array {
  const HEAD = 8; // id, five bytes of LEB128, the name: https://webassembly.github.io/spec/core/binary/modules.html
  const data = new Uint8Array(size);
  data.set(module);
  const content = size - module.length - 6;
  const leb = Array.from({ length: 5 }, (_, i) => content >>> (7 * i) & 127 | (i < 4 ? 128 : 0));
  data.set([0, ...leb, 1, 0x70], module.length);
  data.set(seed, module.length + HEAD);
  return data;
}
