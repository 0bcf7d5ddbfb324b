import assert from "node:assert/strict";
import { compileLauncher } from "../../scripts/native.ts";
import { must, sleep } from "../support/mod.ts";
import {
  assertClean,
  builtFile,
  FACTS,
  Folder,
  Host,
  NAME,
  STORE,
  unpacked,
  withArchive,
} from "./support.ts";

Deno.test("launcher unpacks what none but root writes, in root's own folder, and a stamp of every file", async () => {
  await using host = await Host.start();
  await host.facts([await builtFile(), "-info"]);
  await assertClean(host);
  const { inside } = await unpacked(host);
  // What Deno caches is its own.
  const cache = ["-path", `${inside}/cache`, "-prune", "-o"];
  const found = await must(["find", inside, ...cache, "-printf", "%P %y %m\n"]);
  const files = found.out.trim().split("\n").sort();
  for (
    const name of ["deno f 755", "launcher f 755", "lib/ld.so f 755", "shim.js f 644", "lib d 755"]
  ) {
    assert(files.includes(name), `${name}: ${files}`);
  }
  assert(files.includes("lib/containerd-shim l 777"));
  assert(
    files.every((line) => /(l 777|f 755|f 644|\.stamp f 600|d 755)$/.test(line)),
    files.join("\n"),
  );
  const stamp = (await Deno.readTextFile(`${inside}/.stamp`)).trim().split("\n");
  const stamped = stamp.slice(0, -1).map((line) => line.split(" ")[0]).sort();
  const expected = files.filter((line) => / [fl] /.test(line) && !line.startsWith(".stamp"));
  assert.deepEqual(stamped, expected.map((line) => line.split(" ")[0]).sort());
  assert.equal(stamp.at(-1), "end");
  assert.equal((await Deno.stat(host.path(STORE))).mode! & 0o777, 0o700);
});

/** tmpfs numbers its inodes in turn: the next tells how many files were ever made. */
async function nextInode(host: Host): Promise<number | null> {
  const path = host.path("/var/lib/next");
  await Deno.writeTextFile(path, "");
  return (await Deno.stat(path)).ino;
}

Deno.test("launcher unpacks exactly once for twenty first starts at the same time", async () => {
  await using host = await Host.start();
  const file = await builtFile();
  const starts = Array.from({ length: 20 }, (_, index) => {
    const argv = [file, "-namespace", "n", "-id", `c${index}`, "-address", "a", "start"];
    return host.run(argv, { timeoutMs: 60_000 });
  });
  for (const { code, out, err } of await Promise.all(starts)) {
    assert.equal(err, "");
    assert.equal(out, "unix:///run/stub.sock");
    assert.equal(code, 0);
  }
  await assertClean(host);
  await using single = await Host.start();
  await single.facts([file, "-info"]);
  assert.equal(await nextInode(host), await nextInode(single));
});

/** What may befall an unpacked folder, as a shell command inside of it. */
const DAMAGES: [string, string][] = [
  ["a file that is cut short", "truncate -s 1000 deno"],
  ["an empty script", ": > shim.js"],
  [
    "one byte written anew in place",
    "printf x | dd of=deno bs=1 seek=5000 conv=notrunc status=none",
  ],
  ["a file that is gone", "rm lib/libc.so.6"],
  ["a file replaced by a copy of it", "cp shim.js new && mv new shim.js"],
  ["a file that may not be executed", "chmod 600 deno"],
  ["a link that is gone", "rm lib/containerd-shim"],
  ["a link that leads elsewhere", "ln -sf /bin/true lib/containerd-shim"],
  ["a file that became a folder", "rm shim.js && mkdir shim.js"],
  ["a stamp that is gone", "rm .stamp"],
  ["a stamp that is cut short", "sed -i '$d' .stamp"],
  ["an empty stamp", ": > .stamp"],
  ["a stamp of nothing", "echo end > .stamp"],
  ["everything gone", "rm -r ..?* [!.]* .stamp 2>/dev/null; true"],
];

