/** What the zygote makes of a supervisor that ends, or does not keep to the protocol. Needs root. */

import assert from "node:assert/strict";
import { MessageReader, MessageWriter } from "../../src/linux/wire.ts";
import { waitFor } from "../support/mod.ts";
import { folder, ROOT, TestZygote } from "./support_zygote.ts";

/** What the zygote does with `bytes` on its socket, after which the supervisor hangs up. */
async function send(bytes: Uint8Array): Promise<{ code: number; err: string }> {
  const zygote = await TestZygote.start();
  const connection = await zygote.connection;
  await connection.write(bytes);
  await zygote[Symbol.asyncDispose]();
  const { code, err } = await zygote.process.result;
  return { code, err };
}

function frame(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + message.length);
  new DataView(bytes.buffer).setUint32(0, message.length, true);
  bytes.set(message, 4);
  return bytes;
}

Deno.test("zygote ends in order when its supervisor does, within a request too", async () => {
  const whole = frame(new MessageWriter().bytes("id").bytes(ROOT).finish());
  for (const size of [0, 1, 3, 4, 5, whole.length - 1]) {
    assert.deepEqual(await send(whole.subarray(0, size)), { code: 0, err: "" }, `${size} bytes`);
  }
});

Deno.test("zygote ends with one line over a request that is malformed", async () => {
  const malformed: [what: string, bytes: Uint8Array, message: RegExp][] = [
    ["empty", frame(new Uint8Array()), /EBADMSG/],
    ["too few fields", frame(new MessageWriter().bytes("id").bytes(ROOT).finish()), /EBADMSG/],
    [
      "a field beyond its end",
      frame(new MessageWriter().u32(0xffffffff).u64(0).finish()),
      /EBADMSG/,
    ],
    ["a field without NUL", frame(new Uint8Array(64).fill(1)), /EBADMSG/],
    [
      "16 MiB and a byte",
      frame(new Uint8Array()).map((_, at) => [1, 0, 0, 1][at]),
      /serve the supervisor: /,
    ],
    ["4 GiB", new Uint8Array(4).fill(0xff), /serve the supervisor: /],
  ];
  for (const [what, bytes, message] of malformed) {
    const { code, err } = await send(bytes);
    assert.equal(code, 1, what);
    assert.match(err, message, what);
    assert.equal(err.split("\n").length, 2, `${what}: one line`);
  }
});

Deno.test("zygote answers a request whose plan is malformed through its monitor", async () => {
  await using zygote = await TestZygote.start();
  const connection = await zygote.connection;
  const id = "malformed";
  Deno.mkdirSync(`${folder}/${id}`);
  // No monitor is expected: it loses its connection and ends its init.
  const fields = [
    id,
    ROOT,
    "/hello.wasm",
    "_start",
    new Uint8Array(3),
    Uint8Array.of(1, 0, 0, 0),
    "{}",
    `${folder}/none`,
    `${folder}/${id}`,
  ];
  const writer = new MessageWriter();
  for (const field of [...fields, `${folder}/runtime/launcher`]) writer.bytes(field);
  await connection.write(frame(writer.finish()));
  const head = await connection.readBytes(4);
  const reader = new MessageReader(
    (await connection.readBytes(new DataView(head!.buffer).getUint32(0, true)))!,
  );
  assert.deepEqual([reader.string(), reader.string(), reader.string()], [id, "ok", ""]);
  await waitFor("its monitor to end", () => zygote.children().length === 0);
  assert.equal((await zygote.run()).code, 0);
});
