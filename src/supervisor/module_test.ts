import assert from "node:assert/strict";
import { StoreServer } from "../containerd/testing/grpc_server.ts";
import { outline } from "../oci/mod.ts";
import type { Making } from "./container.ts";
import { findEntry } from "./module.ts";
import { readTaskState, type TaskState, writeTaskState } from "./state_file.ts";
import { NO_STDIO } from "./testing/process.ts";
import { TestWorkshop } from "./testing/workshop.ts";

const HELLO = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

/** A container "web", and a containerd that has its image. */
class Subject implements AsyncDisposable {
  readonly shop = new TestWorkshop();
  readonly server = new StoreServer();
  readonly folder = this.shop.state("web", {});

  constructor() {
    this.shop.workshop.containerd = this.server.path;
    this.server.containers.set("web", "app");
  }

  /** Its image has the layer `data`. @returns the layer's digest */
  async layer(data: Uint8Array<ArrayBuffer>, mediaType = "application/wasm"): Promise<string> {
    const { server } = this;
    const layer = await server.put(mediaType, data);
    const config = await server.put("application/vnd.oci.image.config.v1+json", {});
    const { size, ...target } = await server.put("m", { config, layers: [layer] });
    server.images.set("app", { ...target, size: BigInt(size) });
    return layer.digest;
  }

  /** A file of its root. */
  file(path: string, data = HELLO): void {
    Deno.writeFileSync(`${this.shop.bundle}/rootfs${path}`, data);
  }

  async find(...args: string[]) {
    const { shop: { workshop, bundle }, folder } = this;
    this.shop.config(args);
    const config = Deno.readTextFileSync(`${bundle}/config.json`);
    const save = (change: Partial<TaskState>) =>
      writeTaskState(folder, { ...readTaskState(folder)!, ...change });
    const request = { id: "web", bundle, rootfs: [], paths: NO_STDIO, checkpoint: "" };
    const signal = new AbortController().signal;
    const rootfs = `${bundle}/rootfs`;
    const making: Making = { workshop, request, config, rootfs, folder, save, signal };
    return (await findEntry(making, outline(config))).module;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.shop[Symbol.asyncDispose]();
  }
}

Deno.test("findEntry() does not ask containerd when the program is in the root", async () => {
  await using subject = new Subject();
  await subject.layer(HELLO);
  subject.file("/app.wasm");
  subject.file("/tool", new TextEncoder().encode("#!/bin/sh"));
  const root = `${subject.shop.bundle}/rootfs`;
  const module = { root, path: "/app.wasm", digest: "", export: "run" };
  assert.deepEqual(await subject.find("/app.wasm#run"), module);
  assert.equal(await subject.find("/tool"), null);
  assert.deepEqual(subject.server.read, []);
});

Deno.test.each([
  ["/app.wasm", "app.wasm", "_start"],
  ["/bin/app#run", "app", "run"],
  ["/", "module.wasm", "_start"],
  ["#run", "module.wasm", "run"],
  [`/${"x".repeat(200)}`, "module.wasm", "_start"],
])("findEntry() of %j is the image's layer", async (program, name, expected) => {
  await using subject = new Subject();
  const digest = await subject.layer(HELLO);
  const path = `/${digest}/${name}`;
  assert.deepEqual(await subject.find(program), {
    root: subject.folder,
    path,
    digest: digest.replace("sha256:", ""),
    export: expected,
  });
  assert.equal(readTaskState(subject.folder)?.layer, path);
  assert.deepEqual(Deno.readFileSync(`${subject.folder}${path}`), HELLO);
});

Deno.test.each([
  ["/tool"],
  ["/"],
  [""],
])("findEntry() of %j in an ordinary image is null: an OCI runtime shall say", async (program) => {
  await using subject = new Subject();
  await subject.layer(HELLO, "application/vnd.oci.image.layer.v1.tar");
  assert.equal(await subject.find(program), null);
  subject.shop.workshop.containerd = "/none.sock";
  assert.equal(await subject.find(program), null);
});

Deno.test("findEntry() rejects with what the image lacks, too", async () => {
  await using subject = new Subject();
  await subject.layer(HELLO, "application/vnd.oci.image.layer.v1.tar");
  const message = /^find .* \/app\.wasm: no such file; image app: no WebAssembly layer$/;
  await assert.rejects(subject.find("/app.wasm"), { kind: "NotFound", message });
  await assert.rejects(subject.find("#run"), { kind: "InvalidArgument", message: /names no file/ });
  await assert.rejects(subject.find(), { kind: "InvalidArgument", message: /args: empty/ });
});

Deno.test("findEntry() refuses a layer that is not WebAssembly", async () => {
  await using subject = new Subject();
  const digest = await subject.layer(new Uint8Array([1, 2, 3]));
  const message = new RegExp(`/${digest}/app: it is not a WebAssembly module`);
  await assert.rejects(subject.find("/app"), { kind: "InvalidArgument", message });
});
