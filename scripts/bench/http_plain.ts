/** What Deno's server alone does: the answer of tests/http's component, on the port that is the argument. */

const headers: [string, string][] = [["content-type", "text/plain"]];
Deno.serve(
  { hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen() {} },
  () => new Response("hello from wasm\n", { headers }),
);
