import assert from "node:assert/strict";
import { lockGroup, removeGroup } from "./group_lock.ts";
import { type GroupPlaces, placesIn } from "./places.ts";

/** A group in a folder of its own, which is not made yet. */
class Group implements Disposable {
  readonly #root = Deno.makeTempDirSync({ prefix: "denowasi-group-" });
  readonly places: GroupPlaces = placesIn(`${this.#root}/groups/key`);

  get exists(): boolean {
    return [...Deno.readDirSync(this.#root)].length > 0 &&
      [...Deno.readDirSync(`${this.#root}/groups`)].length > 0;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#root, { recursive: true });
  }
}

/** Another process that runs `body` with `places` and `say`. */
class Other implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(places: GroupPlaces, body: string) {
    const code = `
      import { lockGroup, removeGroup } from ${
      JSON.stringify(import.meta.resolve("./group_lock.ts"))
    };
      const places = ${JSON.stringify(places)};
      const say = (text) => Deno.stdout.writeSync(new TextEncoder().encode(text + "\\n"));
      const wait = () => Deno.stdin.readSync(new Uint8Array(1));
      ${body}`;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--quiet",
        "--no-check",
        `data:text/javascript,${encodeURIComponent(code)}`,
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#reader = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next line that it says. */
  async line(): Promise<string> {
    while (!this.#text.includes("\n")) {
      const { value } = await this.#reader.read();
      if (value === undefined) return "";
      this.#text += value;
    }
    const [line, ...rest] = this.#text.split("\n");
    this.#text = rest.join("\n");
    return line;
  }

  /** Lets it go on after wait(). */
  async go(): Promise<void> {
    const writer = this.#process.stdin.getWriter();
    await writer.write(new Uint8Array(1));
    writer.releaseLock();
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stdin.close().catch(() => {});
    await this.#reader.cancel();
    await this.#process.status;
  }
}

const HOLD = `const lock = lockGroup(places); say(lock ? "held" : "refused"); wait();`;

Deno.test("lockGroup() makes the folder for root alone", () => {
  using group = new Group();
  using lock = lockGroup(group.places);
  assert.ok(lock);
  assert.equal(Deno.statSync(group.places.folder).mode! & 0o777, 0o700);
  assert.equal(Deno.statSync(group.places.lock).mode! & 0o777, 0o600);
});

Deno.test("lockGroup() has one winner, and another when that ends", async () => {
  using group = new Group();
  await using first = new Other(group.places, HOLD);
  assert.equal(await first.line(), "held");
  assert.equal(lockGroup(group.places), null);
  await using second = new Other(group.places, HOLD);
  assert.equal(await second.line(), "refused");
  await first.go();
  await first.line(); // its end
  using lock = lockGroup(group.places);
  assert.ok(lock);
});

Deno.test("lockGroup() after a holder that was killed removes its sockets", async () => {
  using group = new Group();
  const { places } = group;
  const listen = ["taskSocket", "controlSocket"].map((name) =>
    `Deno.listen({ transport: "unix", path: places.${name} });`
  );
  await using holder = new Other(
    places,
    `lockGroup(places); ${listen.join(" ")} say("held"); wait();`,
  );
  assert.equal(await holder.line(), "held");
  assert.equal(lockGroup(places), null);
  assert.ok(Deno.statSync(places.taskSocket), "a lock that is refused removes nothing");
  await holder.kill();
  using lock = lockGroup(places);
  assert.ok(lock);
  assert.deepEqual([...Deno.readDirSync(places.folder)].map(({ name }) => name), ["lock"]);
});

Deno.test("lockGroup() may be taken again after its disposal", () => {
  using group = new Group();
  for (let round = 0; round < 3; round++) {
    using lock = lockGroup(group.places);
    assert.ok(lock, `round ${round}`);
  }
});

Deno.test("lockGroup() does not hold what a holder has removed", () => {
  using group = new Group();
  using old = lockGroup(group.places);
  assert.ok(old);
  Deno.removeSync(group.places.folder, { recursive: true });
  using lock = lockGroup(group.places);
  assert.ok(lock, "the lock of a file that is gone is worth nothing");
  assert.equal(lockGroup(group.places), null);
});

Deno.test("lockGroup() excludes others while holders come and go and remove the folder", async () => {
  using group = new Group();
  Deno.mkdirSync(`${group.places.folder}/..`, { recursive: true });
  const mark = `${group.places.folder}/../../mark`;
  // As a supervisor does: it removes the folder while it holds the lock.
  const body = `
    const mark = ${JSON.stringify(mark)};
    say("ready"); wait();
    let held = 0;
    try {
      for (const end = Date.now() + 700; Date.now() < end;) {
        using lock = lockGroup(places);
        if (!lock) continue;
        held++;
        Deno.writeTextFileSync(mark, "x", { createNew: true });
        Deno.writeTextFileSync(places.name, "x");
        Deno.removeSync(mark);
        removeGroup(places);
      }
      say(held > 0 ? "done" : "never held");
    } catch (error) {
      say(String(error));
    }`;
  await using first = new Other(group.places, body);
  await using second = new Other(group.places, body);
  for (const other of [first, second]) assert.equal(await other.line(), "ready");
  for (const other of [first, second]) await other.go();
  for (const other of [first, second]) assert.equal(await other.line(), "done");
});

Deno.test("removeGroup() removes the folder of a holder that was killed, once locked", async () => {
  using group = new Group();
  await using holder = new Other(group.places, HOLD);
  assert.equal(await holder.line(), "held");
  assert.equal(lockGroup(group.places), null);
  await holder.kill();
  for (let times = 0; times < 2; times++) { // the second time of none
    using lock = lockGroup(group.places);
    assert.ok(lock);
    removeGroup(group.places);
    assert.equal(group.exists, false);
  }
});
