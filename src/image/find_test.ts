import assert from "node:assert/strict";
import { Store } from "../containerd/store.ts";
import { StoreServer } from "../containerd/testing/grpc_server.ts";
import { findLayer } from "./find.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";

type Stored = Awaited<ReturnType<StoreServer["put"]>>;

/** A store with the container "web" of the image "app". */
class Subject implements AsyncDisposable {
  readonly server = new StoreServer();
  readonly store = new Store(`unix://${this.server.path}`, "default", new AbortController().signal);

  constructor() {
    this.server.containers.set("web", "app");
  }

  target({ size, ...target }: Stored): void {
    this.server.images.set("app", { ...target, size: BigInt(size) });
  }

  async manifest(os: string, module: number): Promise<Stored> {
    const layer = await this.server.put("application/wasm", new Uint8Array([module]));
    const config = await this.server.put(CONFIG, { os, architecture: "wasm" });
    return await this.server.put(MANIFEST, { config, layers: [layer] });
  }

  find() {
    return findLayer(this.store, "web");
  }

  /** The digest of the layer found. */
  async found(): Promise<string | undefined> {
    return (await this.find()).layer?.digest;
  }

  async digest(module: number): Promise<string> {
    return (await this.server.put("", new Uint8Array([module]))).digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.store[Symbol.dispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

Deno.test("findLayer() reads the manifest alone", async () => {
  await using subject = new Subject();
  const manifest = await subject.manifest("wasip1", 1);
  subject.target(manifest);
  const layer = { mediaType: "application/wasm", digest: await subject.digest(1), size: 1 };
  assert.deepEqual(await subject.find(), { image: "app", target: manifest.digest, layer });
  assert.deepEqual(subject.server.read, [manifest.digest]);
});

Deno.test("findLayer() takes the platform of what an index does not say from the configuration", async () => {
  await using subject = new Subject();
  const { server } = subject;
  const [native, wasi] = [await subject.manifest("linux", 1), await subject.manifest("wasi", 2)];
  subject.target(await server.put(INDEX, { manifests: [native, wasi] }));
  assert.equal(await subject.found(), await subject.digest(2));
});

Deno.test("findLayer() looks into an index in an index", async () => {
  await using subject = new Subject();
  const { server } = subject;
  const platform = { os: "wasip1", architecture: "wasm" };
  const manifests = [{ ...await subject.manifest("wasip1", 3), platform }];
  const inner = await server.put(INDEX, { manifests });
  subject.target(await server.put(INDEX, { manifests: [inner] }));
  assert.equal(await subject.found(), await subject.digest(3));
});

Deno.test("findLayer() refuses indexes that lead too deep", async () => {
  await using subject = new Subject();
  let index = await subject.server.put(INDEX, { manifests: [] });
  for (let depth = 0; depth < 7; depth++) {
    index = await subject.server.put(INDEX, { manifests: [index], annotations: { depth } });
  }
  subject.target(index);
  await assert.rejects(subject.find(), { message: /more than 4 indexes in one another/ });
});

Deno.test("findLayer() says why there is none", async () => {
  await using subject = new Subject();
  const config = await subject.server.put(CONFIG, {});
  subject.target(await subject.server.put(MANIFEST, { config, layers: [] }));
  const reason = "image app: no WebAssembly layer";
  assert.deepEqual(await subject.find(), { layer: null, reason });
  subject.server.containers.set("web", "");
  assert.equal((await subject.find()).layer, null);
});

Deno.test("findLayer() rejects as containerd does", async () => {
  await using subject = new Subject();
  await assert.rejects(subject.find(), { kind: "NotFound", message: /image "app": not found/ });
  subject.server.containers.clear();
  await assert.rejects(subject.find(), { kind: "NotFound", message: /container "web": not found/ });
});

Deno.test.each(
  [
    ["is cut", (bytes: Uint8Array) => bytes.subarray(1), /: \d+ of \d+ bytes are there/],
    ["has more", (bytes: Uint8Array) => new Uint8Array([...bytes, 1]), /: more than \d+ bytes/],
    ["is another", (bytes: Uint8Array) => bytes.with(9, 0x20), /: its bytes are of sha256:/],
  ] as const,
)("findLayer() refuses a manifest that %s", async (_, damage, message) => {
  await using subject = new Subject();
  const manifest = await subject.manifest("wasip1", 1);
  const { blobs } = subject.server;
  blobs.set(manifest.digest, damage(blobs.get(manifest.digest)!));
  subject.target(manifest);
  await assert.rejects(subject.find(), { kind: "DataLoss", message });
  await assert.rejects(subject.find(), { message: new RegExp(`^image app: ${manifest.digest}`) });
});

Deno.test("findLayer() does not read a manifest that is too large", async () => {
  await using subject = new Subject();
  const manifest = await subject.manifest("wasip1", 1);
  subject.target({ ...manifest, size: 9 << 20 });
  await assert.rejects(subject.find(), { message: /9437184 bytes: more than 8388608/ });
  assert.deepEqual(subject.server.read, []);
});
