/** Images of native programs: Debian's static busybox under all its names, and the pause of a pod. */

import { buildImage, directory, file, symlink } from "../../scripts/image.ts";
import { must } from "./command.ts";

const BUSYBOX = "/bin/busybox";

/**
 * An image with every applet of busybox in /bin, by its name: ctr's arguments and CRI's commands
 * replace the entry point.
 */
export async function busyboxImage(ref: string): Promise<Uint8Array> {
  const { out } = await must([BUSYBOX, "--list"]);
  const applets = out.trimEnd().split("\n").filter((name) => name !== "busybox");
  const layers = [
    [file(BUSYBOX, await Deno.readFile(BUSYBOX), 0o755), directory("/tmp", 0o1777)],
    applets.map((name) => symlink(`/bin/${name}`, "busybox")),
  ];
  return await buildImage({ ref, layers, config: { Env: ["PATH=/bin"], Cmd: ["sh"] } });
}

/** An image that does nothing for as long as it is let: a pod's sandbox container. */
export async function pauseImage(ref: string): Promise<Uint8Array> {
  const layers = [[file(BUSYBOX, await Deno.readFile(BUSYBOX), 0o755)]];
  return await buildImage({ ref, layers, config: { Entrypoint: [BUSYBOX, "sleep", "999999999"] } });
}
