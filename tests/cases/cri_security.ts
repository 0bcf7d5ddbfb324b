/** What the security context of a container takes from it. */

import assert from "node:assert/strict";
import type { Container, Cri } from "../support/cri.ts";
import type { SecurityContext } from "../support/cri_types.ts";
import { type CriCase, idle, makeVolume, outputOf, sh } from "./cri_helpers.ts";

const CAP_NET_RAW = 1n << 13n;
const CAP_CHOWN = 1n;
const CAP_SYS_TIME = 1n << 25n;

/** The lines of /proc/self/status, by name, of a container with this security context. */
async function processStatus(cri: Cri, handler: string, security: SecurityContext) {
  await using pod = await cri.runPod({ handler, network: "host" });
  const out = await outputOf(cri, pod, sh("cat /proc/self/status", { security }));
  const lines = out.trimEnd().split("\n").map((line) => line.split(":\t"));
  return Object.fromEntries(lines) as Record<string, string>;
}

async function refused(cri: Cri, container: Container, script: string, reason: RegExp) {
  const { code, err } = await cri.execSync(container, ["sh", "-c", script]);
  assert.notEqual(code, 0, script);
  assert.match(err, reason, script);
}

export const SECURITY_CASES: Record<string, CriCase> = {
  "runAsUser, runAsGroup and supplementalGroups, of execs too": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const security = {
      runAsUser: { value: 1000 },
      runAsGroup: { value: 1001 },
      supplementalGroups: [2000, 2001],
    };
    const container = await cri.run(pod, idle({ security }));
    const ids = await cri.execSync(container, ["sh", "-c", "id -u; id -g; id -G; touch /file"]);
    const lines = ids.out.split("\n");
    assert.deepEqual(lines.slice(0, 2), ["1000", "1001"]);
    assert.deepEqual(new Set(lines[2].split(" ")), new Set(["1001", "2000", "2001"]));
    assert.match(ids.err, /Permission denied/);
    const init = await cri.execSync(container, [
      "grep",
      "-E",
      "^(Uid|Gid|CapEff)",
      "/proc/1/status",
    ]);
    assert.match(init.out, /^Uid:(\t1000){4}\nGid:(\t1001){4}\nCapEff:\t0{16}\n$/);
  },

  "readOnlyRootFilesystem, with a volume to write to": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const mounts = [{ containerPath: "/data", hostPath: await makeVolume(cri) }];
    const security = { readonlyRootfs: true };
    const container = await cri.run(pod, idle({ security, mounts }));
    await refused(cri, container, "touch /file", /Read-only file system/);
    await refused(cri, container, "rm /bin/ls", /Read-only file system/);
    assert.equal((await cri.execSync(container, ["touch", "/data/file", "/dev/shm/file"])).code, 0);
  },

  "capabilities are dropped and added": async (cri, handler) => {
    const effective = async (security: SecurityContext) => {
      const status = await processStatus(cri, handler, security);
      assert.equal(status.CapBnd, status.CapPrm);
      return BigInt(`0x${status.CapEff}`);
    };
    const usual = await effective({});
    assert.equal(usual & CAP_NET_RAW, CAP_NET_RAW);
    assert.equal(usual & CAP_SYS_TIME, 0n);
    const changed = { addCapabilities: ["SYS_TIME"], dropCapabilities: ["NET_RAW"] };
    const wanted = (usual | CAP_SYS_TIME) & ~CAP_NET_RAW;
    assert.equal(await effective({ capabilities: changed }), wanted);
    assert.equal(await effective({ capabilities: { dropCapabilities: ["ALL"] } }), 0n);
    const only = { addCapabilities: ["CHOWN"], dropCapabilities: ["ALL"] };
    assert.equal(await effective({ capabilities: only }), CAP_CHOWN);
  },

  "seccomp and no_new_privs": async (cri, handler) => {
    const confined = { seccomp: { profileType: "RuntimeDefault" as const }, noNewPrivs: true };
    const status = await processStatus(cri, handler, confined);
    assert.deepEqual([status.Seccomp, status.NoNewPrivs], ["2", "1"]);
    const unconfined = { seccomp: { profileType: "Unconfined" as const }, noNewPrivs: false };
    const free = await processStatus(cri, handler, unconfined);
    assert.equal(free.NoNewPrivs, "0");
    // The machine's own filters are in both.
    assert.equal(Number(status.Seccomp_filters), Number(free.Seccomp_filters) + 1);
  },

  "masked and read-only paths": async (cri, handler) => {
    await using pod = await cri.runPod({ handler });
    const security = { maskedPaths: ["/proc/meminfo", "/proc/irq"], readonlyPaths: ["/proc/sys"] };
    const container = await cri.run(pod, idle({ security }));
    const { out } = await cri.execSync(container, ["cat", "/proc/meminfo"]);
    assert.equal(out, "");
    assert.equal((await cri.execSync(container, ["ls", "/proc/irq"])).out, "");
    const script = "echo 1 > /proc/sys/net/ipv4/ip_forward";
    await refused(cri, container, script, /Read-only file system/);
  },
};
