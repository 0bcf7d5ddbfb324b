/** Processes with a terminal, from the plan to the monitor's copy. Needs root. */

import assert from "node:assert/strict";
import { must, waitFor } from "../support/mod.ts";
import { type Asked, exec, startContainer } from "./support_exec.ts";
import { type Created, exists, folder, ROOT, TestZygote } from "./support_zygote.ts";

const CAT: Asked = { module: "/cat.wasm", terminal: true, args: ["cat"] };

/** The terminal's size as stty(1) prints it: rows, columns. */
async function size({ pid }: Created): Promise<string> {
  return (await must(["stty", "-F", `/proc/${pid}/fd/0`, "size"])).out;
}

/** Prints its descriptors and their types, 2 being a character device and 3 a folder. */
const FDS: Asked = { module: "/fds.wasm", terminal: true };
const TERMINAL_FDS = "0 2\r\n1 2\r\n2 2\r\n3 3\r\n";

Deno.test("terminal: the streams of a container and of an exec are one", async () => {
  await using zygote = await TestZygote.start();
  const first = await startContainer(zygote, FDS);
  assert.deepEqual(await first.end(), { code: 0, out: TERMINAL_FDS, err: "" });
  const container = await startContainer(zygote);
  const second = await exec(zygote, container, FDS);
  const links = [0, 1, 2].map((fd) => Deno.readLinkSync(`/proc/${second.pid}/fd/${fd}`));
  assert.deepEqual(links, Array.from({ length: 3 }, () => "/dev/pts/0"));
  await second.start();
  assert.deepEqual(await second.end(), { code: 0, out: TERMINAL_FDS, err: "" });
});

Deno.test("terminal: has the size and the owner asked for, and is the session's", async () => {
  await using zygote = await TestZygote.start();
  const process = { consoleSize: { width: 100, height: 30 }, user: { uid: 7, gid: 8 } };
  const container = await startContainer(zygote, { ...CAT, process });
  const other = { consoleSize: { width: 90, height: 20 }, user: { uid: 9, gid: 9 } };
  const second = await exec(zygote, container, { ...CAT, process: other });
  assert.equal(await size(container), "30 100\n");
  assert.equal(await size(second), "20 90\n");
  const owner = ({ pid }: Created) => {
    const { uid, gid, mode } = Deno.statSync(`/proc/${pid}/fd/0`);
    return [uid, gid, mode! & 0o777];
  };
  assert.deepEqual(owner(container), [7, 5, 0o620]);
  assert.deepEqual(owner(second), [9, 5, 0o620]);
  const terminals = [container, second].map(({ pid }) => Deno.readLinkSync(`/proc/${pid}/fd/0`));
  assert.deepEqual(terminals, ["/dev/pts/0", "/dev/pts/1"]);
  // Fields 7 and 8 of stat, proc(5): the terminal, and its foreground process group.
  const stat = Deno.readTextFileSync(`/proc/${container.pid}/stat`).split(") ")[1].split(" ");
  assert.deepEqual(stat.slice(4, 6), [`${136 << 8}`, `${container.pid}`]);
  const dev = `/proc/${container.pid}/root/dev`;
  assert.equal(Deno.statSync(`${dev}/console`).rdev, Deno.statSync(`${dev}/pts/0`).rdev);
});

Deno.test("terminal: what is typed comes in and what is written goes out, byte for byte", async () => {
  await using zygote = await TestZygote.start();
  const container = await startContainer(zygote);
  const both = [await startContainer(zygote, CAT, false), await exec(zygote, container, CAT)];
  for (const process of both) {
    await process.start();
    await must(["stty", "-F", `/proc/${process.pid}/fd/0`, "raw", "-echo"]);
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await process.type(bytes);
    const path = `${folder}/${process.key}/out`;
    await waitFor("every byte", () => Deno.statSync(path).size >= bytes.length);
    assert.deepEqual(Deno.readFileSync(path), bytes);
    await must(["stty", "-F", `/proc/${process.pid}/fd/0`, "-raw"]);
    await process.type("\n\x04"); // ^D; a line first ends the read that has begun raw
    assert.equal((await process.end()).code, 0);
  }
});

Deno.test("terminal: ^C ends the process with 130, and no other", async () => {
  await using zygote = await TestZygote.start();
  const container = await startContainer(zygote, CAT);
  const process = await exec(zygote, container, CAT);
  await process.start();
  await process.type("abc\n");
  await process.waitForOutput("abc\r\nabc\r\n"); // its echo, and what it wrote
  await process.type("\x03");
  assert.deepEqual(await process.end(), { code: 130, out: "abc\r\nabc\r\n^C", err: "" });
  assert.ok(exists(container.pid));
  await container.type("\x03");
  assert.equal((await container.end()).code, 130);
});

Deno.test("terminal: an image cannot bring its own", async () => {
  await using zygote = await TestZygote.start();
  const rootfs = `${folder}/malicious`;
  const outside = `${folder}/outside`;
  Deno.writeTextFileSync(outside, "as it was\n");
  Deno.mkdirSync(`${rootfs}/dev`, { recursive: true });
  Deno.mkdirSync(`${rootfs}/proc`);
  Deno.copyFileSync(`${ROOT}/fds.wasm`, `${rootfs}/fds.wasm`);
  Deno.symlinkSync(outside, `${rootfs}/dev/ptmx`);
  Deno.symlinkSync("../../../../../../dev/pts", `${rootfs}/dev/pts`);
  Deno.symlinkSync(outside, `${rootfs}/dev/console`);
  const container = await startContainer(zygote, { ...FDS, rootfs });
  assert.deepEqual(await container.end(), { code: 0, out: TERMINAL_FDS, err: "" });
  assert.equal(Deno.readTextFileSync(outside), "as it was\n");
  assert.equal(Deno.statSync(outside).uid, 0);
});

Deno.test("terminal: a container without devpts has none, and says so", async () => {
  await using zygote = await TestZygote.start();
  await assert.rejects(
    zygote.create({
      terminal: true,
      init: [
        { op: "unshare", kinds: ["mount"] },
        { op: "root", path: ROOT, flags: 0 },
        { op: "terminal", width: 0, height: 0, uid: 0, console: false },
      ],
    }),
    {
      message: /^set up the sandbox: terminal \/dev\/pts\/ptmx: ENOENT: /,
    },
  );
});
