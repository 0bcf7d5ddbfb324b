/** Private daemons that serve the CRI, with images, a network and the runtime handlers of the tests. */

import { buildImage } from "../../scripts/image.ts";
import { CNI_NETWORKS, CNI_PLUGINS, writeNetwork } from "./cni.ts";
import { Cri } from "./cri.ts";
import { Daemon, type DaemonOptions } from "./daemon.ts";
import { busyboxImage, pauseImage } from "./images.ts";
import { IMAGE as WASM, moduleFiles } from "./wasm.ts";

export const BUSYBOX = "localhost/denowasi/busybox:latest";
const PAUSE = "localhost/denowasi/pause:latest";

const PLUGIN = 'plugins."io.containerd.grpc.v1.cri"';

/**
 * Version 2 syntax, which containerd 2 translates. A machine of tests may lack AppArmor, and the
 * capability CAP_SYS_RESOURCE to lower an oom_score_adj.
 */
const CRI_CONFIG = `
[${PLUGIN}]
  sandbox_image = "${PAUSE}"
  disable_tcp_service = true
  disable_apparmor = true
  restrict_oom_score_adj = true
[${PLUGIN}.cni]
  bin_dir = "${CNI_PLUGINS}"
  conf_dir = "${CNI_NETWORKS}"
[${PLUGIN}.containerd]
  default_runtime_name = "runc"
[${PLUGIN}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${PLUGIN}.containerd.runtimes.deno]
  runtime_type = "io.containerd.deno.v1"
`;

export interface CriDaemonOptions extends DaemonOptions {
  /** The runtime handler that runs the first pod. */
  handler: string;
  /** Have the image with every module of tests/modules. */
  modules?: boolean;
}

/**
 * Starts a daemon in which a pod of the handler has run: a census is comparable from then on.
 * Dispose of the Cri before the daemon.
 */
export async function startCriDaemon(options: CriDaemonOptions): Promise<Daemon> {
  const { handler, modules = false, ...rest } = options;
  const daemon = await Daemon.start({ ...rest, cri: true, config: CRI_CONFIG });
  try {
    await writeNetwork(daemon);
    const images = [await pauseImage(PAUSE), await busyboxImage(BUSYBOX)];
    if (modules) images.push(await buildImage({ ref: WASM, layers: [await moduleFiles()] }));
    for (const image of images) await daemon.importImage(image, { namespace: "k8s.io" });
    using cri = new Cri(daemon);
    await cri.ready(modules ? [PAUSE, BUSYBOX, WASM] : [PAUSE, BUSYBOX]);
    await using pod = await cri.runPod({ handler });
    const { exitCode } = await cri.runToEnd(pod, { image: BUSYBOX, command: ["true"] });
    if (exitCode !== 0) throw new Error(`first container: exit code ${exitCode}`);
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return daemon;
}
