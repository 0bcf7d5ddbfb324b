/** The operations of a sandbox plan that give up privileges. Needs root. */

import assert from "node:assert/strict";
import type { Op } from "../../src/linux/plan.ts";
import { ERRNO, folder, perform } from "./support.ts";

const { EINVAL, E2BIG } = ERRNO;

const CAP_CHOWN = 1n << 0n;
const CAP_KILL = 1n << 5n;
const CAP_NET_BIND_SERVICE = 1n << 10n;

/** The fields of /proc/self/status after `ops`. */
async function status(ops: Op[]): Promise<Record<string, string>> {
  const { result, step, out } = await perform(ops, { after: "cat /proc/self/status" });
  assert.equal(result, 0, step);
  return Object.fromEntries(out.split("\n").map((line) => line.split(/:\s*/, 2)));
}

const mask = (text: string) => BigInt(`0x${text}`);

Deno.test("perform: user sets every id and group", async () => {
  const found = await status([{ op: "user", uid: 1000, gid: 1001, groups: [5, 4294967294] }]);
  assert.equal(found.Uid, "1000\t1000\t1000\t1000");
  assert.equal(found.Gid, "1001\t1001\t1001\t1001");
  assert.equal(found.Groups.trim(), "5 4294967294");
  const root = await status([{ op: "user", uid: 0, gid: 0, groups: [] }]);
  assert.equal(root.Groups.trim(), "");
});

Deno.test("perform: user takes 1024 groups, not one more", async () => {
  const groups = Array.from({ length: 1024 }, (_, index) => index + 1);
  const found = await status([{ op: "user", uid: 0, gid: 0, groups }]);
  assert.equal(found.Groups.trim(), groups.join(" "));
  const ops: Op[] = [{ op: "user", uid: 0, gid: 0, groups: [...groups, 1025] }];
  assert.deepEqual(await perform(ops), { result: E2BIG, step: "user", out: "" });
});

Deno.test("perform: user gives its streams to the user, if they can be given", async () => {
  const path = `${folder}/stream`;
  Deno.writeTextFileSync(path, "");
  const ops: Op[] = [
    { op: "open", path: "/dev/null", flags: 0, mode: 0, fd: 0 },
    { op: "open", path, flags: 1, mode: 0, fd: 1 },
    { op: "user", uid: 1234, gid: 1234, groups: [] },
  ];
  assert.equal((await perform(ops)).result, 0);
  assert.equal(Deno.statSync(path).uid, 1234);
  assert.equal(Deno.statSync("/dev/null").uid, 0);
});

Deno.test("perform: bounding drops what it does not name", async () => {
  const found = await status([{ op: "bounding", mask: CAP_KILL | CAP_CHOWN }]);
  assert.equal(mask(found.CapBnd), CAP_KILL | CAP_CHOWN);
  assert.equal(mask((await status([{ op: "bounding", mask: 0n }])).CapBnd), 0n);
  const all = await status([]);
  assert.equal((await status([{ op: "bounding", mask: 2n ** 64n - 1n }])).CapBnd, all.CapBnd);
});

Deno.test("perform: capabilities of another user outlive the change of user and exec", async () => {
  const kept = CAP_KILL | CAP_NET_BIND_SERVICE;
  const found = await status([
    { op: "bounding", mask: kept | CAP_CHOWN },
    { op: "user", uid: 1000, gid: 1000, groups: [] },
    { op: "capabilities", effective: kept, permitted: kept, inheritable: kept, ambient: CAP_KILL },
  ]);
  assert.equal(mask(found.CapBnd), kept | CAP_CHOWN);
  assert.equal(mask(found.CapInh), kept);
  // After exec, a user has what is ambient.
  for (const set of ["CapPrm", "CapEff", "CapAmb"]) assert.equal(mask(found[set]), CAP_KILL, set);
});

Deno.test("perform: capabilities none leaves root without any", async () => {
  const none: Op = {
    op: "capabilities",
    effective: 0n,
    permitted: 0n,
    inheritable: 0n,
    ambient: 0n,
  };
  const found = await status([{ op: "bounding", mask: 0n }, none]);
  for (const set of ["CapBnd", "CapInh", "CapPrm", "CapEff", "CapAmb"]) {
    assert.equal(mask(found[set]), 0n, set);
  }
});

Deno.test("perform: capabilities beyond 32, and sets that cannot be", async () => {
  const CAP_BPF = 1n << 39n;
  const found = await status([
    { op: "user", uid: 1000, gid: 1000, groups: [] },
    {
      op: "capabilities",
      effective: CAP_BPF,
      permitted: CAP_BPF,
      inheritable: CAP_BPF,
      ambient: CAP_BPF,
    },
  ]);
  assert.equal(mask(found.CapEff), CAP_BPF);
  const invalid: Op[] = [
    { op: "capabilities", effective: CAP_KILL, permitted: 0n, inheritable: 0n, ambient: 0n },
    { op: "capabilities", effective: 0n, permitted: 0n, inheritable: 0n, ambient: CAP_KILL },
  ];
  for (const op of invalid) {
    assert.deepEqual(await perform([op]), { result: -1, step: "capabilities", out: "" }); // EPERM
  }
});

Deno.test("perform: noNewPrivileges", async () => {
  assert.equal((await status([])).NoNewPrivs, "0");
  assert.equal((await status([{ op: "noNewPrivileges" }])).NoNewPrivs, "1");
});

/** struct sock_filter instructions. */
function filter(...instructions: [code: number, jt: number, jf: number, k: number][]): Uint8Array {
  const bytes = new Uint8Array(8 * instructions.length);
  const view = new DataView(bytes.buffer);
  instructions.forEach(([code, jt, jf, k], index) => {
    view.setUint16(8 * index, code, true);
    view.setUint8(8 * index + 2, jt);
    view.setUint8(8 * index + 3, jf);
    view.setUint32(8 * index + 4, k, true);
  });
  return bytes;
}

const LOAD = 0x20, JUMP_EQUAL = 0x15, RETURN = 0x06;
const ALLOW = 0x7fff0000, FAIL = 0x00050000;

Deno.test("perform: seccomp filters from then on", async () => {
  const chdir = Deno.build.arch === "aarch64" ? 49 : 80;
  const refuse = filter([LOAD, 0, 0, 0], [JUMP_EQUAL, 0, 1, chdir], [RETURN, 0, 0, FAIL | 38], [
    RETURN,
    0,
    0,
    ALLOW,
  ]);
  const { result, out } = await perform([{ op: "seccomp", flags: 0, filter: refuse }], {
    after: "cd / 2>/dev/null || echo refused; grep Seccomp: /proc/self/status",
  });
  assert.equal(result, 0);
  assert.equal(out, "refused\nSeccomp:\t2\n");
});

Deno.test("perform: seccomp refuses what is no filter", async () => {
  const invalid = [
    new Uint8Array(),
    new Uint8Array(7),
    new Uint8Array(8),
    filter([RETURN, 0, 0, ALLOW]).subarray(1),
    new Uint8Array(8 * 4097).fill(6),
    new Uint8Array(8 * 65536),
  ];
  for (const bytes of invalid) {
    const outcome = await perform([{ op: "seccomp", flags: 0, filter: bytes }]);
    assert.deepEqual(
      outcome,
      { result: EINVAL, step: "seccomp", out: "" },
      `${bytes.length} bytes`,
    );
  }
});
