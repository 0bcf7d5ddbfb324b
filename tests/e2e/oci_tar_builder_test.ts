/** What `oci-tar-builder` writes, as containerd, a registry, skopeo and umoci see it. */

import assert from "node:assert/strict";
import { modulePath } from "../../scripts/modules.ts";
import { moduleImage } from "../../scripts/image.ts";
import { Daemon, run, type Version } from "../support/mod.ts";
import { Registry } from "../support/registry.ts";
import { RUNTIME, startDaemon } from "../support/wasm.ts";

const SHIM = "containerd-shim-deno-v1";
const SHIM_DIR = new URL("../../dist", import.meta.url).pathname;
/** containerd 1.6 of Debian does not unpack such images. */
const VERSIONS: readonly Version[] = ["1.7", "2.1"];

/** An archive, as the builder has said it to be. */
interface Built {
  path: string;
  ref: string;
  digest: string;
}

async function build(daemon: Daemon, name: string, args: string[]): Promise<Built> {
  const command = [SHIM, "oci-tar-builder", "--repo", "localhost/built", "--name", name];
  const { code, out, err } = await daemon.exec([...command, ...args, "-o", daemon.base]);
  assert.deepEqual([code, err], [0, ""]);
  const [path, ref, digest] = out.trimEnd().replace(": ", " ").split(" ");
  return { path, ref, digest };
}

const DEMO = ["--module", modulePath("wasi-demo-app.wasm")];
const KINDS: Record<string, { args: string[]; platform: string }> = {
  image: { args: [...DEMO, "--cmd", "echo", "--cmd", "by default"], platform: "wasip1/wasm" },
  component: { args: ["--module", modulePath("component.wasm")], platform: "wasip2/wasm" },
  artifact: { args: [...DEMO, "--as-artifact"], platform: "-" },
  "component-artifact": {
    args: ["--components", "/run/components", "--as-artifact"],
    platform: "-",
  },
};

/** The digest that containerd has for each of its images, and their platforms. */
async function listImages(daemon: Daemon): Promise<Map<string, [string, string]>> {
  const { out } = await daemon.mustCtr(["image", "ls"]);
  const lines = out.trimEnd().split("\n").slice(1).map((line) => line.split(/\s+/));
  return new Map(lines.map(([ref, , digest, , , platform]) => [ref, [digest, platform]]));
}

