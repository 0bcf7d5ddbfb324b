/** Cgroups on this host's own hierarchies. Needs root; makes /denowasi-test-PID and removes it. */

import assert from "node:assert/strict";
import { type Cgroup, Cgroups, detectLayout } from "../../src/cgroups/mod.ts";
import { parseResourcesText } from "../../src/oci/mod.ts";

const cgroups = Cgroups.detect();
const NAME = `denowasi-test-${Deno.pid}`;
const PARENT = `/${NAME}`;

/** Version 2 as well, on a host that has both. */
const everywhere = [cgroups, ...unified()];

function unified(): Cgroups[] {
  const mounts = Deno.readTextFileSync("/proc/self/mountinfo").split("\n");
  const lines = mounts.filter((line) => line.includes(" - cgroup2 "));
  const both = cgroups.layout.version === 1 && lines.length > 0;
  return both ? [new Cgroups(detectLayout(lines.join("\n")))] : [];
}

const resources = (value: unknown) => parseResourcesText(JSON.stringify(value));

/** Those of this process's cgroups that are there, in any hierarchy. */
function leftovers({ layout }: Cgroups): string[] {
  return layout.hierarchies.flatMap(({ root }) =>
    [...Deno.readDirSync(root)].filter(({ name }) => name.includes(NAME)).map(({ name }) =>
      `${root}/${name}`
    )
  );
}

/** A test of one new cgroup, which must leave none behind. */
function rootTest(
  name: string,
  run: (cgroup: Cgroup) => void | Promise<void>,
  places: Cgroups[] = [cgroups],
) {
  for (const place of places) {
    Deno.test(`${name} (version ${place.layout.version})`, async () => {
      const cgroup = place.at(`${PARENT}/child`);
      try {
        await run(cgroup);
      } finally {
        await cgroup.kill((pid) => Deno.kill(pid, "SIGKILL"));
        await cgroup.remove();
        await place.at(PARENT).remove();
      }
      assert.deepEqual(leftovers(place), []);
    });
  }
}

/** A shell that enters the cgroup as init does, then becomes `command`. */
function spawnIn(cgroup: Cgroup, command: string): Deno.ChildProcess {
  const enter = cgroup.membership.entryFiles.map((file) => `echo 0 > ${file}`).join(" && ");
  return new Deno.Command("sh", {
    args: ["-c", `${enter} && echo in && exec ${command}`],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
}

/** Resolves when the child has entered. */
async function entered(child: Deno.ChildProcess): Promise<void> {
  for await (const chunk of child.stdout) {
    assert.equal(new TextDecoder().decode(chunk), "in\n");
    return;
  }
  assert.fail("did not enter");
}

const memoryOf = (cgroup: Cgroup): { limit?: bigint; usage?: bigint } => {
  const stats = cgroup.stats();
  return stats.version === 1 ? stats.metrics.memory?.usage ?? {} : {
    limit: stats.metrics.memory?.usageLimit,
    usage: stats.metrics.memory?.usage,
  };
};

rootTest("Cgroup.create() applies limits that stats() reads back", async (cgroup) => {
  cgroup.create(resources({
    devices: [{ allow: false, access: "rwm" }],
    memory: { limit: 67108864 },
    cpu: { shares: 512, quota: 50000, period: 100000 },
    pids: { limit: 16 },
  }));
  assert.equal(memoryOf(cgroup).limit, 67108864n);
  const { metrics } = cgroup.stats();
  assert.deepEqual(metrics.pids, { current: 0n, limit: 16n });
  cgroup.update(resources({ memory: { limit: 33554432 }, pids: { limit: -1 } }));
  assert.equal(memoryOf(cgroup).limit, 33554432n);
  await cgroup.remove();
  assert.deepEqual(cgroup.processes(), []);
});

rootTest("Cgroup.create() leaves nothing of a cgroup whose limits are refused", (cgroup) => {
  assert.throws(() => cgroup.create(resources({ cpu: { cpus: "4095" } })), (error: Error) => {
    return error.message.startsWith('linux.resources.cpu.cpus: write "4095" to cpuset.cpus: ');
  });
  for (const { path } of cgroup.membership.folders) {
    assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
  }
});

rootTest("Cgroup.processes() are those that entered, in every hierarchy", async (cgroup) => {
  cgroup.create(resources({}));
  const child = spawnIn(cgroup, "sleep 60");
  await entered(child);
  assert.deepEqual(cgroup.processes(), [child.pid]);
  for (const { path } of cgroup.membership.folders) {
    assert.equal(Deno.readTextFileSync(`${path}/cgroup.procs`), `${child.pid}\n`);
  }
  assert.throws(() => cgroup.create(resources({})), {
    kind: "FailedPrecondition",
  });
  await assert.rejects(cgroup.remove(), {
    kind: "FailedPrecondition",
    message: `remove cgroup ${cgroup.path}: busy with 1 processes`,
  });
  await cgroup.kill((pid) => Deno.kill(pid, "SIGKILL"));
  assert.equal((await child.status).signal, "SIGKILL");
}, everywhere);

rootTest("Cgroup.freeze() stops processes, and kill() ends them all the same", async (cgroup) => {
  cgroup.create(resources({}));
  const child = spawnIn(cgroup, "sh -c 'while :; do :; done'");
  await entered(child);
  await cgroup.freeze();
  const used = () => {
    const stats = cgroup.stats();
    return stats.version === 1 ? stats.metrics.cpu?.usage?.total : stats.metrics.cpu?.usageUsec;
  };
  const before = used();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(used(), before);
  await cgroup.thaw();
  await cgroup.freeze();
  await cgroup.kill((pid) => Deno.kill(pid, "SIGKILL"));
  assert.equal((await child.status).signal, "SIGKILL");
}, everywhere);

rootTest("Cgroup.enter() puts a process into every hierarchy, making it or not", async (cgroup) => {
  for (let i = 0; i < 2; i++) {
    const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
    cgroup.enter(child.pid);
    assert.ok(cgroup.processes().includes(child.pid));
    const text = Deno.readTextFileSync(`/proc/${child.pid}/cgroup`);
    const inside = text.split("\n").filter((line) => line.endsWith(`:${cgroup.path}`));
    assert.equal(inside.length, cgroup.membership.folders.length);
    child.kill("SIGKILL");
    await child.status;
  }
}, everywhere);

rootTest("Cgroup.create() lets only listed devices be opened", async (cgroup) => {
  cgroup.create(resources({ devices: [{ allow: false, access: "rwm" }] }));
  const open = async (device: string) => {
    const child = spawnIn(cgroup, `sh -c ': < ${device}'`);
    await entered(child);
    return (await child.status).success;
  };
  Deno.openSync("/dev/kmsg").close(); // out here it can be opened
  assert.ok(await open("/dev/zero"));
  assert.equal(await open("/dev/kmsg"), cgroups.layout.version === 2);
});

Deno.test("Cgroups.open() makes the folders of systemd's names", async () => {
  // A dash would make it a slice in a slice.
  const slice = `${NAME.replaceAll("-", "_")}.slice`;
  const cgroup = cgroups.open(`${slice}:denowasi:c`, { namespace: "default", id: "c" });
  assert.equal(cgroup.path, `/${slice}/denowasi-c.scope`);
  try {
    cgroup.create(resources({}));
    for (const { path } of cgroup.membership.folders) assert.ok(Deno.statSync(path).isDirectory);
    await cgroup.remove();
  } finally {
    for (const { root } of cgroups.layout.hierarchies) Deno.removeSync(`${root}/${slice}`);
  }
});
