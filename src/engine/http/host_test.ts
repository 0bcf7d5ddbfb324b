import assert from "node:assert/strict";
import { buildModules, modulePath } from "../../../scripts/modules.ts";
import { builtSystem } from "../../linux/testing/system.ts";
import { OutputStream } from "../component/host/streams.ts";
import { Linker, parseComponent } from "../linker/link.ts";
import { BodySink } from "./body_sink.ts";
import { httpHost } from "./host.ts";
import { suspends } from "./waiting.ts";

await buildModules();
const system = await builtSystem();

Deno.test("httpHost() gives all that a program of several modules imports, an adapter among them", async () => {
  const host = httpHost(system, {
    ...{ args: ["app", "é"], env: ["A=1"], cwd: "/", export: "run" },
    ...{ preopens: [], listeners: [] },
  });
  const { calls, scope } = host.context;
  const sink = new BodySink();
  host.interfaces["wasi:cli/stdout"] = { getStdout: () => new OutputStream(scope, calls, sink) };
  const component = parseComponent(Deno.readFileSync(modulePath("args.component.wasm")), "/a.wasm");
  const { name } = component.exports.find(({ name }) => name.startsWith("wasi:cli/run@"))!;
  const linker = new Linker(component, "/a.wasm", host.interfaces, suspends);
  const linked = linker.compile().instantiate(name, "run");
  await linked.call();
  assert.equal(new TextDecoder().decode(sink.take()), "arg: app\narg: é\nenv: A=1\n");
});
