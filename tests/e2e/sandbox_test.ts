/** What a guest can reach, and what its host process may do: seen from inside, and from the host. */

import assert from "node:assert/strict";
import { assertCensus, type Daemon, waitFor } from "../support/mod.ts";
import { supervisors } from "../support/shim.ts";
import {
  detachWasm,
  newId,
  removeWasm,
  runWasm,
  startDaemon,
  taskStatus,
} from "../support/wasm.ts";

const DEMO = "/wasi-demo-app.wasm";
/** containerd's default capabilities of a container: capabilities(7), 14 of them. */
const DEFAULT_CAPABILITIES = "00000000a80425fb";
const NO_CAPABILITIES = "0000000000000000";

Deno.test("the sandbox", async (t) => {
  await using daemon = await startDaemon();
  const before = daemon.census();
  for (const [name, body] of Object.entries(STEPS)) await t.step(name, () => body(daemon));
  await t.step("nothing is left", () => assertCensus(daemon, before));
});

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "siblings draw different random bytes": async (daemon) => {
    const flags = ["--annotation", "io.kubernetes.cri.sandbox-id=random"];
    // Keeps the zygote that all are forked from.
    const keeper = await detachWasm(daemon, [DEMO, "daemon"], { flags: [...flags, "--null-io"] });
    const results = await Promise.all(
      Array.from({ length: 20 }, () => runWasm(daemon, ["/random.wasm"], { flags })),
    );
    const drawn = new Set(results.map(({ out }) => out));
    for (const bytes of drawn) assert.match(bytes, /^[0-9a-f]{32}\n$/);
    assert.equal(drawn.size, results.length);
    await removeWasm(daemon, keeper);
  },

  "the process has namespaces of its own": (daemon) =>
    withContainer(daemon, {}, (pid) => {
      const [{ pid: supervisor }] = supervisors(daemon);
      for (const kind of ["mnt", "pid", "net", "ipc", "uts"]) {
        const own = Deno.readLinkSync(daemon.path(`/proc/${pid}/ns/${kind}`));
        assert.notEqual(
          own,
          Deno.readLinkSync(daemon.path(`/proc/${supervisor}/ns/${kind}`)),
          kind,
        );
        assert.notEqual(own, Deno.readLinkSync(`/proc/self/ns/${kind}`), kind);
      }
    }),

  "the process has the capabilities of config.json, no more to gain, and a filter": (daemon) =>
    withContainer(daemon, {}, (pid) => {
      const status = processStatus(daemon, pid);
      assert.equal(status.CapEff, DEFAULT_CAPABILITIES);
      assert.equal(status.CapPrm, DEFAULT_CAPABILITIES);
      assert.equal(status.CapBnd, DEFAULT_CAPABILITIES);
      assert.equal(status.CapInh, NO_CAPABILITIES);
      assert.equal(status.CapAmb, NO_CAPABILITIES);
      assert.equal(status.NoNewPrivs, "1");
      assert.equal(status.Seccomp, "2");
      assert.equal(status.Umask, "0022");
      assert.equal(status.Threads, "1");
    }),

  "a user other than root has no capabilities": (daemon) =>
    withContainer(daemon, { flags: ["--user", "1000:1001"] }, (pid) => {
      const status = processStatus(daemon, pid);
      assert.match(status.Uid, /^1000\s1000\s1000\s1000$/);
      assert.match(status.Gid, /^1001\s1001\s1001\s1001$/);
      for (const set of ["CapEff", "CapPrm", "CapAmb"]) {
        assert.equal(status[set], NO_CAPABILITIES, set);
      }
    }),

  "--cap-drop, --cap-add and --seccomp": (daemon) => {
    const flags = ["--cap-drop", "CAP_NET_RAW", "--cap-add", "CAP_SYS_TIME", "--seccomp"];
    return withContainer(daemon, { flags }, (pid) => {
      const NET_RAW = 1n << 13n, SYS_TIME = 1n << 25n;
      const expected = (BigInt(`0x${DEFAULT_CAPABILITIES}`) & ~NET_RAW) | SYS_TIME;
      const status = processStatus(daemon, pid);
      assert.equal(status.CapEff, expected.toString(16).padStart(16, "0"));
      assert.equal(status.Seccomp, "2");
      assert.equal(status.Seccomp_filters, "2", "the pod's and the shim's own");
    });
  },

  "the process has no descriptors but its streams and folders of its root": (daemon) =>
    withContainer(daemon, {}, (pid, log) => {
      for (const { name } of Deno.readDirSync(daemon.path(`/proc/${pid}/fd`))) {
        const target = Deno.readLinkSync(daemon.path(`/proc/${pid}/fd/${name}`));
        const expected = ["/dev/null", log, log][Number(name)] ?? "/";
        assert.equal(target, expected, `descriptor ${name}`);
      }
      assert.equal(Deno.readLinkSync(daemon.path(`/proc/${pid}/cwd`)), "/");
    }),

  "the guest has its streams and its root": async (daemon) => {
    const { out } = await runWasm(daemon, ["/fds.wasm"]);
    const numbers = out.trimEnd().split("\n").map((line) => line.split(" ")[0]);
    assert.deepEqual(numbers.slice(0, 3), ["0", "1", "2"]);
    assert.ok(numbers.length <= 5, out);
    // The listing holds one open itself.
    const listed = await runWasm(daemon, ["/files.wasm", "list", "/proc/self/fd"]);
    for (const name of listed.out.trimEnd().split("\n")) assert.ok(Number(name) <= 4, listed.out);
  },

  "processes of others are not seen": async (daemon) => {
    const { out } = await runWasm(daemon, ["/files.wasm", "list", "/proc"]);
    assert.deepEqual(out.split("\n").filter((name) => /^\d+$/.test(name)), ["1"]);
  },

  "the runtime's executable cannot be opened for writing": async (daemon) => {
    for (const path of ["/proc/self/exe", "/proc/1/exe"]) {
      const { code, err } = await runWasm(daemon, ["/files.wasm", "open-rw", path]);
      assert.equal(code, 1);
      assert.match(err, new RegExp(`^open-rw ${path}: `));
    }
    // Nor by root of the host, once in the container's mount namespace: what it is on is read-only.
    await withContainer(daemon, {}, async (pid) => {
      const write = ["/bin/busybox", "sh", "-c", "echo x > /proc/1/exe"];
      const enter = ["nsenter", "--target", String(pid), "--mount", "--pid", "--root"];
      const { code, err } = await daemon.exec([...enter, ...write]);
      assert.notEqual(code, 0);
      assert.match(err, /Read-only file system/);
    });
  },

  "the memory of its own process cannot be opened": async (daemon) => {
    for (const path of ["/proc/self/mem", "/proc/1/mem", "/proc/self/task/1/mem"]) {
      const { code } = await runWasm(daemon, ["/files.wasm", "open-rw", path]);
      assert.equal(code, 1, path);
    }
  },

  "masked paths are empty": async (daemon) => {
    for (const path of ["/proc/kcore", "/proc/keys", "/proc/timer_list"]) {
      const { out } = await runWasm(daemon, ["/files.wasm", "read", path]);
      assert.equal(out, "", path);
    }
    const { code, out } = await runWasm(daemon, ["/files.wasm", "list", "/sys/firmware"]);
    assert.deepEqual([code, out], [0, ""]);
  },

  "read-only paths and /sys are read-only": async (daemon) => {
    for (const path of ["/proc/sys/kernel/domainname", "/proc/sysrq-trigger", "/sys/new"]) {
      const { code } = await runWasm(daemon, ["/files.wasm", "write", path, "x"]);
      assert.equal(code, 1, path);
    }
    await withContainer(daemon, {}, (pid) => {
      const mounts = mountOptions(daemon, pid);
      for (const path of ["/sys", "/proc/sys", "/proc/bus", "/proc/irq"]) {
        assert.ok(mounts.get(path)?.includes("ro"), `${path}: ${mounts.get(path)}`);
      }
    });
  },

  "--read-only makes the root read-only": async (daemon) => {
    const flags = ["--read-only"];
    const root = await runWasm(daemon, ["/files.wasm", "write", "/f", "x"], { flags });
    assert.equal(root.code, 1);
    assert.match(root.err, /^write \/f: /);
    const run = await runWasm(daemon, ["/files.wasm", "write", "/run/f", "x"], { flags });
    assert.deepEqual([run.code, run.err], [0, ""], "a tmpfs of config.json stays writable");
  },

  "every mount is without devices, but /dev": (daemon) =>
    withContainer(daemon, {}, (pid) => {
      for (const [path, options] of mountOptions(daemon, pid)) {
        const isDev = path === "/dev" || path === "/dev/pts";
        // What is masked is covered by the container's own /dev/null.
        const isMask = path.startsWith("/proc/");
        if (!isDev && !isMask) assert.ok(options.includes("nodev"), `${path}: ${options}`);
      }
    }),

  "/dev has the devices of every container and works": async (daemon) => {
    const { out } = await runWasm(daemon, ["/files.wasm", "list", "/dev"]);
    const names = new Set(out.split("\n"));
    for (
      const name of ["null", "zero", "full", "random", "urandom", "tty", "fd", "stdin", "ptmx"]
    ) {
      assert.ok(names.has(name), `${name} in ${out}`);
    }
    for (const name of ["null", "zero", "full", "random", "urandom"]) {
      const { code, err } = await runWasm(daemon, ["/files.wasm", "open-rw", `/dev/${name}`]);
      assert.deepEqual([code, err], [0, ""], name);
    }
  },

  "a link that points out of the root does not lead there": async (daemon) => {
    const probe = `${daemon.base}/created-by-the-guest`;
    for (const target of [probe, `/../../../../../..${probe}`, `../../../../../..${probe}`]) {
      await runWasm(daemon, ["/escape.wasm", target]);
      await assert.rejects(Deno.stat(probe), Deno.errors.NotFound, target);
    }
  },

  "a link in a shared volume does not lead out of it": async (daemon) => {
    const volume = `${daemon.base}/volume`;
    const outside = `${daemon.base}/outside`;
    await Deno.mkdir(volume);
    await Deno.writeTextFile(outside, "secret of the host");
    await Deno.symlink(outside, `${volume}/link`);
    const flags = ["--mount", `type=bind,src=${volume},dst=/volume,options=rbind:rw`];
    const read = await runWasm(daemon, ["/files.wasm", "read", "/volume/link"], { flags });
    assert.deepEqual([read.code, read.out], [1, ""]);
    await runWasm(daemon, ["/files.wasm", "write", "/volume/link", "x"], { flags });
    assert.equal(await Deno.readTextFile(outside), "secret of the host");
  },

  "the host's name and its network interfaces are not the container's": async (daemon) => {
    const read = async (path: string) => (await runWasm(daemon, ["/files.wasm", "read", path])).out;
    const interfaces = (await read("/proc/net/dev")).split("\n").slice(2).filter(Boolean);
    assert.deepEqual(interfaces.map((line) => line.trim().split(":")[0]), ["lo"]);
    const flags = ["--hostname", "of-the-pod"];
    const named = ["/files.wasm", "read", "/proc/sys/kernel/hostname"];
    assert.equal((await runWasm(daemon, named, { flags })).out, "of-the-pod\n");
    assert.notEqual(Deno.hostname(), "of-the-pod");
  },
};

