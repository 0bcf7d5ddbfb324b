/** Images whose layers are WebAssembly, in pods: artifacts, which ctr cannot run, and OCI images. */

import assert from "node:assert/strict";
import { modulePath } from "../../scripts/modules.ts";
import type { Cri } from "../support/cri.ts";
import { waitFor } from "../support/mod.ts";
import { Registry } from "../support/registry.ts";
import {
  ARTIFACT_LAYER,
  COMPONENT_LAYER,
  type WasmImage,
  wasmImage,
} from "../support/wasm_images.ts";
import type { CriCases } from "./cri.ts";
import { idle, makeVolume, outputOf, waitForOutput } from "./cri_helpers.ts";

const ARTIFACT = "localhost/denowasi/artifact:latest";
const OCI = "localhost/denowasi/oci:latest";
const SONG = "never ends.\n";

/** Imports an image and waits until the CRI knows it. */
async function imported(cri: Cri, image: WasmImage): Promise<string> {
  await cri.daemon.importImage(await wasmImage(image), { namespace: "k8s.io" });
  await cri.ready([image.ref]);
  return image.ref;
}

async function artifact(cri: Cri): Promise<string> {
  const data = await Deno.readFile(modulePath("wasi-demo-app.wasm"));
  const layers = [{ mediaType: ARTIFACT_LAYER, data }];
  return await imported(cri, { ref: ARTIFACT, layers, artifact: true });
}

async function oci(cri: Cri): Promise<string> {
  const data = await Deno.readFile(modulePath("wasi-demo-app.wasm"));
  const layers = [{ mediaType: COMPONENT_LAYER, data }];
  const config = { Entrypoint: ["wasi-demo-app.wasm"], Env: ["A=B"] };
  return await imported(cri, { ref: OCI, layers, config });
}

export const CRI_IMAGE_CASES: CriCases = {
  concurrent: {
    "an artifact: arguments, exit code, logs": async (cri, handler) => {
      const image = await artifact(cri);
      await using pod = await cri.runPod({ handler });
      const command = ["/wasi-demo-app.wasm"];
      assert.equal(await outputOf(cri, pod, { image, command, args: ["echo", "a", "b"] }), "a b\n");
      const { exitCode } = await cri.runToEnd(pod, { image, command, args: ["exit", "9"] });
      assert.equal(exitCode, 9);
    },

    "an OCI image: its entry point, beside a native container": async (cri, handler) => {
      const image = await oci(cri);
      await using pod = await cri.runPod({ handler });
      const sidecar = await cri.run(pod, idle());
      assert.equal(await outputOf(cri, pod, { image, args: ["echo", "x"] }), "x\n");
      const container = await cri.run(pod, { image, args: ["daemon"] });
      await waitForOutput(cri, container, SONG);
      assert.equal((await cri.execSync(sidecar, ["echo", "still"])).out, "still\n");
      const { code, out } = await cri.execSync(container, ["/wasi-demo-app.wasm", "echo", "in"]);
      assert.deepEqual([code, out], [0, "in\n"]);
      assert.equal((await cri.execSync(container, ["wasi-demo-app.wasm", "exit", "4"])).code, 4);
      await cri.stop(container, 20);
      assert.equal((await cri.waitForExit(container)).exitCode, 143);
    },

    "an artifact and an OCI image pulled from a registry": async (cri, handler) => {
      const data = await Deno.readFile(modulePath("wasi-demo-app.wasm"));
      const layers = [{ mediaType: ARTIFACT_LAYER, data }];
      await using registry = await Registry.start(cri.daemon);
      await using pod = await cri.runPod({ handler });
      const command = ["/wasi-demo-app.wasm", "echo", "pulled"];
      for (const artifact of [true, false]) {
        const tar = await wasmImage({ ref: "pushed:latest", layers, artifact });
        const image = await registry.push(tar, artifact ? "artifact" : "oci");
        await cri.pullImage(image);
        assert.equal(await outputOf(cri, pod, { image, command }), "pulled\n", image);
      }
    },

    "an artifact writes to its root and to a volume": async (cri, handler) => {
      const image = await artifact(cri);
      const volume = await makeVolume(cri);
      await using pod = await cri.runPod({ handler });
      const mounts = [{ hostPath: volume, containerPath: "/data", readonly: false }];
      const run = (...args: string[]) => ({ image, command: ["/app.wasm", ...args], mounts });
      assert.equal(await outputOf(cri, pod, run("write", "/own", "a")), "");
      assert.equal(await outputOf(cri, pod, run("write", "/data/shared", "b")), "");
      await waitFor(
        "the file",
        async () => (await Deno.readTextFile(`${volume}/shared`).catch(() => "")).trim() === "b",
      );
      await Deno.remove(volume, { recursive: true });
    },
  },
  alone: {},
};
