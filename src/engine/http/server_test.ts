/** Real requests to the component of tests/http. */

import assert from "node:assert/strict";
import { buildModules, modulePath } from "../../../scripts/modules.ts";
import { builtSystem } from "../../linux/testing/system.ts";
import { parseHandler } from "./handler.ts";
import { type HttpServer, serveComponent } from "./server.ts";
import { httpSettings } from "./settings.ts";

await buildModules();
const handler = parseHandler(Deno.readFileSync(modulePath("http.wasm")), "/http.wasm");
const system = await builtSystem();

class Served implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly server: HttpServer;
  readonly url: string;

  constructor(env: string[] = []) {
    this.server = serveComponent(handler, "/http.wasm", {
      system,
      guest: {
        ...{ args: ["/http.wasm"], env: ["NAME=value", ...env], cwd: "/", export: "_start" },
        ...{ preopens: [], listeners: [] },
      },
      settings: httpSettings(["DENOWASI_HTTP_SOCKET_ADDR=127.0.0.1:0", ...env]),
      log: (line) => this.lines.push(line),
    });
    this.url = `http://127.0.0.1:${this.server.port}`;
  }

  get authority(): string {
    return `127.0.0.1:${this.server.port}`;
  }

  async get(path: string, init?: RequestInit): Promise<[status: number, body: string]> {
    const response = await fetch(this.url + path, init);
    return [response.status, await response.text()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.shutdown();
  }
}

/** What does not repeat, so that nothing can be lost or change places unseen. */
function pattern(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let index = 0; index < words.length; index++) words[index] = index * 2654435761;
  return new Uint8Array(words.buffer, 0, size);
}

Deno.test("serveComponent() answers with the guest's status, headers and body", async () => {
  await using served = new Served();
  const response = await fetch(served.url);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain");
  assert.equal(response.headers.get("content-length"), "16", "complete, so not in chunks");
  assert.equal(await response.text(), "hello from wasm\n");
  assert.deepEqual(await served.get("/status/404"), [404, ""]);
  assert.deepEqual(await served.get("/status/204"), [204, ""]);
  assert.deepEqual(await served.get("/", { method: "HEAD" }), [200, ""]);
  assert.match((await served.get("/environment"))[1], /^NAME=value$/m);
});

Deno.test("serveComponent() shows the guest the request's headers, less the connection's", async () => {
  await using served = new Served();
  const [, body] = await served.get("/headers", {
    headers: { "X-Custom": "a", "x-latin": "\xe9", "Keep-Alive": "x" },
  });
  const lines = body.split("\n");
  assert.ok(lines.includes("x-custom: a"), body);
  assert.equal(lines.some((line) => /^(host|connection|keep-alive):/.test(line)), false, body);
  // Taken, invalid-syntax, forbidden and immutable; and names are found in any case.
  assert.deepEqual(await served.get("/refused"), [200, "02211131\n"]);
});

for (const path of ["echo", "splice", "poll"]) {
  Deno.test(`serveComponent() streams bodies both ways: ${path}`, async () => {
    await using served = new Served();
    for (const size of [0, 1, 4096, 65536, 1_000_003]) {
      const response = await fetch(`${served.url}/${path}`, {
        method: "POST",
        body: pattern(size),
      });
      assert.deepEqual(await response.bytes(), pattern(size), `${size} bytes`);
    }
  });
}

Deno.test("serveComponent() passes a part on before the whole is there", async () => {
  await using served = new Served();
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  const asked = fetch(`${served.url}/echo`, { method: "POST", body: readable });
  void writer.write(pattern(100));
  const reader = (await asked).body!.getReader();
  assert.deepEqual((await reader.read()).value, pattern(100));
  void writer.write(pattern(200));
  assert.deepEqual((await reader.read()).value, pattern(200));
  await writer.close();
  assert.equal((await reader.read()).done, true);
});

Deno.test("serveComponent() sends what a guest writes before it waits", async () => {
  await using served = new Served();
  const response = await fetch(`${served.url}/lines/3/50`);
  const reader = response.body!.getReader();
  const first = new TextDecoder().decode((await reader.read()).value);
  assert.equal(first, "0\n");
  let rest = "";
  for (let read; !(read = await reader.read()).done;) rest += new TextDecoder().decode(read.value);
  assert.equal(rest, "1\n2\n");
});