/**
 * Runs `body` while a module runs.
 * @param body is given the pid of its init, in the daemon's namespace, and the file that its output goes to
 */
async function withContainer(
  daemon: Daemon,
  options: { flags?: string[] },
  body: (pid: number, log: string) => void | Promise<void>,
): Promise<void> {
  const id = newId();
  const log = `${daemon.base}/log-of-${id}`;
  const flags = ["--log-uri", `file://${log}`, ...options.flags ?? []];
  await detachWasm(daemon, [DEMO, "daemon"], { id, flags });
  try {
    await waitFor("its first words", () => Deno.readTextFileSync(log).length > 0);
    await body((await taskStatus(daemon, id))!.pid, log);
  } finally {
    await removeWasm(daemon, id);
  }
}

/** /proc/PID/status: proc_pid_status(5). */
function processStatus(daemon: Daemon, pid: number): Record<string, string> {
  const lines = Deno.readTextFileSync(daemon.path(`/proc/${pid}/status`)).trimEnd().split("\n");
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at), line.slice(at + 1).trim()];
  }));
}

/** The options of each mount point of a process: the sixth field of proc_pid_mountinfo(5). */
function mountOptions(daemon: Daemon, pid: number): Map<string, string[]> {
  const lines = Deno.readTextFileSync(daemon.path(`/proc/${pid}/mountinfo`)).trimEnd().split("\n");
  return new Map(lines.map((line) => {
    const fields = line.split(" ");
    return [fields[4], fields[5].split(",")];
  }));
}
