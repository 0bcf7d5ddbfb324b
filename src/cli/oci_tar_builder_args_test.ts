import assert from "node:assert/strict";
import { type BuildCall, parseBuildArgs } from "./oci_tar_builder_args.ts";

const LEAST = ["-n", "app", "-r", "localhost/x", "-m", "a.wasm"];
const CALL: BuildCall = {
  ...{ help: false, name: "app", repo: "localhost/x", tag: "latest", modules: ["a.wasm"] },
  ...{ components: "", layers: [], out: "app.tar", asArtifact: false, config: "" },
  ...{ entrypoint: undefined, cmd: [], env: [], labels: {}, annotations: {}, author: "", os: "" },
  timestampS: 0,
};

const parse = (...args: string[]) => parseBuildArgs(args, undefined);

Deno.test.each<[string[], Partial<BuildCall>]>([
  [[], {}],
  [["--module=b", "-m", "c"], { modules: ["a.wasm", "b", "c"] }],
  [["-t", "v1", "-c", "folder", "-o", "-"], { tag: "v1", components: "folder", out: "-" }],
  [["-o", "x/"], { out: "x/" }],
  [["--out-path", "x.tar", "-a"], { out: "x.tar", asArtifact: true }],
  [
    ["-l", "a/b+c=d=e", "--layer=f/g=h"],
    { layers: [{ mediaType: "a/b+c", file: "d=e" }, { mediaType: "f/g", file: "h" }] },
  ],
  [
    ["--entrypoint", "/a.wasm#b", "--entrypoint=", "--cmd=-x", "--cmd=--y"],
    { entrypoint: ["/a.wasm#b", ""], cmd: ["-x", "--y"] },
  ],
  [["--env", "A=b=c", "--env", "D="], { env: ["A=b=c", "D="] }],
  [["--label", "a=b", "--label=c=d=e"], { labels: { a: "b", c: "d=e" } }],
  [["--annotation", "a.b/c=d"], { annotations: { "a.b/c": "d" } }],
  [["--author", "A. B", "--os", "wasi"], { author: "A. B", os: "wasi" }],
  [["--config", "c.json"], { config: "c.json" }],
  [["--timestamp", "1700000000"], { timestampS: 1700000000 }],
  [["--timestamp", "2023-11-14T22:13:20Z"], { timestampS: 1700000000 }],
  [["--timestamp", "2023-11-14T23:13:20+01:00"], { timestampS: 1700000000 }],
])("parseBuildArgs() reads %j", (args, expected) => {
  assert.deepEqual(parse(...LEAST, ...args), { ...CALL, ...expected });
});

Deno.test.each<[string[], RegExp]>([
  [["-r", "x", "-m", "a"], /^--name: missing$/],
  [["-n", "x", "-m", "a"], /^--repo: missing$/],
  [["-n", "x", "-r", "y"], /^--module, --components or --layer: one is needed$/],
  [[...LEAST, "--modul", "a"], /^--modul: not an option$/],
  [[...LEAST, "stray"], /^stray: not an option$/],
  [[...LEAST, "-n", "b"], /^--name: given more than once$/],
  [[...LEAST, "--tag"], /^--tag: its value is missing$/],
  [[...LEAST, "--module="], /^--module: its value is missing$/],
  [[...LEAST, "-l", "a.wasm"], /^--layer: "a.wasm": not MEDIATYPE=FILE$/],
  [[...LEAST, "-l", "a/b="], /^--layer: "a\/b=": not MEDIATYPE=FILE$/],
  [[...LEAST, "--env", "A"], /^--env: "A": not NAME=VALUE$/],
  [[...LEAST, "--label", "=b"], /^--label: "=b": not NAME=VALUE$/],
  [[...LEAST, "--timestamp=-1"], /^--timestamp: "-1": neither seconds since 1970 nor/],
  [[...LEAST, "--timestamp", "yesterday"], /^--timestamp: "yesterday": neither/],
  [[...LEAST, "--timestamp", "2023-13-14T22:13:20Z"], /^--timestamp: "2023-13-14T22:13:20Z": /],
  [[...LEAST, "--timestamp", "253402300800"], /^--timestamp: "253402300800": /],
  [[...LEAST, "-a", "--cmd", "x"], /^--cmd: artifacts have none$/],
  [[...LEAST, "-a", "-l", "a/b=c"], /^--layer: artifacts have none$/],
])("parseBuildArgs() refuses %j", (args, message) => {
  assert.throws(() => parse(...args), { kind: "InvalidArgument", message });
});

Deno.test("parseBuildArgs() takes the time of SOURCE_DATE_EPOCH unless told another", () => {
  assert.equal(parseBuildArgs(LEAST, "5").timestampS, 5);
  assert.equal(parseBuildArgs(LEAST, "").timestampS, 0);
  assert.equal(parseBuildArgs([...LEAST, "--timestamp", "6"], "5").timestampS, 6);
  assert.throws(() => parseBuildArgs(LEAST, "now"), { message: /^SOURCE_DATE_EPOCH: "now": / });
});

Deno.test("parseBuildArgs() answers --help whatever else is asked", () => {
  assert.equal(parse("-h").help, true);
  assert.equal(parse("--help", "-n", "x").help, true);
});
