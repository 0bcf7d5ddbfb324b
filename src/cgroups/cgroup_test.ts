import assert from "node:assert/strict";
import { parseResourcesText } from "../oci/mod.ts";
import { type Cgroup, Cgroups } from "./mod.ts";

const resources = (value: unknown) => parseResourcesText(JSON.stringify(value));

/** A folder with these files, for the time of a test. */
function fixture(files: Record<string, string>): { root: string } & Disposable {
  const root = Deno.makeTempDirSync({ prefix: "denowasi-cgroups-" });
  for (const [name, text] of Object.entries(files)) {
    const path = `${root}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text);
  }
  return { root, [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }) };
}

function v1(root: string, controllers: string[], path = "/a/b"): Cgroup {
  const hierarchies = controllers.map((name) => ({
    controllers: name.split(","),
    root: `${root}/${name}`,
  }));
  return new Cgroups({ version: 1, hierarchies }).at(path);
}

function v2(root: string, path = "/a/b"): Cgroup {
  return new Cgroups({ version: 2, hierarchies: [{ controllers: [], root }] }).at(path);
}

const read = (...parts: string[]) => Deno.readTextFileSync(parts.join("/"));

Deno.test("Cgroups.open() answers the cgroup of a container", () => {
  const cgroups = new Cgroups({
    version: 1,
    hierarchies: [{ controllers: ["cpu", "cpuacct"], root: "/h/cpu" }, {
      controllers: ["memory"],
      root: "/h/memory",
    }],
  });
  const cgroup = cgroups.open("", { namespace: "default", id: "hello" });
  assert.equal(cgroup.path, "/default/hello");
  assert.deepEqual(cgroup.membership, {
    version: 1,
    folders: [
      { controllers: ["cpu", "cpuacct"], path: "/h/cpu/default/hello" },
      { controllers: ["memory"], path: "/h/memory/default/hello" },
    ],
    entryFiles: ["/h/cpu/default/hello/tasks", "/h/memory/default/hello/tasks"],
  });
});

Deno.test("Cgroup.membership of version 2 is one file", () => {
  assert.deepEqual(v2("/h").membership.entryFiles, ["/h/a/b/cgroup.procs"]);
});

Deno.test("Cgroup.create() of version 1 makes every folder and hands cpusets down", () => {
  using files = fixture({
    "cpuset/cpuset.cpus": "0-1\n",
    "cpuset/cpuset.mems": "0\n",
    "cpuset/a/cpuset.cpus": "\n",
    "cpuset/a/cpuset.mems": "\n",
    "cpuset/a/b/cpuset.cpus": "\n",
    "cpuset/a/b/cpuset.mems": "\n",
    "pids/pids.max": "max\n",
    "memory/a/b/memory.limit_in_bytes": "9223372036854771712\n",
  });
  assert.deepEqual(
    v1(files.root, ["cpuset", "pids", "memory"]).create(resources({ memory: { limit: 4096 } })),
    [],
  );
  assert.ok(Deno.statSync(`${files.root}/pids/a/b`).isDirectory);
  for (const folder of ["a", "a/b"]) {
    assert.equal(read(files.root, "cpuset", folder, "cpuset.cpus"), "0-1");
    assert.equal(read(files.root, "cpuset", folder, "cpuset.mems"), "0");
  }
  assert.equal(read(files.root, "memory/a/b/memory.limit_in_bytes"), "4096");
});

Deno.test("Cgroup.create() refuses a cgroup with processes, and makes nothing", () => {
  using files = fixture({ "pids/pids.max": "", "memory/a/b/cgroup.procs": "7\n8\n" });
  assert.throws(() => v1(files.root, ["pids", "memory"]).create(resources({})), {
    kind: "FailedPrecondition",
    message: `create cgroup ${files.root}/memory/a/b: 2 processes are in it`,
  });
  assert.throws(() => Deno.statSync(`${files.root}/pids/a/b`), Deno.errors.NotFound);
  assert.equal(read(files.root, "memory/a/b/cgroup.procs"), "7\n8\n");
});

Deno.test("Cgroup.create() refuses a cgroup with processes below it", () => {
  using files = fixture({ "pids/a/b/cgroup.procs": "", "pids/a/b/c/cgroup.procs": "7\n" });
  assert.throws(() => v1(files.root, ["pids"]).create(resources({})), {
    kind: "FailedPrecondition",
  });
});

Deno.test("Cgroup.create() names a limit whose controller the host lacks", () => {
  using files = fixture({ "pids/pids.max": "" });
  const cgroup = v1(files.root, ["pids"]);
  assert.throws(() => cgroup.create(resources({ memory: { limit: 4096 } })), {
    kind: "FailedPrecondition",
    message:
      'linux.resources.memory.limit: write "4096" to memory.limit_in_bytes: the host does not have it',
  });
  assert.throws(() => Deno.statSync(`${files.root}/pids/a/b`), Deno.errors.NotFound);
});

Deno.test("Cgroup.create() of version 1 sets the device rules, and update() does not", () => {
  using files = fixture({ "devices/a/b/devices.deny": "", "devices/a/b/devices.allow": "" });
  const cgroup = v1(files.root, ["devices"]);
  cgroup.create(resources({}));
  assert.equal(read(files.root, "devices/a/b/devices.deny"), "a *:* rwm");
  Deno.writeTextFileSync(`${files.root}/devices/a/b/devices.deny`, "");
  cgroup.update(resources({ devices: [{ allow: false }] }));
  assert.equal(read(files.root, "devices/a/b/devices.deny"), "");
});

Deno.test("Cgroup.create() of version 2 enables what is not enabled on the way down", () => {
  using files = fixture({
    "cgroup.controllers": "cpu memory pids\n",
    "cgroup.subtree_control": "cpu\n",
    "a/cgroup.subtree_control": "\n",
    "a/b/memory.max": "max\n",
    "a/b/cgroup.procs": "",
  });
  assert.deepEqual(
    v2(files.root).create(resources({ devices: [{ allow: false }], memory: { limit: 64 } })),
    ["linux.resources.devices"],
  );
  assert.equal(read(files.root, "cgroup.subtree_control"), "+memory +pids");
  assert.equal(read(files.root, "a/cgroup.subtree_control"), "+cpu +memory +pids");
  assert.equal(read(files.root, "a/b/memory.max"), "64");
});

Deno.test("Cgroup.create() of version 2 leaves alone what is enabled", () => {
  using files = fixture({
    "cgroup.controllers": "cpu memory\n",
    "cgroup.subtree_control": "memory cpu\n",
    "a/cgroup.subtree_control": "cpu memory\n",
  });
  v2(files.root).create(resources({}));
  assert.equal(read(files.root, "cgroup.subtree_control"), "memory cpu\n");
});

Deno.test("Cgroup.create() of version 2 does without a file for swap that is not limited", () => {
  using files = fixture({
    "cgroup.controllers": "",
    "a/b/memory.max": "max\n",
    "a/b/io.weight": "default 100\n",
  });
  const cgroup = v2(files.root);
  cgroup.create(resources({ memory: { limit: 64, swap: 64 }, blockIO: { weight: 10 } }));
  assert.equal(read(files.root, "a/b/io.weight"), "default 1");
  assert.throws(() => cgroup.update(resources({ memory: { limit: 64, swap: 65 } })), {
    kind: "FailedPrecondition",
    message: 'linux.resources.memory.swap: write "1" to memory.swap.max: the host does not have it',
  });
});

Deno.test("Cgroup.processes() includes those of cgroups below", () => {
  using files = fixture({ "a/b/cgroup.procs": "7\n8\n", "a/b/c/cgroup.procs": "9\n" });
  assert.deepEqual(v2(files.root).processes(), [7, 8, 9]);
  assert.deepEqual(v2(files.root, "/gone").processes(), []);
});

Deno.test("Cgroup.memoryFolder is where the kernel tells of want of memory", () => {
  using files = fixture({});
  assert.equal(v1(files.root, ["memory", "freezer"]).memoryFolder, `${files.root}/memory/a/b`);
  assert.equal(v2(files.root).memoryFolder, `${files.root}/a/b`);
});

Deno.test("Cgroup.freeze() and thaw() wait for the kernel's word", async () => {
  using files = fixture({
    "freezer/a/b/freezer.state": "THAWED\n",
    "a/b/cgroup.freeze": "0\n",
    "a/b/cgroup.events": "populated 1\nfrozen 1\n",
  });
  await v1(files.root, ["freezer"]).freeze();
  assert.equal(read(files.root, "freezer/a/b/freezer.state"), "FROZEN");
  await v2(files.root).freeze();
  assert.equal(read(files.root, "a/b/cgroup.freeze"), "1");
  await assert.rejects(v2(files.root).thaw(), {
    kind: "DeadlineExceeded",
    message: "thaw cgroup /a/b: not within 2000 ms",
  });
});

Deno.test("Cgroup.kill() of version 2 is one write", async () => {
  using files = fixture({ "a/b/cgroup.kill": "", "a/b/cgroup.procs": "" });
  await v2(files.root).kill(() => assert.fail("signalled"));
  assert.equal(read(files.root, "a/b/cgroup.kill"), "1");
});

Deno.test("Cgroup.kill() signals until nobody is left", async () => {
  using files = fixture({
    "freezer/a/b/freezer.state": "FROZEN",
    "pids/a/b/cgroup.procs": "7\n8\n",
  });
  const signalled: number[] = [];
  await v1(files.root, ["pids", "freezer"]).kill((pid) => {
    signalled.push(pid);
    if (pid === 8) Deno.writeTextFileSync(`${files.root}/pids/a/b/cgroup.procs`, "");
  });
  assert.deepEqual(signalled, [7, 8]);
  assert.equal(read(files.root, "freezer/a/b/freezer.state"), "THAWED");
});

Deno.test("Cgroup.remove() removes the cgroup and those below, not those above", async () => {
  using files = fixture({ "pids/keep": "" });
  const path = `${files.root}/pids/a/b`;
  Deno.mkdirSync(`${path}/c/d`, { recursive: true });
  const cgroup = v1(files.root, ["pids", "absent"]);
  await cgroup.remove();
  assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
  assert.ok(Deno.statSync(`${files.root}/pids/a`).isDirectory);
  await cgroup.remove();
});
