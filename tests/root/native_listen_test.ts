/** The operation of a sandbox plan that makes a listening socket. Needs root. */

import assert from "node:assert/strict";
import type { Op } from "../../src/linux/plan.ts";
import { must, waitFor } from "../support/mod.ts";
import { perform } from "./support.ts";
import { ROOT, sandbox, TestZygote } from "./support_zygote.ts";

const EACCES = -13, EEXIST = -17, EINVAL = -22, EADDRINUSE = -98, EADDRNOTAVAIL = -99;
const NETWORK: Op = { op: "unshare", kinds: ["network"] };

/** As a descriptor above those that `perform` counts. */
const listen = (address: string, port: number, fd = 300): Op => ({
  op: "listen",
  address,
  port,
  fd,
});

Deno.test("perform: listen takes IPv4 and IPv6", async () => {
  const ops = [NETWORK, listen("0.0.0.0", 80), listen("::", 81, 301), listen("127.0.0.1", 0, 302)];
  assert.deepEqual(await perform(ops), { result: 0, step: "", out: "" });
});

Deno.test.each<[string, Op[], number, string]>([
  [
    "an address twice",
    [listen("0.0.0.0", 80), listen("0.0.0.0", 80, 301)],
    EADDRINUSE,
    "0.0.0.0 80",
  ],
  ["a name", [listen("localhost", 80)], EINVAL, "localhost 80"],
  ["half an address", [listen("1.2.3", 80)], EINVAL, "1.2.3 80"],
  ["a descriptor that is taken", [listen("0.0.0.0", 80, 1)], EEXIST, "0.0.0.0 80"],
  ["an address that is long", [listen("1".repeat(1000), 80)], EINVAL, "1".repeat(31)],
])("perform: listen refuses %s", async (_, ops, result, subject) => {
  const found = await perform([NETWORK, ...ops]);
  assert.deepEqual(found, { result, step: `listen ${subject}`, out: "" });
});

Deno.test("perform: listen refuses an address of nobody", async () => {
  const found = await perform([listen("203.0.113.1", 80)]);
  assert.deepEqual(found, { result: EADDRNOTAVAIL, step: "listen 203.0.113.1 80", out: "" });
});

Deno.test("perform: listen on a low port needs the capability", async () => {
  const user: Op = { op: "user", uid: 1000, gid: 1000, groups: [] };
  const capabilities = (mask: bigint): Op => ({
    ...{ op: "capabilities", effective: mask, permitted: mask, inheritable: 0n, ambient: 0n },
  });
  const low = (mask: bigint) => perform([NETWORK, user, capabilities(mask), listen("0.0.0.0", 80)]);
  assert.deepEqual(await low(0n), { result: EACCES, step: "listen 0.0.0.0 80", out: "" });
  assert.equal((await low(1n << 10n)).result, 0);
});

Deno.test("zygote's child has the sockets of its network namespace", async () => {
  await using zygote = await TestZygote.start();
  const created = await zygote.create({
    module: "/serve.wasm",
    args: ["serve", "5", "2"],
    init: [...sandbox(ROOT), listen("127.0.0.1", 8080, 64), listen("127.0.0.1", 8081, 65)],
    listeners: [64, 65],
  });
  await created.start();
  await created.waitForOutput("ready\n");
  const ask = async (port: number, text: string) => {
    const script = `ip link set lo up; echo ${text} | /bin/busybox nc 127.0.0.1 ${port}`;
    const enter = ["nsenter", `--net=/proc/${created.pid}/ns/net`, "sh", "-c", script];
    return (await must(enter)).out;
  };
  assert.equal(await ask(8081, "first"), "5: first\n");
  assert.equal(await ask(8081, "second"), "5: second\n");
  const { code, out } = await created.end();
  assert.deepEqual([code, out], [0, "ready\nserved\nserved\n"]);
  await waitFor("nothing of it", () => zygote.children().length === 0);
});
