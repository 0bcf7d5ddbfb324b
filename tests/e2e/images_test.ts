/** Hostile and unusual images: links out of the root, device nodes, more layers than a page of options. */

import assert from "node:assert/strict";
import { buildImage, type Entry, file, symlink } from "../../scripts/image.ts";
import { modulePath } from "../../scripts/modules.ts";
import { assertCensus, type Daemon, must } from "../support/mod.ts";
import { Pod } from "../support/pod.ts";
import { BUNDLES } from "../support/shim.ts";
import { newId, runWasm, startDaemon } from "../support/wasm.ts";

const HELLO = "hello world\n";

Deno.test("images", async (t) => {
  await using daemon = await startDaemon();
  await Deno.mkdir(daemon.path(BUNDLES));
  for (const [name, body] of Object.entries(STEPS)) {
    await t.step(name, async () => {
      const before = daemon.census();
      await body(daemon);
      await assertCensus(daemon, before);
    });
  }
});

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "a link to a file of the host is not followed there": async (daemon) => {
    // A module on the host: it would run if it were found.
    const host = daemon.path("/etc/denowasi/host.wasm");
    await Deno.copyFile(modulePath("hello.wasm"), host);
    const targets = [
      "/etc/shadow",
      "/etc/denowasi/host.wasm",
      "../../../../../../../../../../../../etc/denowasi/host.wasm",
      "/proc/1/root/etc/denowasi/host.wasm",
      "/proc/self/cwd/config.json",
    ];
    for (const target of targets) {
      const image = await imported(daemon, [symlink("/app.wasm", target)]);
      const { code, out, err } = await runWasm(daemon, ["/app.wasm"], { image });
      assert.notEqual(code, 0, target);
      assert.equal(out, "", target);
      assert.match(err, /\/app\.wasm: no such file/, target);
    }
    await Deno.remove(host);
  },

  "links inside the root are followed": async (daemon) => {
    const hello = await Deno.readFile(modulePath("hello.wasm"));
    const image = await imported(daemon, [
      file("/lib/modules/hello.wasm", hello),
      symlink("/absolute.wasm", "/lib/modules/hello.wasm"),
      symlink("/usr/bin/relative.wasm", "../../lib/modules/hello.wasm"),
      symlink("/above.wasm", "../../../../lib/modules/hello.wasm"),
      symlink("/twice.wasm", "usr/bin/relative.wasm"),
      symlink("/folder", "/lib"),
    ]);
    const names = ["absolute", "usr/bin/relative", "above", "twice", "folder/modules/hello"];
    for (const name of names) {
      const { code, out, err } = await runWasm(daemon, [`/${name}.wasm`], { image });
      assert.deepEqual([code, out, err], [0, HELLO, ""], name);
    }
  },

  "links in a circle and folders are refused": async (daemon) => {
    const image = await imported(daemon, [
      symlink("/a.wasm", "/b.wasm"),
      symlink("/b.wasm", "/a.wasm"),
      file("/dir.wasm/file", ""),
    ]);
    for (const name of ["/a.wasm", "/dir.wasm"]) {
      const { code, err } = await runWasm(daemon, [name], { image });
      assert.notEqual(code, 0);
      assert.match(err, new RegExp(`process\\.args\\[0\\] ${name}`));
    }
  },

  "an empty file and one shorter than the magic are no modules": async (daemon) => {
    const image = await imported(daemon, [
      file("/empty.wasm", ""),
      file("/short.wasm", new Uint8Array([0, 0x61, 0x73])),
      file("/magic.wasm", new Uint8Array([0, 0x61, 0x73, 0x6d])),
    ]);
    for (const name of ["/empty.wasm", "/short.wasm", "/magic.wasm"]) {
      const { code, out, err } = await runWasm(daemon, [name], { image });
      assert.notEqual(code, 0, name);
      assert.equal(out, "", name);
      assert.ok(err.includes(name), err);
    }
  },

  "120 layers": async (daemon) => {
    const hello = await Deno.readFile(modulePath("hello.wasm"));
    const list = await Deno.readFile(modulePath("files.wasm"));
    const names = Array.from({ length: 118 }, (_, index) => `layer-${index}`);
    const layers = [
      [file("/hello.wasm", hello)],
      ...names.map((name) => [file(`/all/${name}`, name)]),
    ];
    const ref = "localhost/denowasi/layers:latest";
    const tar = await buildImage({ ref, layers: [...layers, [file("/files.wasm", list)]] });
    await daemon.importImage(tar);
    // Of the lowest layer, of the highest, of all.
    assert.equal((await runWasm(daemon, ["/hello.wasm"], { image: ref })).out, HELLO);
    const { out } = await runWasm(daemon, ["/files.wasm", "list", "/all"], { image: ref });
    assert.deepEqual(out.trimEnd().split("\n").sort(), names.sort());
  },

  "a device node in the root cannot be opened": async (daemon) => {
    await using pod = await Pod.make(daemon, newId("pod"));
    // Like /dev/null, which must be there and work.
    await must(["mknod", "-m", "666", `${pod.root}/node`, "c", "1", "3"]);
    const err = `${daemon.base}/node-err`;
    const stderr = `file://${err}`;
    const open = (path: string) => ({ args: ["/files.wasm", "open-rw", path], stderr });
    assert.equal(await pod.runToEnd(newId(), open("/dev/null")), 0);
    assert.equal(await pod.runToEnd(newId(), open("/node")), 1);
    assert.match(await Deno.readTextFile(err), /open-rw \/node: (Permission|Operation)/);
  },
};

/** Imports an image of one layer. Answers its reference. */
async function imported(daemon: Daemon, entries: Entry[]): Promise<string> {
  const ref = `localhost/denowasi/${newId("image")}:latest`;
  await daemon.importImage(await buildImage({ ref, layers: [entries] }));
  return ref;
}
