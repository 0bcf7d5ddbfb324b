import assert from "node:assert/strict";
import { groupPlaces } from "../../src/supervisor/places.ts";
import { LineConnection } from "../../src/supervisor/lines.ts";
import { builtFile, Folder, Host, sanitizedFile } from "./support.ts";

const ADDRESS = "unix:///run/denowasi/groups/x/task.sock";
const FLAGS = ["-namespace=n", "-id=c1", "-address=/a", "-publish-binary=/b", "start"];
const BUNDLE = "/run/a bundle";

/** A supervisor of one group that answers `start` as it is told, on a host with a bundle. */
class Group implements AsyncDisposable {
  readonly questions: string[] = [];
  readonly #host: Host;
  readonly #listener: Deno.Listener;

  private constructor(host: Host, listener: Deno.Listener, readonly answer: string) {
    this.#host = host;
    this.#listener = listener;
    this.#serve();
  }

  static async start(name: string, answer: string): Promise<Group> {
    const host = await Host.start();
    const { folder, controlSocket } = await groupPlaces({
      containerd: "/a",
      namespace: "n",
      group: name,
      engine: "deno",
    });
    Deno.mkdirSync(host.path(folder), { recursive: true });
    Deno.mkdirSync(host.path(BUNDLE));
    const path = host.path(controlSocket);
    return new Group(host, Deno.listen({ transport: "unix", path }), answer);
  }

  async #serve(): Promise<void> {
    for await (const conn of this.#listener) {
      using connection = new LineConnection(conn);
      this.questions.push(await connection.read() ?? "");
      await connection.write(this.answer).catch(() => {});
    }
  }

  /** Runs `start` in the bundle, with this config.json. */
  async run(file: string, config: string, stub = "") {
    await Deno.writeTextFile(this.#host.path(`${BUNDLE}/config.json`), config);
    return await this.#host.run(["env", `--chdir=${BUNDLE}`, file, ...FLAGS], {
      env: { STUB: stub },
    });
  }

  /** The bundle's file `address`, or null. */
  address(): string | null {
    try {
      return Deno.readTextFileSync(this.#host.path(`${BUNDLE}/address`));
    } catch {
      return null;
    }
  }

  store(): Promise<string[]> {
    return this.#host.store().catch(() => []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#host[Symbol.asyncDispose]();
  }
}

const annotated = (members: Record<string, string>, more = {}) =>
  JSON.stringify({ annotations: members, ...more });

Deno.test("start joins a living group without unpacking or booting anything", async () => {
  using folder = new Folder();
  const file = await sanitizedFile(folder);
  const CONFIGS: [group: string, config: string][] = [
    ["pod1", annotated({ "io.kubernetes.cri.sandbox-id": "pod1" })],
    ["pod1", annotated({ "io.containerd.runc.v2.group": "pod1" })],
    [
      "pod1",
      annotated({
        "io.containerd.runc.v2.group": "pod2",
        "io.kubernetes.cri.sandbox-id": "pod1",
      }),
    ],
    ["node", annotated({ "io.kubernetes.cri.sandbox-id": "pod1" })],
    ["node", "{}"],
  ];
  for (const [name, config] of CONFIGS) {
    await using group = await Group.start(name, `address ${ADDRESS}\n`);
    const { code, out, err } = await group.run(file, config);
    assert.deepEqual([code, out, err], [0, ADDRESS, ""], config);
    assert.deepEqual(group.questions, [`start c1 0 ${BUNDLE}`]);
    assert.equal(group.address(), ADDRESS);
    assert.deepEqual(await group.store(), []);
  }
});

Deno.test("start offers a zygote for a module, and boots it only when it is wanted", async () => {
  const config = annotated({ "io.kubernetes.cri.sandbox-id": "pod1" }, { args: ["/a.wasm"] });
  for (const wanted of [false, true]) {
    const answer = `address ${ADDRESS}${wanted ? " /run/control.sock" : ""}\n`;
    await using group = await Group.start("pod1", answer);
    const { code, out } = await group.run(await builtFile(), config);
    assert.deepEqual([code, out], [0, ADDRESS]);
    assert.deepEqual(group.questions, [`start c1 1 ${BUNDLE}`]);
    assert.equal((await group.store()).length > 0, wanted);
  }
});

/** What the group's supervisor may say that is no address: then the runtime is asked. */
for (const answer of ["refused\n", "", "address", "nonsense\n", `${"x".repeat(9000)}\n`]) {
  Deno.test(`start does not rely on ${JSON.stringify(answer.slice(0, 12))}`, async () => {
    await using group = await Group.start("pod1", answer);
    const config = annotated({ "io.kubernetes.cri.sandbox-id": "pod1" });
    const { code, out, err } = await group.run(await builtFile(), config);
    assert.deepEqual([code, out, err], [0, "unix:///run/stub.sock", ""]);
    assert.equal(group.questions.length, 1);
    assert.equal(group.address(), null);
  });
}

/** Text that looks like the annotation in some way, and is not it. */
const NOT_ANNOTATIONS = [
  JSON.stringify({ args: ['"io.kubernetes.cri.sandbox-id":"pod1"'] }),
  annotated({ "io.kubernetes.cri.sandbox-id": 'pod1"' }),
  annotated({ "io.kubernetes.cri.sandbox-id": "" }),
  '{"annotations":{"io.kubernetes.cri.sandbox-id":"pod1',
];

for (const config of NOT_ANNOTATIONS) {
  Deno.test(`start takes no group from ${config}`, async () => {
    await using group = await Group.start("pod1", `address ${ADDRESS}\n`);
    const { out } = await group.run(await builtFile(), config);
    assert.equal(out, "unix:///run/stub.sock");
    assert.deepEqual(group.questions, []);
  });
}
