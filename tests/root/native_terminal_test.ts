/** The operation of a sandbox plan that gives a terminal. Needs root. */

import assert from "node:assert/strict";
import type { Op } from "../../src/linux/plan.ts";
import { MS } from "../../src/oci/mod.ts";
import { ERRNO, mountOp, perform, performInTerminal, Root } from "./support.ts";

const { EPERM, ENOENT, EBADF, ENODEV, ENOTDIR, ELOOP } = ERRNO;

const DEV = mountOp({ target: "/dev" });
const PROC = mountOp({ source: "proc", target: "/proc", type: "proc" });
const DEVPTS = mountOp({
  source: "devpts",
  target: "/dev/pts",
  type: "devpts",
  data: "ptmxmode=0666,mode=0620,gid=5",
});
const TERMINAL = { op: "terminal", width: 0, height: 0, uid: 0, console: false } as const;

/** A root that has /dev, devpts, a terminal and a shell. */
const terminal = (root: Root, values: Partial<typeof TERMINAL> | object = {}): Op[] => [
  root.op,
  PROC,
  DEV,
  DEVPTS,
  { ...TERMINAL, ...values },
  { op: "pivot" },
];

Deno.test("perform: terminal is the streams' and the session's, of the size and the user asked for", async () => {
  using root = new Root().withShell();
  const ops = terminal(root, { width: 100, height: 30, uid: 1000 });
  const script = "tty; stty size; stat -c '%u:%g %a' /dev/pts/0; : > /dev/pts/0; ls -1 /dev/pts";
  assert.deepEqual(
    await performInTerminal([...ops, { op: "user", uid: 1000, gid: 1000, groups: [] }], {
      before: "umask 077",
      after: script,
    }),
    {
      result: 0,
      step: "",
      out: "/dev/pts/0\r\n30 100\r\n1000:5 620\r\n0\r\nptmx\r\n",
      status: 0,
    },
  );
});

Deno.test("perform: terminal passes every byte both ways", async () => {
  using root = new Root().withShell();
  const { out } = await performInTerminal(terminal(root), {
    typed: "a\\377b\\n",
    after: "stty -opost -echo; head -c 4 | od -An -tx1; printf '\\001\\r\\n'",
  });
  assert.ok(out.endsWith(" 61 ff 62 0a\n\x01\r\n"), JSON.stringify(out));
});

Deno.test("perform: terminal without a size has none", async () => {
  using root = new Root().withShell();
  for (const size of [{ width: 80 }, { height: 24 }, {}]) {
    const { out } = await performInTerminal(terminal(root, size), {
      after: "stty size 2>/dev/null; echo end", // busybox does not say "0 0"
    });
    assert.equal(out, "end\r\n");
  }
});

Deno.test("perform: terminal turns ^C into SIGINT", async () => {
  using root = new Root().withShell();
  const outcome = await performInTerminal(terminal(root), {
    after: "exec sleep 10",
    typed: "\\003",
  });
  assert.deepEqual(outcome, { result: 0, step: "", out: "^C", status: 2 });
});

Deno.test("perform: terminal is at /dev/console when that is asked for, whatever was there", async () => {
  using root = new Root().withShell();
  const console: Op = {
    op: "mknod",
    path: "/dev/console",
    mode: 0o20600,
    major: 5,
    minor: 1,
    uid: 0,
    gid: 0,
  };
  for (const node of [[], [console]]) {
    const ops = terminal(root, { console: true });
    ops.splice(4, 0, ...node);
    const { result, out } = await performInTerminal(ops, {
      after: "stat -c %t:%T /dev/console /dev/pts/0 | uniq; echo said > /dev/console",
    });
    assert.equal(result, 0);
    assert.equal(out, "88:0\r\nsaid\r\n");
  }
  const { out } = await performInTerminal(terminal(root), { after: "ls /dev" });
  assert.equal(out, "pts\r\n");
});

Deno.test("perform: terminal does not look at /dev/ptmx, wherever an image makes it lead", async () => {
  for (const entry of ["a file", { link: "/etc/passwd" }, { link: "../../../../dev/tty" }]) {
    using root = new Root({ "/dev/ptmx": entry, "/dev/pts": null }).withShell();
    const { result, out } = await performInTerminal([root.op, DEVPTS, TERMINAL, { op: "pivot" }], {
      after: "tty || cat /dev/ptmx",
    });
    assert.deepEqual([result, out], [0, "/dev/pts/0\r\n"]);
  }
});

Deno.test("perform: terminal takes a devpts only", async () => {
  const step = "terminal /dev/pts/ptmx";
  const refused: [
    entries: ConstructorParameters<typeof Root>[0],
    errno: number,
    before?: string,
  ][] = [
    [{}, ENOENT],
    [{ "/dev/pts": "a file" }, ENOTDIR],
    [{ "/dev/pts/ptmx": "a file" }, ENODEV],
    [{ "/dev/pts/ptmx": { link: "/dev/ptmx" } }, ENODEV],
    [{ "/dev/pts": null }, ENODEV, "mkfifo $D/dev/pts/ptmx"],
    [{ "/dev/pts": null }, ENODEV, "mknod $D/dev/pts/ptmx c 5 2"],
    [{ "/dev/pts": { link: "/dev/pts" } }, ELOOP],
    // The host's are not below the root.
    [{ "/dev/pts": { link: "../../../../../../../../dev/pts" } }, ELOOP],
    [{ "/dev": { link: "/proc/self/root/dev" } }, ENOENT],
  ];
  for (const [entries, errno, before = ""] of refused) {
    using root = new Root(entries);
    const outcome = await perform([root.op, TERMINAL], {
      before: before.replaceAll("$D", root.path),
    });
    assert.deepEqual(outcome, { result: errno, step, out: "" }, JSON.stringify(entries));
  }
});

Deno.test("perform: terminal does not open what is mounted over a devpts's ptmx", async () => {
  using root = new Root().withShell();
  const over = mountOp({ source: "/dev/null", target: "/dev/pts/ptmx", flags: MS.BIND });
  const { result, step } = await perform([root.op, DEV, DEVPTS, over, TERMINAL]);
  assert.deepEqual([result, step], [ENODEV, "terminal /dev/pts/ptmx"]);
});

Deno.test("perform: terminal needs the streams to be open, and a session", async () => {
  using root = new Root();
  const ops = [root.op, DEV, DEVPTS, TERMINAL];
  assert.equal((await perform(ops, { before: "exec 0<&-" })).result, EBADF);
  // The leader of a session with a terminal: none of this process's.
  assert.equal((await perform(ops)).result, EPERM);
});