Deno.test("serveComponent() lets slow requests and others go on side by side", async () => {
  await using served = new Served();
  const startedMs = performance.now();
  const slow = Array.from({ length: 8 }, () => served.get("/sleep/300"));
  assert.deepEqual(await served.get("/"), [200, "hello from wasm\n"]);
  assert.ok(performance.now() - startedMs < 250);
  for (const answer of await Promise.all(slow)) assert.deepEqual(answer, [200, "slept\n"]);
  assert.ok(performance.now() - startedMs < 1500, "one after the other takes 2400 ms");
});

Deno.test("serveComponent() answers 500 for a trap, a silent guest and an error of its own, and goes on", async () => {
  await using served = new Served();
  for (const path of ["/trap", "/silent", "/fail/6"]) {
    assert.deepEqual(await served.get(path), [500, ""], path);
    assert.deepEqual(await served.get("/count"), [200, "1"]);
  }
  const [trap, error, ...more] = served.lines;
  assert.match(trap, /^GET http:.*\/trap: trap: unreachable\n.*wasm-function/);
  assert.match(error, /^GET http:.*\/fail\/6: the guest answered connection-refused$/);
  assert.deepEqual(more, []);
});

Deno.test("serveComponent() breaks a response off when its guest traps over it", async () => {
  await using served = new Served();
  await assert.rejects(served.get("/late-trap"));
  assert.deepEqual(await served.get("/"), [200, "hello from wasm\n"]);
});

Deno.test("serveComponent() makes an instance for each request, or shares one", async () => {
  await using fresh = new Served();
  await using shared = new Served(["DENOWASI_HTTP_INSTANCES=shared"]);
  const counts = async (served: Served) => {
    const seen: string[] = [];
    for (let round = 0; round < 3; round++) seen.push((await served.get("/count"))[1]);
    return seen;
  };
  assert.deepEqual(await counts(fresh), ["1", "1", "1"]);
  assert.deepEqual(await counts(shared), ["1", "2", "3"]);
  await shared.get("/trap");
  assert.deepEqual(await counts(shared), ["1", "2", "3"], "what has trapped serves no more");
});

Deno.test("serveComponent() sends the guest's own requests", async () => {
  await using served = new Served();
  const { authority } = served;
  assert.deepEqual(await served.get(`/forward/${authority}/status/418`), [418, ""]);
  const [, headers] = await served.get(`/forward/${authority}/headers`);
  assert.match(headers, /^x-forwarded: by wasm$/m);
  const response = await fetch(`${served.url}/forward/${authority}/echo`, {
    method: "PUT",
    body: pattern(300_000),
  });
  assert.deepEqual(await response.bytes(), pattern(300_000));
});

Deno.test("serveComponent() tells the guest why its own request failed", async () => {
  await using served = new Served();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const refused = 6, dnsError = 1, readTimeout = 9;
  assert.deepEqual(await served.get(`/forward/127.0.0.1:${port}/`), [502, `${refused}`]);
  assert.deepEqual(await served.get(`/impatient/${served.authority}/sleep/2000`), [
    502,
    `${readTimeout}`,
  ]);
  assert.deepEqual(await served.get("/forward/nowhere.invalid/"), [502, `${dnsError}`]);
});

Deno.test("serveComponent() takes trailers", async () => {
  await using served = new Served();
  const [status, body] = await served.get("/trailers", { method: "POST", body: "x" });
  assert.deepEqual([status, body], [200, "none\n"]);
});

Deno.test("serveComponent() finishes what is under way when it is shut down", async () => {
  const served = new Served();
  const slow = served.get("/sleep/200");
  await new Promise((resolve) => setTimeout(resolve, 50));
  const ended = served.server.shutdown();
  assert.deepEqual(await slow, [200, "slept\n"]);
  await ended;
  await assert.rejects(served.get("/"));
});

Deno.test("serveComponent() says that its address is taken", async () => {
  await using served = new Served();
  assert.throws(() => new Served([`DENOWASI_HTTP_SOCKET_ADDR=${served.authority}`]), {
    kind: "Unavailable",
    message: new RegExp(`^listen on 127\\.0\\.0\\.1:${served.server.port}: `),
  });
});

Deno.test("serveComponent() outlives clients that leave", async () => {
  await using served = new Served();
  for (const path of ["/lines/1000/1", "/sleep/500"]) {
    const abort = new AbortController();
    const asked = served.get(path, { signal: abort.signal });
    await new Promise((resolve) => setTimeout(resolve, 30));
    abort.abort();
    await assert.rejects(asked);
  }
  assert.deepEqual(await served.get("/"), [200, "hello from wasm\n"]);
});
