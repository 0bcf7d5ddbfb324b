/** Pods: their namespaces, their network, and what their containers share. */

import assert from "node:assert/strict";
import { POD_ADDRESS } from "../support/cni.ts";
import { waitFor } from "../support/mod.ts";
import {
  type CriCase,
  idle,
  makeVolume,
  outputOf,
  runs,
  sh,
  waitForOutput,
} from "./cri_helpers.ts";

const NAMESPACES = "for n in net ipc uts mnt pid; do readlink /proc/self/ns/$n; done";

export const POD_CASES: Record<string, CriCase> = {
  "a pod in the host's network": async (cri, handler) => {
    await using pod = await cri.runPod({ handler, network: "host" });
    const status = await cri.podStatus(pod);
    assert.equal(status.state, "SANDBOX_READY");
    assert.equal(status.runtimeHandler, handler);
    const [net, ipc, uts, mnt, pid] = (await outputOf(cri, pod, sh(NAMESPACES))).split("\n");
    const host = (await cri.daemon.exec(["sh", "-c", NAMESPACES])).out.split("\n");
    assert.equal(net, host[0]);
    assert.notEqual(ipc, host[1]);
    assert.match(uts, /^uts:/);
    assert.notEqual(mnt, host[3]);
    assert.notEqual(pid, host[4]);
  },

  "a pod in a network of its own: the address, the loopback, the name": async (cri, handler) => {
    await using pod = await cri.runPod({ handler, name: "named" });
    const { network: { ip } } = await cri.podStatus(pod);
    assert.match(ip, POD_ADDRESS);
    const script = "hostname; ip -4 -o addr show eth0; ip -4 -o addr show lo";
    const [name, eth0, lo] = (await outputOf(cri, pod, sh(script))).split("\n");
    assert.equal(name, "named");
    assert.ok(eth0.includes(` ${ip}/24 `), eth0);
    assert.ok(lo.includes(" 127.0.0.1/8 "), lo);
  },

  "a pod's containers reach one another, and the host reaches them": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const { network: { ip } } = await cri.podStatus(pod);
    const serve = "while :; do echo served | nc -l -p 8080; done";
    await cri.run(pod, sh(`${serve} & wait`));
    const client = await cri.run(pod, idle());
    for (const address of ["127.0.0.1", ip]) {
      await waitFor(`an answer from ${address}`, async () => {
        const connect = ["nc", "-w", "1", address, "8080"];
        return (await cri.execSync(client, connect)).out === "served\n";
      });
    }
    await waitFor("an answer to the host", async () => {
      return (await cri.daemon.exec(["busybox", "nc", "-w", "1", ip, "8080"])).out === "served\n";
    });
  },

  "a pod's containers share all but mounts and processes": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const containers = [await cri.run(pod, idle()), await cri.run(pod, idle())];
    const seen = [];
    for (const container of containers) {
      seen.push((await cri.execSync(container, ["sh", "-c", NAMESPACES])).out.split("\n"));
      const { out } = await cri.execSync(container, ["ps", "-o", "comm"]);
      assert.doesNotMatch(out, /^busybox$/m);
    }
    const [one, two] = seen;
    assert.deepEqual(one.slice(0, 3), two.slice(0, 3));
    assert.notEqual(one[3], two[3]);
    assert.notEqual(one[4], two[4]);
  },

  "two pods do not touch one another": async (cri, handler) => {
    await using first = await cri.runPod({ handler, name: "twin" });
    await using second = await cri.runPod({ handler, name: "twin" });
    const ips = [await cri.podStatus(first), await cri.podStatus(second)].map((s) => s.network.ip);
    assert.notEqual(ips[0], ips[1]);
    const gone = await cri.run(first, idle());
    const kept = await cri.run(second, idle());
    await cri.execSync(gone, ["touch", "/dev/shm/mine"]);
    assert.equal((await cri.execSync(kept, ["ls", "/dev/shm"])).out, "");

    await cri.remove(gone);
    assert.equal((await cri.status(kept)).state, "CONTAINER_RUNNING");
    await cri.removePod(first);
    assert.equal((await cri.status(kept)).state, "CONTAINER_RUNNING");
    assert.equal((await cri.podStatus(second)).state, "SANDBOX_READY");
    const { out } = await cri.execSync(kept, ["ip", "-4", "-o", "addr", "show", "eth0"]);
    assert.ok(out.includes(` ${ips[1]}/24 `), out);
    assert.equal(await outputOf(cri, second, sh("echo grows")), "grows\n");
  },

  "containers one after the other, with a volume that both may write": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const mounts = [{ containerPath: "/data", hostPath: await makeVolume(cri) }];
    const init = await cri.runToEnd(pod, sh("sleep 0.5; echo made > /data/file", { mounts }));
    assert.deepEqual([init.exitCode, init.reason], [0, "Completed"]);
    assert.ok(init.finishedAt - init.startedAt > 200e6, `${init.finishedAt - init.startedAt} ns`);
    const script = "cat /data/file; echo more >> /data/file; cat /data/file";
    assert.equal(await outputOf(cri, pod, sh(script, { mounts })), "made\nmade\nmore\n");
    assert.equal(await Deno.readTextFile(`${mounts[0].hostPath}/file`), "made\nmore\n");
  },

  "a read-only mount cannot be written": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const hostPath = await makeVolume(cri);
    await Deno.writeTextFile(`${hostPath}/key`, "value");
    const mounts = [{ containerPath: "/config", hostPath, readonly: true }];
    const container = await cri.run(pod, idle({ mounts }));
    assert.equal((await cri.execSync(container, ["cat", "/config/key"])).out, "value");
    for (const script of ["echo > /config/key", "touch /config/new", "rm /config/key"]) {
      const { code, err } = await cri.execSync(container, ["sh", "-c", script]);
      assert.notEqual(code, 0, script);
      assert.match(err, /Read-only file system/);
    }
    assert.deepEqual([...Deno.readDirSync(hostPath)].map(({ name }) => name), ["key"]);
  },

  "/dev/shm is the pod's": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const writer = await cri.run(pod, idle());
    await cri.execSync(writer, ["sh", "-c", "echo shared > /dev/shm/file"]);
    assert.equal(await outputOf(cri, pod, sh("cat /dev/shm/file")), "shared\n");
  },

  "shareProcessNamespace: processes see each other, and end alone": async (cri, handler) => {
    await using pod = await cri.runPod({ handler, processes: "pod" });
    const kept = await cri.run(pod, sh("sleep 7001 & wait"));
    const ends = await cri.run(pod, sh("sleep 7002 & echo $$; wait"));
    await waitFor("both", () => runs(cri, ["sleep", "7001"]) && runs(cri, ["sleep", "7002"]));
    const { out } = await cri.execSync(kept, ["ps", "-o", "pid,args"]);
    assert.match(out, /^ +1 .*busybox sleep/m);
    assert.match(out, /sleep 7001$/m);
    assert.match(out, /sleep 7002$/m);

    // With its init, all that it began ends, but nothing else of the namespace.
    await cri.stop(ends, 0);
    assert.equal((await cri.status(ends)).exitCode, 137);
    await waitFor("what it began to end", () => !runs(cri, ["sleep", "7002"]));
    assert.equal((await cri.status(kept)).state, "CONTAINER_RUNNING");
    assert.ok(runs(cri, ["sleep", "7001"]));
    assert.equal((await cri.podStatus(pod)).state, "SANDBOX_READY");

    const exits = await cri.runToEnd(pod, sh("exit 5"));
    assert.equal(exits.exitCode, 5);
    assert.equal((await cri.status(kept)).state, "CONTAINER_RUNNING");
  },

  "stopping a pod ends its containers": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const container = await cri.run(pod, sh("sleep 7003"));
    await cri.stopPod(pod);
    assert.equal((await cri.podStatus(pod)).state, "SANDBOX_NOTREADY");
    assert.equal((await cri.status(container)).state, "CONTAINER_EXITED");
    assert.ok(!runs(cri, ["sleep", "7003"]));
    // Once more is no failure.
    await cri.stopPod(pod);
  },

  "removing a pod that runs": async (cri, handler) => {
    const pod = await cri.runPod({ handler });
    const created = await cri.createContainer(pod, sh("true"));
    const running = await cri.run(pod, sh("echo up; sleep 7004"));
    await waitForOutput(cri, running, "up");
    await cri.runToEnd(pod, sh("true"));
    assert.equal((await cri.listContainers(pod)).length, 3);
    await cri.removePod(pod);
    assert.ok(!runs(cri, ["sleep", "7004"]));
    assert.deepEqual(await cri.listContainers(pod), []);
    for (const container of [created, running]) {
      await assert.rejects(cri.status(container), /NOT_FOUND/);
    }
    await assert.rejects(cri.podStatus(pod), /NOT_FOUND/);
    // Once more is no failure.
    await cri.removePod(pod);
  },
};
