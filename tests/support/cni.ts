import type { Daemon } from "./daemon.ts";

/** Where Debian's containernetworking-plugins are. */
export const CNI_PLUGINS = "/usr/lib/cni";
/** Where containerd looks for a network, in the daemon's own /etc. */
export const CNI_NETWORKS = "/etc/cni/net.d";
/** The addresses of pods: a network that ends at the daemon's network namespace. */
export const POD_ADDRESS = /^10\.88\.0\.\d+$/;

/** A bridge in the daemon's network namespace: https://www.cni.dev/plugins/current/main/bridge/ */
const NETWORK = {
  cniVersion: "0.4.0",
  name: "denowasi",
  plugins: [{
    type: "bridge",
    bridge: "cni0",
    isGateway: true,
    ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/24" }]] },
  }],
};

/** Gives the pods of `daemon` a network. containerd takes it up some time after. */
export async function writeNetwork(daemon: Daemon): Promise<void> {
  const folder = daemon.path(CNI_NETWORKS);
  await Deno.mkdir(folder, { recursive: true });
  // containerd watches the folder: never show it half a file.
  await Deno.writeTextFile(`${folder}/.new`, JSON.stringify(NETWORK));
  await Deno.rename(`${folder}/.new`, `${folder}/10-denowasi.conflist`);
}
