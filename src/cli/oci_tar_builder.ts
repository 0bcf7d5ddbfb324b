/** `oci-tar-builder`: an image of WebAssembly files. Needs neither containerd nor root. */

import {
  type Content,
  type Fields,
  fileContent,
  type Image,
  inspectWasm,
  makeReference,
  mediaTypes,
  type Wasm,
  wasmArtifact,
  wasmImage,
  writeLayout,
} from "../builder/mod.ts";
import { ShimError } from "../errdefs/mod.ts";
import { reasoned } from "../errdefs/reasoned.ts";
import { BUILD_USAGE, type BuildCall, parseBuildArgs } from "./oci_tar_builder_args.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/**
 * Build what `args` (after `oci-tar-builder`) ask for.
 * @returns the exit code
 */
export async function runOciTarBuilder(args: readonly string[]): Promise<number> {
  const fail = (error: unknown, code: number) => {
    const text = ShimError.from(error).message.replaceAll("\n", " ");
    write(Deno.stderr, `oci-tar-builder: ${text}\n`);
    return code;
  };
  let call: BuildCall;
  try {
    call = parseBuildArgs(args, Deno.env.get("SOURCE_DATE_EPOCH"));
  } catch (error) {
    return fail(error, EXIT_USAGE);
  }
  if (call.help) {
    write(Deno.stdout, BUILD_USAGE);
    return 0;
  }
  try {
    await build(call);
    return 0;
  } catch (error) {
    return fail(error, EXIT_FAILED);
  }
}

async function build(call: BuildCall): Promise<void> {
  const ref = makeReference(call.repo, call.name, call.tag);
  const layout = { ref, images: [await makeImage(call)], timestampS: call.timestampS };
  if (call.out === "-") {
    await writeLayout(layout, Deno.stdout.writable);
    return;
  }
  const path = isFolder(call.out) ? `${call.out.replace(/\/$/, "")}/${call.name}.tar` : call.out;
  const { digest } = await writeFile(path, (out) => writeLayout(layout, out));
  write(Deno.stdout, `${path}: ${ref} ${digest}\n`);
}

/** A layer, and what its file is when it is WebAssembly. */
interface Layer {
  content: Content;
  wasm?: Wasm;
}

async function makeImage(call: BuildCall): Promise<Image> {
  const files = [...call.modules, ...call.components === "" ? [] : listComponents(call.components)];
  if (call.asArtifact && files.length !== 1) {
    throw new ShimError(
      "InvalidArgument",
      `--as-artifact: ${files.length} files: an artifact is of one module or component`,
    );
  }
  const type = call.asArtifact ? mediaTypes.ARTIFACT_LAYER : mediaTypes.WASM_LAYER;
  const layers: Layer[] = [];
  for (const file of files) layers.push(await readLayer(type, file));
  for (const { mediaType, file } of call.layers) layers.push(await readLayer(mediaType, file));

  const isComponent = layers.some(({ wasm }) => wasm?.kind === "component");
  const common = {
    layers: layers.map(({ content }) => content),
    platform: {
      os: call.os || (isComponent ? "wasip2" : "wasip1"),
      architecture: mediaTypes.WASM_ARCHITECTURE,
    },
    createdS: call.timestampS,
    author: call.author || undefined,
    annotations: Object.keys(call.annotations).length > 0 ? call.annotations : undefined,
    fields: call.config === "" ? undefined : readFields(call.config),
  };
  const [{ wasm }] = layers;
  if (call.asArtifact && wasm) return wasmArtifact({ ...common, wasm });
  return wasmImage({
    ...common,
    config: {
      Entrypoint: call.entrypoint ?? [`${call.name}.wasm`],
      ...(call.cmd.length > 0 && { Cmd: call.cmd }),
      ...(call.env.length > 0 && { Env: call.env }),
      Labels: call.labels,
    },
  });
}

async function readLayer(mediaType: string, file: string): Promise<Layer> {
  const wasm = mediaTypes.isWasmLayer(mediaType) ? inspectWasm(file) : undefined;
  return { wasm, content: await fileContent(mediaType, file) };
}

/** Paths of the *.wasm files of a folder, sorted by their bytes. Other files are said to be left out. */
function listComponents(folder: string): string[] {
  let names: string[];
  try {
    names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch (error) {
    throw reasoned(`--components: ${folder}`, error);
  }
  const isWasm = (name: string) => name.endsWith(".wasm");
  for (const name of names.filter((name) => !isWasm(name))) {
    write(Deno.stderr, `oci-tar-builder: ${folder}/${name}: left out: not *.wasm\n`);
  }
  const files = names.filter(isWasm).map((name) => `${folder}/${name}`);
  if (files.length > 0) return files;
  throw new ShimError("NotFound", `--components: ${folder}: no file *.wasm`);
}

function readFields(path: string): Fields {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw reasoned(`--config: ${path}`, error);
  }
  const fields = parseJson(path, text);
  if (typeof fields === "object" && fields !== null && !Array.isArray(fields)) {
    return fields as Fields;
  }
  throw new ShimError("InvalidArgument", `--config: ${path}: not a JSON object`);
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = ShimError.from(error);
    throw new ShimError("InvalidArgument", `--config: ${path}: ${message}`, { cause: error });
  }
}

function isFolder(path: string): boolean {
  try {
    return path.endsWith("/") || Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw reasoned(`write ${path}`, error);
  }
}

/** Writes a file and its folder by a temporary file beside it: never half. */
async function writeFile<T>(
  path: string,
  fill: (out: WritableStream<Uint8Array>) => Promise<T>,
): Promise<T> {
  const temporary = `${path}.${Deno.pid}`;
  try {
    await Deno.mkdir(path.replace(/[^/]*$/, "") || ".", { recursive: true });
    const file = await Deno.open(temporary, { write: true, create: true, truncate: true });
    const result = await fill(file.writable);
    await Deno.rename(temporary, path);
    return result;
  } catch (error) {
    await Deno.remove(temporary).catch(() => undefined);
    throw error instanceof ShimError ? error : reasoned(`write ${path}`, error);
  }
}

function write(stream: { writeSync(data: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
}