Deno.test("launcher unpacks anew after any damage, in one step", async (test) => {
  await using host = await Host.start();
  const file = await builtFile();
  await host.facts([file, "-info"]);
  const { inside } = await unpacked(host);
  for (const [damage, command] of DAMAGES) {
    await test.step(damage, async () => {
      const before = (await Deno.stat(inside)).ino;
      await must(["sh", "-c", `cd ${inside} && ${command}`]);
      await host.facts([file, "-info"]);
      assert.notEqual((await Deno.stat(inside)).ino, before);
      await assertClean(host);
      // Once only: the new one is found good.
      const after = (await Deno.stat(inside)).ino;
      await host.facts([file, "-info"]);
      assert.equal((await Deno.stat(inside)).ino, after);
    });
  }
  await test.step("a file in the folder's place", async () => {
    await Deno.remove(inside, { recursive: true });
    await Deno.writeTextFile(inside, "no folder");
    await host.facts([file, "-info"]);
    await assertClean(host);
  });
});

Deno.test("launcher leaves a runtime alone that runs from a folder it replaces", async () => {
  await using host = await Host.start();
  const file = await builtFile();
  using folder = new Folder();
  const report = `${folder.path}/report`;
  const env = { STUB: "stay", STUB_REPORT: report };
  await host.run([file, "-namespace=n", "-id=i", "-address=a", "start"], { env });
  const { pid } = JSON.parse(await Deno.readTextFile(report)) as { pid: number };
  try {
    const { inside } = await unpacked(host);
    await Deno.remove(`${inside}/shim.js`);
    await host.facts([file, "-info"]);
    await assertClean(host);
    assert.match(await Deno.readLink(`/proc/${pid}/exe`), /\(deleted\)$/);
    assert.match(await Deno.readTextFile(`/proc/${pid}/status`), /^State:\s[SR]/m);
  } finally {
    Deno.kill(pid, "SIGKILL");
  }
});

Deno.test("launcher removes what a killed unpacker left", async (test) => {
  await using host = await Host.start();
  const file = await builtFile();
  await test.step("found at the first start", async () => {
    await Deno.mkdir(host.path(`${STORE}/.unpack/lib`), { recursive: true });
    await Deno.writeTextFile(host.path(`${STORE}/.unpack/deno`), "half");
    await Deno.writeTextFile(host.path(`${STORE}/.unpack/lib/libc.so.6`), "half");
    await host.facts([file, "-info"]);
    await assertClean(host);
  });
  for (const delayMs of [20, 60, 100, 150, 200]) {
    await test.step(`killed after ${delayMs} ms`, async () => {
      const { inside } = await unpacked(host);
      await Deno.remove(inside, { recursive: true });
      const killed = host.start([file, "-info"]);
      await sleep(delayMs);
      killed.kill();
      await killed.result;
      await host.facts([file, "-info"]);
      await assertClean(host);
    });
  }
});

Deno.test("launcher runs in a root that holds it, /dev and /proc alone", async () => {
  await using host = await Host.start();
  const root = "/run/root";
  const file = await builtFile();
  const script = `set -e
    mkdir -p ${root}/dev ${root}/proc ${root}/var/lib ${root}/run
    cp ${file} ${root}/${NAME}
    mount -t proc proc ${root}/proc
    mount --rbind /dev ${root}/dev
    mount -t tmpfs tmpfs ${root}/var/lib
    mount -t tmpfs tmpfs ${root}/run`;
  assert.equal((await host.run(["sh", "-c", script])).err, "");
  const inside = (args: string[]) =>
    host.run(["unshare", `--root=${root}`, `/${NAME}`, ...args], { clearEnv: true });
  assert.match((await inside(["-v"])).out, /Version:/);
  const { code, out, err } = await inside(["-info"]);
  assert.equal(err, "");
  assert.equal(code, 0);
  assert.equal(JSON.parse(out).args[0], "info");
  assert.equal(
    (await inside(["-namespace=n", "-id=i", "-address=a", "start"])).out,
    "unix:///run/stub.sock",
  );
});

Deno.test("withArchive() gives a launcher its archive", async () => {
  using folder = new Folder();
  await using host = await Host.start();
  await compileLauncher(`${folder.path}/launcher`, FACTS);
  await withArchive(`${folder.path}/launcher`, `${folder.path}/${NAME}`);
  assert.match((await host.run([`${folder.path}/${NAME}`, "-v"])).out, /Version: {2}1\.2\.3/);
  await host.facts([`${folder.path}/${NAME}`, "-info"]);
});
