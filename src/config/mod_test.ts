import assert from "node:assert/strict";
import { DEFAULT_CONFIG, loadConfig } from "./mod.ts";

/** Loads `text` from a file named config.toml, of which errors say only the name. */
async function load(text: string) {
  const folder = Deno.makeTempDirSync({ prefix: "denowasi-config-" });
  try {
    const path = `${folder}/config.toml`;
    Deno.writeTextFileSync(path, text);
    return await loadConfig(path).catch((error) => {
      error.message = error.message.replace(folder, "");
      throw error;
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("loadConfig() answers the defaults without a file", async () => {
  const config = await loadConfig("/nowhere/config.toml");
  assert.deepEqual(config, { grouping: "sandbox", idleSeconds: 60 });
  assert.notEqual(config, DEFAULT_CONFIG);
});

Deno.test.each([
  ["", {}],
  ["# nothing\n", {}],
  ['grouping = "node"\n', { grouping: "node" }],
  ['grouping = "sandbox"\nidle_seconds = 0\n', { idleSeconds: 0 }],
  ["idle_seconds = 86_400\n", { idleSeconds: 86400 }],
])("loadConfig() reads %j", async (text, expected) => {
  assert.deepEqual(await load(text), { ...DEFAULT_CONFIG, ...expected });
});

Deno.test.each([
  ['grouping = "pod"', '/config.toml: grouping = "pod": not "sandbox" or "node"'],
  ["grouping = 1", '/config.toml: grouping = 1: not "sandbox" or "node"'],
  ["idle_seconds = -1", "/config.toml: idle_seconds = -1: not an integer from 0 to 86400"],
  ["idle_seconds = 1.5", "/config.toml: idle_seconds = 1.5: not an integer from 0 to 86400"],
  ['idle_seconds = "9"', '/config.toml: idle_seconds = "9": not an integer from 0 to 86400'],
  ["idle = 5", "/config.toml: idle = 5: not a key of the configuration"],
  ["[a]\nb = 5", '/config.toml: a = {"b":5}: not a key of the configuration'],
])("loadConfig() rejects %j", async (text, message) => {
  await assert.rejects(load(text), { kind: "InvalidArgument", message });
});

Deno.test("loadConfig() says where a file is not TOML", async () => {
  await assert.rejects(load("grouping = \n"), {
    kind: "InvalidArgument",
    message: /^parse \/config\.toml: /,
  });
});

Deno.test("loadConfig() says what it cannot read", async () => {
  await assert.rejects(loadConfig("/"), {
    kind: "FailedPrecondition",
    message: /^read configuration: \/: /,
  });
});
