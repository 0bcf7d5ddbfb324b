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

interface Request {
  key?: string;
  initPlan?: Uint8Array;
  flags?: string[];
  /** The number of flags, as the request has it. */
  count?: number;
}

/** A request whose plan for the monitor is malformed. */
function request({ key = "id", initPlan, flags = [], count = flags.length }: Request): Uint8Array {
  const writer = new MessageWriter().bytes(key).bytes(ROOT).bytes("/hello.wasm").bytes("")
    .bytes("_start").bytes("0").bytes(new Uint8Array(3)).bytes(initPlan ?? new Uint8Array()).bytes(
      "{}",
    )
    .bytes(`${folder}/runtime/launcher`).bytes("").bytes("").bytes("").u32(count);
  for (const flag of flags) writer.bytes(flag);
  return writer.finish();
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
    ["too few arguments", frame(request({ flags: ["--key"], count: 2 })), /EBADMSG/],
    ["an argument with a NUL", frame(request({ flags: ["--key\0"] })), /EBADMSG/],
    [
      "65 arguments",
      frame(request({ flags: Array.from({ length: 65 }, () => "") })),
      /E2BIG/,
    ],
    ["2^32 - 1 arguments", frame(request({ count: 0xffffffff })), /E2BIG/],
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
  // No monitor is expected: it finds nobody to connect to and ends its init.
  const key = `${"c".repeat(76)}/${"e".repeat(76)}`; // as long as containerd's ids
  const flags = ["--key", key, "--socket", `${folder}/none`, "--dir", `${folder}/${id}`];
  const message = request({ key, initPlan: Uint8Array.of(1, 0, 0, 0), flags });
  await connection.write(frame(message));
  const head = await connection.readBytes(4);
  const reader = new MessageReader(
    (await connection.readBytes(new DataView(head!.buffer).getUint32(0, true)))!,
  );
  assert.deepEqual([reader.string(), reader.string(), reader.string()], [key, "ok", ""]);
  await waitFor("its monitor to end", () => zygote.children().length === 0);
  assert.equal((await zygote.run()).code, 0);
});
