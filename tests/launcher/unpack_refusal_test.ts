import assert from "node:assert/strict";
import { assertClean, builtFile, Folder, Host, NAME, sanitizedFile, unpacked } from "./support.ts";

/** Asserts one line with `reason`, and status 1. */
function assertRefused(
  { code, out, err }: { code: number; out: string; err: string },
  reason: RegExp,
): void {
  assert.match(err, /^containerd-shim-deno-v1: [^\n]+\n$/);
  assert.match(err, reason);
  assert.equal(out, "");
  assert.equal(code, 1);
}

Deno.test("launcher says that there is no space, and takes none after that", async () => {
  await using host = await Host.start({ size: "40m" });
  const result = await host.run([await builtFile(), "-info"]);
  assertRefused(result, /unpack \/var\/lib\/denowasi\/\.unpack\/deno: No space left on device/);
  assert.deepEqual(await host.store(), [".lock"]);
});

Deno.test("launcher says that the file system is read-only, unless all is there already", async () => {
  await using host = await Host.start();
  const file = await builtFile();
  await host.run(["mount", "-o", "remount,ro", "/var/lib"]);
  assertRefused(
    await host.run([file, "-info"]),
    /mkdir \/var\/lib\/denowasi: Read-only file system/,
  );
  await host.run(["mount", "-o", "remount,rw", "/var/lib"]);
  await host.facts([file, "-info"]);
  await host.run(["mount", "-o", "remount,ro", "/var/lib"]);
  await host.facts([file, "-info"]);
});

Deno.test("launcher says that a user who is not root may not unpack", async () => {
  await using host = await Host.start();
  using folder = new Folder();
  const file = `${folder.path}/${NAME}`;
  await Deno.copyFile(await builtFile(), file);
  const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", file, "-info"];
  assertRefused(await host.run(user), /mkdir \/var\/lib\/denowasi: Permission denied/);
  await host.facts([file, "-info"]);
  assertRefused(
    await host.run(user),
    /open \/var\/lib\/denowasi\/\.lock: Permission denied/,
  );
});

Deno.test("launcher refuses a damaged file and leaves nothing behind", async (test) => {
  using folder = new Folder();
  const file = `${folder.path}/${NAME}`;
  const good = await Deno.readFile(await builtFile());
  const flipped = (offset: number) => {
    const data = good.slice();
    data[offset] ^= 1;
    return data;
  };
  const middle = Math.floor(good.length / 2);
  const cases: [string, Uint8Array, RegExp][] = [
    ["a bit in the middle", flipped(middle), /this file is damaged: /],
    ["a bit of the digest", flipped(good.length - 1), /has SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}/],
    ["a bit of the length", flipped(good.length - 40), /this file is damaged: /],
    ["a length beyond the file", flipped(good.length - 36), /is damaged: its archive of \d+ bytes/],
    ["a bit of the magic", flipped(good.length - 56), /this file carries no archive/],
    ["the end cut off", good.subarray(0, middle), /this file carries no archive/],
  ];
  for (const [damage, data, reason] of cases) {
    await test.step(damage, async () => {
      await using host = await Host.start();
      await Deno.writeFile(file, data, { mode: 0o755 });
      assertRefused(await host.run([file, "-info"]), reason);
      assert((await host.store().catch(() => [])).every((name) => name === ".lock"));
    });
  }
});

Deno.test("launcher unpacks, repairs and refuses without a fault that sanitizers see", async () => {
  using folder = new Folder();
  await using host = await Host.start();
  const file = await sanitizedFile(folder);
  await host.facts([file, "-info"], { timeoutMs: 60_000 });
  const { inside } = await unpacked(host);
  await Deno.remove(`${inside}/shim.js`);
  await host.facts([file, "-info"], { timeoutMs: 60_000 });
  await assertClean(host);
  await Deno.remove(`${inside}/shim.js`);
  await host.run(["mount", "-o", "remount,ro", "/var/lib"]);
  assertRefused(await host.run([file, "-info"]), /open \/var\/lib\/denowasi\/\.lock: Read-only/);
  await using small = await Host.start({ size: "40m" });
  assertRefused(await small.run([file, "-info"]), /No space left/);
  for (const offset of [-20, -40, -36, -56]) {
    const data = await Deno.readFile(file);
    data[data.length + offset] ^= 1;
    await Deno.writeFile(file, data);
    await using other = await Host.start();
    assertRefused(await other.run([file, "-info"], { timeoutMs: 60_000 }), /this file /);
    data[data.length + offset] ^= 1;
    await Deno.writeFile(file, data);
  }
});
