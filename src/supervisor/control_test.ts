import assert from "node:assert/strict";
import { ShimError } from "../errdefs/mod.ts";
import { SocketPath } from "../ttrpc/testing/sockets.ts";
import { askSupervisor, type ControlHandlers, serveControl } from "./control.ts";
import { LineConnection } from "./lines.ts";

/** A control socket that is served, and who has come. */
class Control implements AsyncDisposable {
  readonly #socket = new SocketPath();
  readonly #listener = Deno.listen({ transport: "unix", path: this.path });
  readonly seen: string[] = [];
  readonly #owned: LineConnection[] = [];
  readonly #served: Promise<void>;

  constructor(handlers: Partial<ControlHandlers> = {}) {
    const own = (connection: LineConnection, who: string) => {
      this.#owned.push(connection);
      this.seen.push(who);
      connection.write(`hello ${who}\n`);
    };
    this.#served = serveControl(this.#listener, {
      zygote: (connection, compilation) => own(connection, `zygote ${compilation}`),
      monitor: (connection, key) => own(connection, `monitor ${key}`),
      start: (id, hasZygote, bundle) =>
        id === "full" ? "refused" : `address ${id} ${hasZygote} ${bundle}`,
      deleteTask: (id) => Promise.resolve(`deleted ${id}`),
      released: () => {},
      ...handlers,
    });
  }

  get path(): string {
    return this.#socket.path;
  }

  /** A connection that has said `text`. */
  async connect(text: string): Promise<LineConnection> {
    const connection = new LineConnection(
      await Deno.connect({ transport: "unix", path: this.path }),
    );
    await connection.write(text);
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#served;
    for (const connection of this.#owned) connection[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
  }
}

Deno.test("serveControl() hands the zygote's and monitors' connections over", async () => {
  await using control = new Control();
  for (const who of ["zygote eager", "zygote lazy", "monitor web", "monitor web/sh"]) {
    using connection = await control.connect(`${who}\n`);
    assert.equal(await connection.read(), `hello ${who}`);
  }
  assert.deepEqual(control.seen, ["zygote eager", "zygote lazy", "monitor web", "monitor web/sh"]);
});

Deno.test("serveControl() hands over what came with the first line", async () => {
  const rest = Promise.withResolvers<string | null>();
  await using control = new Control({
    monitor: async (connection) => {
      rest.resolve(await connection.read());
      connection[Symbol.dispose]();
    },
  });
  using _ = await control.connect("monitor web\nready 7\n");
  assert.equal(await rest.promise, "ready 7");
});

Deno.test("askSupervisor() gets an answer", async () => {
  await using control = new Control();
  assert.equal(await askSupervisor(control.path, "ping"), "ok");
  assert.equal(await askSupervisor(control.path, "start full 0 /b"), "refused");
  assert.equal(await askSupervisor(control.path, "delete web"), "deleted web");
});

Deno.test("serveControl() says when a delete is answered, or has failed", async () => {
  const released = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let count = 0;
  await using control = new Control({
    deleteTask: (id) => id === "web" ? Promise.resolve("deleted 1") : Promise.reject("busy"),
    released: () => released[count++].resolve(),
  });
  assert.equal(await askSupervisor(control.path, "ping"), "ok");
  assert.equal(count, 0);
  await askSupervisor(control.path, "delete web");
  await released[0].promise;
  await askSupervisor(control.path, "delete other");
  await released[1].promise;
});

Deno.test("askSupervisor() asks to start with a zygote or without, and a bundle as it is", async () => {
  await using control = new Control();
  const ask = (rest: string) => askSupervisor(control.path, `start web ${rest}`);
  assert.equal(await ask("0 /run/b"), "address web false /run/b");
  assert.equal(await ask("1 /run/b"), "address web true /run/b");
  assert.equal(await ask("1 /a b/  c"), "address web true /a b/  c");
  assert.equal(await ask("true /b"), "address web false /b");
});

Deno.test("askSupervisor() gets what went wrong, on one line", async () => {
  await using control = new Control({
    deleteTask: () => Promise.reject(new ShimError("Internal", "remove a:\nbusy")),
  });
  assert.equal(await askSupervisor(control.path, "delete web"), "remove a: busy");
});

Deno.test("askSupervisor() answers null when nobody listens", async () => {
  using socket = new SocketPath();
  assert.equal(await askSupervisor(socket.path, "ping"), null);
  Deno.listen({ transport: "unix", path: socket.path }).close();
  assert.equal(await askSupervisor(socket.path, "ping"), null);
});

Deno.test("askSupervisor() answers null when the supervisor goes away meanwhile", async () => {
  await using control = new Control();
  assert.equal(await askSupervisor(control.path, "nonsense"), null);
});

Deno.test("askSupervisor() answers null when the supervisor goes away before it is asked", async () => {
  using socket = new SocketPath();
  const listener = Deno.listen({ transport: "unix", path: socket.path });
  const { connect } = Deno;
  // Between its connect and its write.
  Deno.connect = (async (options: Deno.UnixConnectOptions) => {
    const conn = await connect(options);
    listener.close();
    return conn;
  }) as typeof Deno.connect;
  try {
    assert.equal(await askSupervisor(socket.path, "ping"), null);
  } finally {
    Deno.connect = connect;
  }
});

Deno.test("serveControl() closes a connection that says nothing known, or nothing", async () => {
  await using control = new Control();
  for (const text of ["nonsense\n", "\n", "Zygote\n"]) {
    using connection = await control.connect(text);
    assert.equal(await connection.read(), null, text);
  }
  const silent = await control.connect("");
  silent[Symbol.dispose]();
  assert.equal(await askSupervisor(control.path, "ping"), "ok");
  assert.deepEqual(control.seen, []);
});

Deno.test("serveControl() serves others while one is silent or slow", async () => {
  const slow = Promise.withResolvers<string>();
  await using control = new Control({ deleteTask: () => slow.promise });
  using _ = await control.connect("");
  const deleting = askSupervisor(control.path, "delete web");
  assert.equal(await askSupervisor(control.path, "ping"), "ok");
  slow.resolve("deleted 7");
  assert.equal(await deleting, "deleted 7");
});

Deno.test("serveControl() outlives a handler that throws", async () => {
  await using control = new Control({
    start: () => {
      throw new Error("broken");
    },
  });
  assert.equal(await askSupervisor(control.path, "start web 0 /b"), null);
  assert.equal(await askSupervisor(control.path, "ping"), "ok");
});