/** Of any shape: the tests assert it. */
async function contentJson(
  daemon: Daemon,
  digest: string,
): Promise<ReturnType<typeof JSON.parse>> {
  return JSON.parse((await daemon.mustCtr(["content", "get", digest])).out);
}

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: images of oci-tar-builder`, async (t) => {
    await using daemon = await startDaemon({ version });
    await Deno.mkdir(daemon.path("/run/components"));
    await Deno.copyFile(
      modulePath("component.wasm"),
      daemon.path("/run/components/component.wasm"),
    );
    await using registry = await Registry.start(daemon);
    for (const [name, { args, platform }] of Object.entries(KINDS)) {
      await t.step(`${name}: imported, pushed and pulled`, async () => {
        const { path, ref, digest } = await build(daemon, name, args);
        await daemon.mustCtr(["image", "import", path]);
        assert.deepEqual((await listImages(daemon)).get(ref), [digest, platform]);
        const manifest = await contentJson(daemon, digest);
        const config = await contentJson(daemon, manifest.config.digest);
        assert.equal(config.architecture, "wasm");
        const [layer] = manifest.layers;
        const { stdout } = await daemon.mustCtr(["content", "get", layer.digest]);
        assert.deepEqual(
          new Uint8Array(stdout),
          await Deno.readFile(
            modulePath(name.startsWith("component") ? "component.wasm" : "wasi-demo-app.wasm"),
          ),
        );

        const pushed = await registry.push(await Deno.readFile(path), name);
        await daemon.mustCtr(["image", "pull", "--plain-http", pushed]);
        assert.deepEqual((await listImages(daemon)).get(pushed), [digest, platform]);
      });
    }

    await t.step("an image runs by what its configuration says", async () => {
      const { out, err, code } = await daemon.ctr([
        ...["run", "--rm", "--runtime", RUNTIME, "localhost/built/image:latest", "built"],
      ]);
      assert.deepEqual([code, out, err], [0, "by default\n", "exiting\n"]);
    });

    await t.step("an image of layers of files and of WebAssembly has both", async () => {
      const tar = `${daemon.base}/files.tar`;
      const script =
        "mkdir data && echo inside >data/in && tar -cf files.tar data && gzip -k files.tar";
      assert.equal((await run(["sh", "-c", script], { cwd: daemon.base })).code, 0);
      for (const [suffix, file] of [["", tar], ["+gzip", `${tar}.gz`]]) {
        const name = `files${suffix.replace("+", "-")}`;
        const { path, ref } = await build(daemon, name, [
          ...["--module", modulePath("files.wasm"), "--cmd", "read", "--cmd", "/data/in"],
          ...["--layer", `application/vnd.oci.image.layer.v1.tar${suffix}=${file}`],
        ]);
        await daemon.mustCtr(["image", "import", path]);
        const { out, err } = await daemon.ctr(["run", "--rm", "--runtime", RUNTIME, ref, name]);
        assert.deepEqual([out, err], ["inside\n", ""]);
      }
    });

    await t.step("from standard output into the import", async () => {
      const command = `${SHIM} oci-tar-builder "$@" -o - | ctr image import -`;
      const args = ["--repo", "localhost/built", "--name", "piped", ...DEMO];
      const { code, err } = await daemon.exec([
        "bash",
        "-o",
        "pipefail",
        "-c",
        command,
        SHIM,
        ...args,
      ]);
      assert.equal(code, 0, err);
      assert.ok((await listImages(daemon)).has("localhost/built/piped:latest"));
    });
  });
}

Deno.test("containerd 1.6: stores images of oci-tar-builder, and refuses to unpack them", async () => {
  await using daemon = await Daemon.start({ version: "1.6", shimDir: SHIM_DIR });
  for (const name of ["image", "artifact"]) {
    const { path, ref } = await build(daemon, name, KINDS[name].args);
    const { code, err } = await daemon.ctr(["image", "import", path]);
    assert.equal(code, 1);
    assert.match(err, /mismatched image rootfs and manifest layers/);
    assert.ok((await listImages(daemon)).has(ref));
  }
});

Deno.test("skopeo and umoci read images of oci-tar-builder", async (t) => {
  await using daemon = await Daemon.start({ version: "1.7", shimDir: SHIM_DIR });
  const base = daemon.base;
  const must = async (argv: string[]) => {
    const { code, out, err } = await run(argv, { cwd: base, timeoutMs: 60_000 });
    assert.equal(code, 0, `${argv.join(" ")}: ${err}`);
    return out;
  };

  await t.step("an image", async () => {
    const { path, digest } = await build(daemon, "image", KINDS.image.args);
    const seen = JSON.parse(await must(["skopeo", "inspect", `oci-archive:${path}`]));
    assert.deepEqual([seen.Digest, seen.Os, seen.Architecture], [digest, "wasip1", "wasm"]);
    assert.equal(seen.Created, "1970-01-01T00:00:00Z");
    assert.equal(seen.Layers.length, 1);
    await must(["skopeo", "copy", "--quiet", `oci-archive:${path}:latest`, "oci:image:latest"]);
    const raw = await must(["skopeo", "inspect", "--raw", "oci:image:latest"]);
    assert.equal(await sha256(raw), digest);
    // A history is optional, and would be of layers of files.
    const stat = JSON.parse(await must(["umoci", "stat", "--json", "--image", "image:latest"]));
    assert.equal(stat.history, null);
  });

  await t.step("an artifact", async () => {
    const { path, digest } = await build(daemon, "artifact", KINDS.artifact.args);
    await must(["skopeo", "copy", "--quiet", `oci-archive:${path}:latest`, "oci:artifact:latest"]);
    const raw = await must(["skopeo", "inspect", "--raw", "oci:artifact:latest"]);
    assert.equal(await sha256(raw), digest);
    assert.equal(JSON.parse(raw).config.mediaType, "application/vnd.wasm.config.v0+json");
  });

  await t.step("an image of a root file system, for Docker too", async () => {
    const ref = "localhost/built/rootfs:latest";
    const wasm = await Deno.readFile(modulePath("hello.wasm"));
    await Deno.writeFile(`${base}/rootfs.tar`, await moduleImage(ref, "hello.wasm", wasm));
    const docker = JSON.parse(await must(["skopeo", "inspect", "docker-archive:rootfs.tar"]));
    assert.equal(docker.Os, "linux");
    await must(["skopeo", "copy", "--quiet", "oci-archive:rootfs.tar:latest", "oci:rootfs:latest"]);
    await must(["umoci", "unpack", "--image", "rootfs:latest", "bundle"]);
    assert.deepEqual(await Deno.readFile(`${base}/bundle/rootfs/hello.wasm`), wasm);
    const { process } = JSON.parse(await Deno.readTextFile(`${base}/bundle/config.json`));
    assert.deepEqual([process.args, process.cwd], [["/hello.wasm"], "/"]);
  });
});

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256:${new Uint8Array(digest).toHex()}`;
}
