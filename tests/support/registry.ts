/** A registry of images in a daemon's network, to be pushed to and pulled from without TLS. */

import { must, type Running } from "./command.ts";
import type { Daemon } from "./daemon.ts";
import { waitFor } from "./wait.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const ADDRESS = "127.0.0.1:5000";

/** Debian's docker-registry, which keeps its images in the daemon's folder. */
export class Registry implements AsyncDisposable {
  private constructor(readonly daemon: Daemon, readonly process: Running) {}

  static async start(daemon: Daemon): Promise<Registry> {
    const config = `${daemon.base}/registry.json`; // JSON is YAML
    await Deno.writeTextFile(
      config,
      JSON.stringify({
        version: 0.1,
        log: { level: "error", accesslog: { disabled: true } },
        storage: { filesystem: { rootdirectory: `${daemon.base}/registry` } },
        http: { addr: ADDRESS },
      }),
    );
    const timeoutMs = 3600 * 1000;
    const { out } = await must([`${ROOT}scripts/registry.sh`], { timeoutMs: 300_000 });
    const process = daemon.spawn([`${out.trim()}/docker-registry`, "serve", config], { timeoutMs });
    const registry = new Registry(daemon, process);
    await waitFor("the registry to listen", async () => {
      const tables = await Deno.readTextFile(daemon.path("/proc/1/net/tcp"));
      return /^ *\d+: 0100007F:1388 .* 0A /m.test(tables); // 127.0.0.1:5000, listening: proc(5)
    });
    return registry;
  }

  /** Pushes an OCI layout in a tar archive. Answers its reference. */
  async push(tar: Uint8Array, name: string): Promise<string> {
    const path = `${this.daemon.base}/push.tar`;
    await Deno.writeFile(path, tar);
    const target = `${ADDRESS}/denowasi/${name}:latest`;
    const flags = ["--insecure-policy", "copy", "--all", "--dest-tls-verify=false", "--quiet"];
    const { code, err } = await this.daemon.exec([
      ...["skopeo", ...flags, `oci-archive:${path}`, `docker://${target}`],
    ]);
    if (code !== 0) throw new Error(`skopeo copy: ${err}`);
    return target;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill();
    await this.process.result;
  }
}
