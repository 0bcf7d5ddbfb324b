import assert from "node:assert/strict";
import { httpSettings } from "./settings.ts";

const DEFAULTS = { hostname: "0.0.0.0", port: 8080, backlog: 100, reuse: false };

Deno.test.each<[string[], Partial<typeof DEFAULTS>]>([
  [[], {}],
  [["DENOWASI_HTTP_SOCKET_ADDR=127.0.0.1:80"], { hostname: "127.0.0.1", port: 80 }],
  [["WASMTIME_HTTP_PROXY_SOCKET_ADDR=127.0.0.1:81"], { hostname: "127.0.0.1", port: 81 }],
  [
    ["WASMTIME_HTTP_PROXY_SOCKET_ADDR=x", "DENOWASI_HTTP_SOCKET_ADDR=[::1]:82"],
    { hostname: "::1", port: 82 },
  ],
  [["DENOWASI_HTTP_SOCKET_ADDR=[::]:0"], { hostname: "::", port: 0 }],
  [["WASMTIME_HTTP_PROXY_BACKLOG=7"], { backlog: 7 }],
  [["WASMTIME_HTTP_PROXY_BACKLOG=7", "DENOWASI_HTTP_BACKLOG=8"], { backlog: 8 }],
  [["DENOWASI_HTTP_BACKLOG=1", "DENOWASI_HTTP_BACKLOG=2"], { backlog: 2 }],
  [["DENOWASI_HTTP_INSTANCES=shared"], { reuse: true }],
  [["DENOWASI_HTTP_INSTANCES=request"], { reuse: false }],
  [["XDENOWASI_HTTP_BACKLOG=1", "DENOWASI_HTTP_BACKLOGX=1"], {}],
])("httpSettings(%j)", (env, expected) => {
  assert.deepEqual(httpSettings(env), { ...DEFAULTS, ...expected });
});

Deno.test.each([
  ["DENOWASI_HTTP_SOCKET_ADDR", "localhost:80", "not ADDRESS:PORT"],
  ["DENOWASI_HTTP_SOCKET_ADDR", "", "not ADDRESS:PORT"],
  ["DENOWASI_HTTP_SOCKET_ADDR", "127.0.0.1", "not ADDRESS:PORT"],
  ["DENOWASI_HTTP_SOCKET_ADDR", "127.0.0.256:80", "not ADDRESS:PORT"],
  ["DENOWASI_HTTP_SOCKET_ADDR", "127.0.0.1:65536", "not ADDRESS:PORT"],
  ["DENOWASI_HTTP_SOCKET_ADDR", "::1:80", "not ADDRESS:PORT"],
  ["WASMTIME_HTTP_PROXY_SOCKET_ADDR", "80", "not ADDRESS:PORT"],
  ["DENOWASI_HTTP_BACKLOG", "0", "not 1 to 2147483647"],
  ["DENOWASI_HTTP_BACKLOG", "-1", "not 1 to 2147483647"],
  ["WASMTIME_HTTP_PROXY_BACKLOG", "4294967296", "not 1 to 2147483647"],
  ["WASMTIME_HTTP_PROXY_BACKLOG", "many", "not 1 to 2147483647"],
  ["DENOWASI_HTTP_INSTANCES", "two", "not request or shared"],
])("httpSettings() refuses %s=%s", (name, value, reason) => {
  assert.throws(() => httpSettings([`${name}=${value}`]), {
    kind: "InvalidArgument",
    message: `${name}: ${JSON.stringify(value)}: ${reason}`,
  });
});
