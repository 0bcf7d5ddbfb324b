/** Support of the tests of processes that are exec'd: containers as config.json has them. Root only. */

import type { Op } from "../../src/linux/plan.ts";
import {
  type CgroupMembership,
  type ExecInput,
  execPlan,
  parseProcessText,
  parseSpec,
  sandboxPlan,
} from "../../src/oci/mod.ts";
import { identify } from "./support.ts";
import { type Container, type Created, folder, ROOT, type TestZygote } from "./support_zygote.ts";

/** A SECCOMP_RET_ALLOW of everything. */
const SECCOMP = [{ flags: 0, filter: Uint8Array.fromHex("060000000000ff7f") }];
const HOST = { apparmor: undefined, selinux: false };
const NO_CGROUP: CgroupMembership = { version: 2, folders: [], entryFiles: [] };

/** A folder of the host that containers have at /volume. */
export const VOLUME = `${folder}/volume`;
Deno.mkdirSync(VOLUME);
Deno.chmodSync(VOLUME, 0o777);

const MOUNTS = [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  { destination: "/volume", type: "bind", source: VOLUME, options: ["rbind", "rw"] },
];

/** The namespaces that a container has by default. */
const OWN = ["cgroup", "ipc", "mount", "network", "pid", "uts"];

/** A process as in config.json, and what it is forked as; what is left out is ordinary. */
export interface Asked extends Container {
  /** Members of `process`. */
  process?: Record<string, unknown>;
  /** Types of namespaces. */
  namespaces?: string[];
  cgroup?: CgroupMembership;
}

const processOf = ({ args, module = "/hello.wasm", cwd = "/", process, terminal }: Asked) => ({
  args: args ?? [module],
  cwd,
  terminal,
  ...process,
});

/** A container by `sandboxPlan`, started unless `isStarted` is false. */
export async function startContainer(
  zygote: TestZygote,
  asked: Asked = {},
  isStarted = true,
): Promise<Created> {
  const { rootfs = ROOT, namespaces = OWN, cgroup = NO_CGROUP } = asked;
  const sleeping = { module: "/wasi-demo-app.wasm", args: ["app", "sleep", "60"], ...asked };
  const spec = parseSpec(JSON.stringify({
    ociVersion: "1.2.0",
    process: processOf(sleeping),
    root: { path: rootfs },
    hostname: namespaces.includes("uts") ? "guest" : undefined,
    mounts: MOUNTS,
    linux: { namespaces: namespaces.map((type) => ({ type })) },
  }));
  const plan = (stdio: Op[]) =>
    sandboxPlan({ spec, bundle: folder, rootfs, stdio, cgroup, seccomp: SECCOMP, host: HOST });
  const created = await zygote.create({ ...sleeping, plan });
  if (isStarted) await created.start();
  return created;
}

/** A process by `execPlan`, which waits for its start; `init` instead of the container's first process. */
export function exec(
  zygote: TestZygote,
  container: Created,
  asked: Asked,
  init: ExecInput["init"] = identify(container.pid),
): Promise<Created> {
  const { cgroup = NO_CGROUP } = asked;
  const process = parseProcessText(JSON.stringify(processOf(asked)));
  const plan = (stdio: Op[]) =>
    execPlan({ process, init, stdio, cgroup, seccomp: SECCOMP, host: HOST });
  const { pid } = container;
  return zygote.create({ rootfs: `/proc/${pid}/root`, ...asked, plan }, container);
}

/** Runs a process in a container to its end. */
export async function execToEnd(
  zygote: TestZygote,
  container: Created,
  asked: Asked,
): Promise<{ code: number; out: string; err: string }> {
  const process = await exec(zygote, container, asked);
  await process.start();
  return await process.end();
}
