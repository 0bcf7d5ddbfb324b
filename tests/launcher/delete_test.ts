import assert from "node:assert/strict";
import { Reader } from "protobufjs/minimal";
import { builtFile, Folder, Host, sanitizedFile } from "./support.ts";

/** Fields of a containerd.task.v2.DeleteResponse, read by their numbers. */
function decode(data: Uint8Array) {
  const seen = { exitStatus: -1, seconds: -1, nanos: -1 };
  const reader = Reader.create(data);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === (2 << 3)) seen.exitStatus = reader.uint32();
    else if (tag === (3 << 3 | 2)) {
      const end = reader.uint32() + reader.pos;
      while (reader.pos < end) {
        const inner = reader.uint32();
        if (inner === (1 << 3)) seen.seconds = Number(reader.int64());
        else if (inner === (2 << 3)) seen.nanos = reader.int32();
        else assert.fail(`tag ${inner} of Timestamp`);
      }
      assert.equal(reader.pos, end);
    } else assert.fail(`tag ${tag} of DeleteResponse`);
  }
  return seen;
}

const DELETE = ["-namespace=n", "-id=i", "-bundle=/b", "delete"];

/** Asserts that `file` answers by itself. */
async function assertAnswers(host: Host, file: string): Promise<void> {
  const before = Date.now() / 1000;
  const { code, stdout, err } = await host.run([file, ...DELETE]);
  const after = Date.now() / 1000;
  assert.equal(err, "");
  assert.equal(code, 0);
  const { exitStatus, seconds, nanos } = decode(stdout);
  assert.equal(exitStatus, 137);
  assert(nanos >= 0 && nanos < 1e9);
  const time = seconds + nanos / 1e9;
  assert(time > before - 0.01 && time < after + 0.01, `${before} ${time} ${after}`);
}

Deno.test("delete of a container without state answers without unpacking", async () => {
  await using host = await Host.start();
  const file = await builtFile();
  await assertAnswers(host, file);
  await Deno.mkdir(host.path("/run/denowasi/tasks/n/other"), { recursive: true });
  await assertAnswers(host, file);
  await assert.rejects(host.store(), Deno.errors.NotFound);
});

Deno.test("delete of a container with state becomes the runtime", async () => {
  await using host = await Host.start();
  const file = await builtFile();
  await Deno.mkdir(host.path("/run/denowasi/tasks/n/i"), { recursive: true });
  const { args, descriptors } = await host.facts([
    "sh",
    "-c",
    'exec "$0" "$@" 7</dev/zero',
    file,
    ...DELETE,
  ]);
  assert.equal(args[0], "delete");
  assert.equal(args[5], "bundle=/b");
  assert.equal(descriptors.some((text) => text.endsWith("/dev/zero")), false);
});

Deno.test("delete and zygote run without a fault that sanitizers see", async () => {
  using folder = new Folder();
  await using host = await Host.start();
  const file = await sanitizedFile(folder);
  await assertAnswers(host, file);
  await Deno.mkdir(host.path("/run/denowasi/tasks/n/i"), { recursive: true });
  const { args } = await host.facts([file, ...DELETE], { timeoutMs: 60_000 });
  const dir = args[8].slice("runtime=".length);
  const report = `${folder.path}/report`;
  assert.equal((await host.run([file, "zygote", dir, report, "deno", "eager"])).err, "");
  assert.match(await Deno.readTextFile(report), /"zygote"/);
});
