/** What the shim keeps in containerd's content store beside the layers of images. */

import assert from "node:assert/strict";
import { modulePath } from "../../scripts/modules.ts";
import { findLayer, type Maker, readProduct, Store, writeProduct } from "../../src/image/mod.ts";
import { type Daemon, waitFor } from "../support/mod.ts";
import { SOCKET } from "../support/daemon.ts";
import { newId, RUNTIME, startDaemon } from "../support/wasm.ts";
import { MODULE_LAYER, wasmImage } from "../support/wasm_images.ts";

const MAKER: Maker = { engine: "deno", version: "one" };
const NEWER: Maker = { engine: "deno", version: "two" };
const OTHER: Maker = { engine: "wasmer", version: "one" };

for (const version of ["1.7", "2.1"] as const) {
  Deno.test(`containerd ${version}: products of layers`, async (t) => {
    await using daemon = await startDaemon({ version });
    using store = new Store(daemon.path(SOCKET), daemon.namespace, new AbortController().signal);
    for (const [name, body] of Object.entries(STEPS)) {
      await t.step(name, async () => {
        await body(await Subject.make(daemon, store));
        const { out } = await daemon.mustCtr(["leases", "list", "--quiet"]);
        assert.equal(out, "", "something stays leased");
      });
    }
  });
}

/** An image of a layer that no other has. */
class Subject {
  constructor(
    readonly daemon: Daemon,
    readonly store: Store,
    readonly image: string,
    readonly layer: string,
  ) {}

  static async make(daemon: Daemon, store: Store): Promise<Subject> {
    const image = `localhost/denowasi/${newId("product")}:latest`;
    const id = newId();
    // A custom section of random bytes, https://webassembly.github.io/spec/core/binary/modules.html
    const own = [0, 10, 1, 0x70, ...crypto.getRandomValues(new Uint8Array(8))];
    const data = new Uint8Array([...await Deno.readFile(modulePath("hello.wasm")), ...own]);
    await daemon.importImage(
      await wasmImage({ ref: image, layers: [{ mediaType: MODULE_LAYER, data }] }),
    );
    await daemon.mustCtr(["container", "create", "--runtime", RUNTIME, image, id, "/a.wasm"]);
    const { layer } = await findLayer(store, id);
    await daemon.mustCtr(["container", "delete", id]);
    return new Subject(daemon, store, image, layer!.digest);
  }

  read(maker = MAKER) {
    return readProduct(this.store, this.layer, maker);
  }

  write(bytes: Uint8Array<ArrayBuffer>, maker = MAKER) {
    return writeProduct(this.store, this.layer, maker, bytes);
  }

  /** The digest of the product. */
  async product(maker = MAKER): Promise<string> {
    const labels = await this.store.labels(this.layer);
    return labels.get(`denowasi.io/precompiled/${maker.engine}/${maker.version}`) ?? "";
  }

  /** The file of a blob. */
  path(digest: string): string {
    const store = `${this.daemon.base}/root/io.containerd.content.v1.content/blobs`;
    return `${store}/${digest.replace(":", "/")}`;
  }
}

const STEPS: Record<string, (subject: Subject) => Promise<void>> = {
  "each maker has its own, and a newer version takes the place of the older": async (subject) => {
    const [one, two, three] = [random(100), random(100), random(100)];
    assert.equal(await subject.read(), null);
    await subject.write(one);
    await subject.write(two, OTHER);
    assert.deepEqual([await subject.read(), await subject.read(OTHER)], [one, two]);
    await subject.write(three, NEWER);
    assert.deepEqual([await subject.read(), await subject.read(NEWER)], [null, three]);
    assert.deepEqual(await subject.read(OTHER), two);
  },

  "20 MiB, twice": async (subject) => {
    const bytes = new Uint8Array(20 << 20);
    bytes.set(random(4096));
    assert.equal(await subject.write(bytes), true);
    assert.equal(await subject.write(bytes), false);
    assert.deepEqual(await subject.read(), bytes);
  },

  "the same of two layers, at a time": async (subject) => {
    const second = await Subject.make(subject.daemon, subject.store);
    const bytes = random(3 << 20);
    await Promise.all([subject.write(bytes), second.write(bytes)]);
    assert.deepEqual([await subject.read(), await second.read()], [bytes, bytes]);
  },

  "it stays when garbage is collected, and goes with its image": async (subject) => {
    await subject.write(random(100));
    const digest = await subject.product();
    const path = subject.path(digest);
    const other = await Subject.make(subject.daemon, subject.store);
    await subject.daemon.mustCtr(["image", "remove", "--sync", other.image]);
    assert.ok(exists(path));
    await subject.daemon.mustCtr(["image", "remove", "--sync", subject.image]);
    await waitFor("the product to go", () => !exists(path));
    assert.equal(await subject.store.has(digest), false);
  },

  "one that is damaged, cut short or gone is made again": async (subject) => {
    const bytes = random(1000);
    const damages: [string, (path: string) => void | Promise<unknown>][] = [
      ["damaged", (path) => replace(path, bytes.with(500, bytes[500] ^ 1))],
      ["cut short", (path) => replace(path, bytes.subarray(1))],
      [
        "gone",
        () => subject.product().then((it) => subject.daemon.mustCtr(["content", "delete", it])),
      ],
    ];
    for (const [name, damage] of damages) {
      await subject.write(bytes);
      assert.deepEqual(await subject.read(), bytes, name);
      await damage(subject.path(await subject.product()));
      assert.equal(await subject.read(), null, name);
      await subject.write(bytes);
      assert.deepEqual(await subject.read(), bytes, name);
    }
  },

  "a caller that goes away leaves no lease": async (subject) => {
    const caller = new AbortController();
    const { daemon } = subject;
    using store = new Store(daemon.path(SOCKET), daemon.namespace, caller.signal);
    const lease = await store.lease();
    caller.abort();
    await lease[Symbol.asyncDispose]();
    await assert.rejects(store.labels(subject.layer), { kind: "Canceled" });
  },
};

function random(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

/** In place of the file, which is read-only. */
function replace(path: string, bytes: Uint8Array): void {
  Deno.removeSync(path);
  Deno.writeFileSync(path, bytes);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
