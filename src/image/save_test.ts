import assert from "node:assert/strict";
import { Store } from "../containerd/store.ts";
import { StoreServer } from "../containerd/testing/grpc_server.ts";
import { saveLayer } from "./save.ts";

/** A store with one layer, and the folder of the tasks' states. */
class Subject implements AsyncDisposable {
  readonly server = new StoreServer();
  readonly store = new Store(this.server.path, "default", new AbortController().signal);
  readonly tasks = Deno.makeTempDirSync({ prefix: "denowasi-tasks-" });

  async save(task: string, name = "app.wasm", bytes = [1, 2, 3]): Promise<string> {
    const layer = await this.server.put("application/wasm", new Uint8Array(bytes));
    const folder = `${this.tasks}/${task}`;
    Deno.mkdirSync(folder);
    const places = { folder, tasks: this.tasks, name };
    return folder + await saveLayer(this.store, { image: "app", target: "", layer }, places);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.store[Symbol.dispose]();
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.tasks, { recursive: true });
  }
}

Deno.test("saveLayer() makes a file that is root's alone, with the digest in its path", async () => {
  await using subject = new Subject();
  const path = await subject.save("a");
  assert.equal(path, `${subject.tasks}/a/${subject.server.read[0]}/app.wasm`);
  assert.deepEqual([...Deno.readFileSync(path)], [1, 2, 3]);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  assert.deepEqual([...Deno.readDirSync(`${subject.tasks}/a`)].length, 1);
});

Deno.test("saveLayer() links the file of another task, whatever it is named", async () => {
  await using subject = new Subject();
  const first = await subject.save("a");
  const second = await subject.save("b", "b.wasm");
  assert.equal(Deno.statSync(first).ino, Deno.statSync(second).ino);
  assert.equal(subject.server.read.length, 1);
  const other = await subject.save("c", "app.wasm", [4]);
  assert.deepEqual([...Deno.readFileSync(other)], [4]);
});

Deno.test("saveLayer() keeps its file when the other task goes", async () => {
  await using subject = new Subject();
  await subject.save("a");
  const path = await subject.save("b");
  Deno.removeSync(`${subject.tasks}/a`, { recursive: true });
  assert.deepEqual([...Deno.readFileSync(path)], [1, 2, 3]);
});

Deno.test("saveLayer() leaves no whole file of a blob that is cut short", async () => {
  await using subject = new Subject();
  const { digest } = await subject.server.put("", new Uint8Array([1, 2, 3]));
  const { blobs } = subject.server;
  subject.server.put = (mediaType) => Promise.resolve({ mediaType, digest, size: 3 });
  blobs.set(digest, new Uint8Array([1, 2]));
  const message = `image app: layer ${digest}: 2 of 3 bytes are there`;
  await assert.rejects(subject.save("a"), { kind: "DataLoss", message });
  assert.deepEqual([...Deno.readDirSync(`${subject.tasks}/a/${digest}`)], []);
});
