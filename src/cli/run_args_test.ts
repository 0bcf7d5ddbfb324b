import assert from "node:assert/strict";
import { parseRunArgs, type RunCall } from "./run_args.ts";

const CALL: RunCall = {
  ...{ help: false, file: "app.wasm", export: "_start", args: [], engine: "" },
  ...{ env: [], preopens: [], listen: [], limits: { memoryBytes: 0, cpuSeconds: 0 } },
};

const RIGHT: [string[], Partial<RunCall>][] = [
  [["app.wasm"], {}],
  [["./a/b.wasm"], { file: "./a/b.wasm" }],
  [["app.wasm#go"], { export: "go" }],
  [["app.wasm#"], {}],
  [["app.wasm#a#b"], { export: "a#b" }],
  [["--invoke", "go", "app.wasm"], { export: "go" }],
  [["--invoke=go", "app.wasm#other"], { export: "go" }],
  [["--engine", "wasmer", "app.wasm"], { engine: "wasmer" }],
  [["app.wasm", "a", "", "1", "01"], { args: ["a", "", "1", "01"] }],
  [["app.wasm", "--dir", "x", "-h"], { args: ["--dir", "x", "-h"] }],
  [["app.wasm", "a", "--", "b", "--"], { args: ["a", "--", "b", "--"] }],
  [["app.wasm", "--", "b"], { args: ["--", "b"] }],
  [["app.wasm", "--"], { args: ["--"] }],
  [["--", "app.wasm", "--", "b"], { args: ["--", "b"] }],
  [["--", "-app.wasm"], { file: "-app.wasm" }],
  [["--env", "A=1", "--", "app.wasm"], { env: [{ name: "A", value: "1" }] }],
  [["--env=A=b=c", "--env", "B=", "--env", "A=2", "app.wasm"], {
    env: [{ name: "A", value: "b=c" }, { name: "B", value: "" }, { name: "A", value: "2" }],
  }],
  [["--env", "HOME", "app.wasm"], { env: [{ name: "HOME" }] }],
  [["--env", "A=true", "--env", "B=1", "app.wasm"], {
    env: [{ name: "A", value: "true" }, { name: "B", value: "1" }],
  }],
  [["--dir", "/z", "--dir=a::/b", "--dir", "1", "--dir", "c::d::e", "app.wasm"], {
    preopens: [
      { host: "/z", guest: "/z" },
      { host: "a", guest: "/b" },
      { host: "1", guest: "1" },
      { host: "c", guest: "d::e" },
    ],
  }],
  [["--tcplisten", "127.0.0.1:80", "--tcplisten=[::1]:0", "app.wasm"], {
    listen: [{ address: "127.0.0.1", port: 80 }, { address: "::1", port: 0 }],
  }],
  [["--memory-limit", "64KiB", "--cpu-deadline=1m", "app.wasm"], {
    limits: { memoryBytes: 65536, cpuSeconds: 60 },
  }],
];

for (const [args, expected] of RIGHT) {
  Deno.test(`parseRunArgs() reads ${JSON.stringify(args)}`, () => {
    assert.deepEqual(parseRunArgs(args), { ...CALL, ...expected });
  });
}

Deno.test.each([[["--help"]], [["-h"]], [["--help", "app.wasm"]], [["--env", "A", "-h"]]])(
  "parseRunArgs() sees that %j asks for help",
  (args) => assert.equal(parseRunArgs(args).help, true),
);

const WRONG: [string[], string][] = [
  [[], "FILE: missing"],
  [["--"], "FILE: missing"],
  [["--env", "A=1"], "FILE: missing"],
  [[""], 'FILE: "": names no file'],
  [["#go"], 'FILE: "#go": names no file'],
  [["--mapdir", "a", "app.wasm"], "--mapdir: not an option"],
  [["--no-dir", "app.wasm"], "--no-dir: not an option"],
  [["-x", "app.wasm"], "-x: not an option"],
  [["-dir", "a", "app.wasm"], "-dir: not an option"],
  [["--dir.a=b", "app.wasm"], "--dir.a=b: not an option"],
  [["--dir"], "--dir: its value is missing"],
  [["--dir", "--", "app.wasm"], "--dir: its value is missing"],
  [["--dir", "--env", "A=1", "app.wasm"], "--dir: its value is missing"],
  [["--env=", "app.wasm"], "--env: its value is missing"],
  [["--invoke=", "app.wasm"], "--invoke: its value is missing"],
  [["--engine", "", "app.wasm"], "--engine: its value is missing"],
  [["--env", "=1", "app.wasm"], '--env: "=1": names no variable'],
  [["--dir", "::/a", "app.wasm"], '--dir: "::/a": not HOST or HOST::GUEST'],
  [["--dir", "a::", "app.wasm"], '--dir: "a::": not HOST or HOST::GUEST'],
  [
    ["--tcplisten", "80", "app.wasm"],
    '--tcplisten: "80": not ADDR:PORT with a numeric address, of IPv6 in brackets',
  ],
  [
    ["--tcplisten", "localhost:80", "app.wasm"],
    '--tcplisten: "localhost:80": not ADDR:PORT with a numeric address, of IPv6 in brackets',
  ],
  [
    ["--tcplisten", "1.2.3.4:65536", "app.wasm"],
    '--tcplisten: "1.2.3.4:65536": not ADDR:PORT with a numeric address, of IPv6 in brackets',
  ],
  [
    ["--tcplisten", "::1:80", "app.wasm"],
    '--tcplisten: "::1:80": not ADDR:PORT with a numeric address, of IPv6 in brackets',
  ],
  [
    ["--memory-limit", "64 KiB", "app.wasm"],
    '--memory-limit: "64 KiB": not a size like 256MiB or 1GiB',
  ],
  [
    ["--cpu-deadline", "0.5s", "app.wasm"],
    '--cpu-deadline: "0.5s": not a duration in whole seconds like 30s or 1m30s',
  ],
];

for (const [args, message] of WRONG) {
  Deno.test(`parseRunArgs() refuses ${JSON.stringify(args)}`, () => {
    assert.throws(() => parseRunArgs(args), { kind: "InvalidArgument", message });
  });
}
