/** The command line of `oci-tar-builder`: in the manner of runwasi's. */

import { parseArgs } from "@std/cli/parse-args";
import { ShimError } from "../errdefs/mod.ts";

/** What `oci-tar-builder` is asked for. */
export interface BuildCall {
  help: boolean;
  repo: string;
  name: string;
  tag: string;
  /** Files, in the order given. */
  modules: string[];
  /** A folder of components; empty: none. */
  components: string;
  layers: { mediaType: string; file: string }[];
  /** Path of the archive or of a folder for it; "-" is stdout. */
  out: string;
  asArtifact: boolean;
  /** Path of a JSON file; empty: none. */
  config: string;
  /** Undefined: the default. */
  entrypoint?: string[];
  cmd: string[];
  env: string[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  author: string;
  /** Empty: by what the files are. */
  os: string;
  /** In seconds since the epoch. */
  timestampS: number;
}

/** Options that may be given more than once. */
const REPEATED = ["module", "layer", "entrypoint", "cmd", "env", "label", "annotation"] as const;
const ONCE = [
  ...[
    "name",
    "repo",
    "tag",
    "components",
    "out-path",
    "config",
    "author",
    "os",
    "timestamp",
  ] as const,
];
const SHORT = { n: "name", r: "repo", t: "tag", m: "module", c: "components", l: "layer" };
/** Values that may be empty. */
const MAY_BE_EMPTY: readonly string[] = ["entrypoint", "cmd"];
const OF_IMAGES = ["entrypoint", "cmd", "env", "label", "layer"] as const;
/** The last second of the year 9999: what RFC 3339 can say. */
const MAX_TIMESTAMP_S = 253402300799;

/** What parseArgs, which has no types, makes of them. */
type Parsed =
  & Record<typeof REPEATED[number] | typeof ONCE[number], string[]>
  & { help: boolean; "as-artifact": boolean; _: string[] };

export const BUILD_USAGE = `Usage: oci-tar-builder --name NAME --repo REPO --module FILE [options]

Builds the image REPO/NAME:TAG, whose layers are WebAssembly, as an OCI layout
in a tar archive. The same files and options give the same bytes.

Options:
  -n, --name NAME             last part of the image's name
  -r, --repo REPO             registry and path: localhost/denowasi
  -t, --tag TAG               default: latest
  -m, --module FILE           a module or component, as a layer; may be repeated
  -c, --components DIR        each *.wasm file of a folder, in the order of names
  -l, --layer MEDIATYPE=FILE  any file as a layer; may be repeated
  -o, --out-path OUT          file, or folder for NAME.tar, or - for standard
                              output; default: NAME.tar
  -a, --as-artifact           a CNCF Wasm artifact, not an OCI image: one module
                              or component, and no entry point
      --config FILE           JSON with further fields of the configuration,
                              which win over those of other options
      --author TEXT
      --os OS                 default: wasip1, or wasip2 with a component
      --annotation NAME=VALUE of the manifest; may be repeated
      --timestamp TIME        of all that has one, in seconds since 1970 or as in
                              RFC 3339; default: $SOURCE_DATE_EPOCH, or 0
  -h, --help                  print this

Options of images (not artifacts), which may be repeated:
      --entrypoint ARG        default: NAME.wasm
      --cmd ARG               an argument unless the container has others
      --env NAME=VALUE
      --label NAME=VALUE

A value that begins with - follows a =, as in --cmd=-x.
`;

/**
 * Parse what comes after `oci-tar-builder`.
 * @param epoch the variable SOURCE_DATE_EPOCH
 * @throws ShimError InvalidArgument: an option that is not known, is missing or has a wrong value
 */
export function parseBuildArgs(args: readonly string[], epoch: string | undefined): BuildCall {
  const parsed = parseArgs([...args], {
    string: [...REPEATED, ...ONCE, "_"],
    collect: [...REPEATED, ...ONCE],
    boolean: ["help", "as-artifact"],
    alias: { help: "h", "out-path": "o", "as-artifact": "a", ...invert(SHORT) },
    unknown: (arg: string) => {
      throw usage(`${arg}: not an option`);
    },
  }) as Parsed;
  if (parsed.help) return { ...EMPTY, help: true };
  for (const name of [...REPEATED, ...ONCE]) {
    if (MAY_BE_EMPTY.includes(name)) continue;
    if (parsed[name].includes("")) throw usage(`--${name}: its value is missing`);
  }
  const once = (name: typeof ONCE[number], value?: string): string => {
    const [given = value, ...more] = parsed[name];
    if (given === undefined) throw usage(`--${name}: missing`);
    if (more.length > 0) throw usage(`--${name}: given more than once`);
    return given;
  };
  const asArtifact = parsed["as-artifact"];
  const notOfArtifacts = OF_IMAGES.find((name) => parsed[name].length > 0);
  if (asArtifact && notOfArtifacts) throw usage(`--${notOfArtifacts}: artifacts have none`);
  const name = once("name");
  const call: BuildCall = {
    help: false,
    name,
    repo: once("repo"),
    tag: once("tag", "latest"),
    modules: parsed.module,
    components: once("components", ""),
    layers: parsed.layer.map(parseLayer),
    out: once("out-path", `${name}.tar`),
    asArtifact,
    config: once("config", ""),
    entrypoint: parsed.entrypoint.length > 0 ? parsed.entrypoint : undefined,
    cmd: parsed.cmd,
    env: parsed.env.map((text) => Object.entries(parsePairs("env", [text]))[0].join("=")),
    labels: parsePairs("label", parsed.label),
    annotations: parsePairs("annotation", parsed.annotation),
    author: once("author", ""),
    os: once("os", ""),
    timestampS: parsed.timestamp.length === 0 && epoch
      ? parseTime("SOURCE_DATE_EPOCH", epoch)
      : parseTime("--timestamp", once("timestamp", "0")),
  };
  if (call.modules.length + call.layers.length === 0 && call.components === "") {
    throw usage("--module, --components or --layer: one is needed");
  }
  return call;
}

const EMPTY: BuildCall = {
  ...{ help: false, name: "", repo: "", tag: "", modules: [], components: "", layers: [], out: "" },
  ...{ asArtifact: false, config: "", cmd: [], env: [], labels: {}, annotations: {} },
  ...{ author: "", os: "", timestampS: 0 },
};

function invert(aliases: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(aliases).map(([alias, name]) => [name, alias]));
}

function parseLayer(text: string): BuildCall["layers"][number] {
  const at = text.indexOf("=");
  const [mediaType, file] = [text.slice(0, at), text.slice(at + 1)];
  // A media type has no "=" in it: RFC 6838, section 4.2.
  if (at < 0 || file === "" || !/^[\w.+!#$&^-]+\/[\w.+!#$&^-]+$/.test(mediaType)) {
    throw usage(`--layer: ${JSON.stringify(text)}: not MEDIATYPE=FILE`);
  }
  return { mediaType, file };
}

function parsePairs(option: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text) => {
    const at = text.indexOf("=");
    if (at <= 0) throw usage(`--${option}: ${JSON.stringify(text)}: not NAME=VALUE`);
    return [text.slice(0, at), text.slice(at + 1)];
  }));
}

/** Seconds since the epoch, or a time as in RFC 3339, of whole seconds. */
function parseTime(option: string, text: string): number {
  const isDate = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)$/.test(text);
  const seconds = isDate ? Date.parse(text) / 1000 : /^\d+$/.test(text) ? Number(text) : NaN;
  if (seconds >= 0 && seconds <= MAX_TIMESTAMP_S) return seconds;
  throw usage(
    `${option}: ${JSON.stringify(text)}: neither seconds since 1970 nor like 2026-01-31T12:00:00Z`,
  );
}

function usage(message: string): ShimError {
  return new ShimError("InvalidArgument", message);
}
