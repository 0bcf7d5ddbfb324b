/** A server of the Task service, of one task whose container is the test's, and a client. */

import { ShimError } from "../../errdefs/mod.ts";
import { type Init, type MethodType, task as taskV2 } from "../../proto/mod.ts";
import type { CreateRequest, Workshop } from "../../supervisor/container.ts";
import type { Exit } from "../../supervisor/monitor.ts";
import { Supervisor } from "../../supervisor/supervisor.ts";
import type { Task } from "../../supervisor/task.ts";
import { AT } from "../../supervisor/testing/process.ts";
import { Life } from "../../supervisor/testing/task.ts";
import { Client } from "../../ttrpc/mod.ts";
import { TestServer } from "../../ttrpc/testing/sockets.ts";
import { taskServices } from "../service.ts";

/** A supervisor of the one task "web". */
class TestSupervisor extends Supervisor {
  readonly requests: CreateRequest[] = [];

  constructor(readonly life: Life, tasks: string) {
    super({
      address: "unix:///task.sock",
      hasMember: () => true,
      workshop: { tasks } as Workshop,
      observer: life.recorder,
      released: () => {},
    });
  }

  override find(id: string): Task | undefined {
    return id === "web" ? this.life.task : super.find(id);
  }

  override create(request: CreateRequest): Promise<Task> {
    this.requests.push(request);
    if (request.id === "web") return Promise.resolve(this.life.task);
    return Promise.reject(new ShimError("AlreadyExists", `create task ${request.id}: it exists`));
  }

  override async delete(task: Task): Promise<Exit> {
    return await task.init.beginDelete();
  }
}

export class Shim implements AsyncDisposable {
  readonly supervisor: TestSupervisor;
  shutDowns = 0;
  /** The folder of the containers' states. */
  readonly tasks = Deno.makeTempDirSync({ prefix: "denowasi-tasks-" });
  readonly #server: TestServer;
  #client: Client | undefined;

  private constructor(readonly life: Life) {
    this.supervisor = new TestSupervisor(life, this.tasks);
    this.#server = new TestServer(taskServices(this.supervisor, () => this.shutDowns++));
  }

  /** One whose task was created: its init's pid is 7. */
  static async start(paths: Parameters<typeof Life.create>[0] = {}): Promise<Shim> {
    const shim = new Shim(await Life.create(paths));
    shim.#client = await Client.connect(shim.#server.path);
    return shim;
  }

  /** One whose task runs. */
  static async running(): Promise<Shim> {
    const shim = await Shim.start();
    await shim.life.start();
    return shim;
  }

  /** Calls a method, of version 2 unless told otherwise. */
  async call<Q extends object, R extends object>(
    pick: (methods: typeof taskV2.Task.methods) => MethodType<Q, R>,
    message: Init<Q>,
    service: string = taskV2.Task.name,
  ): Promise<R> {
    const { methods } = taskV2.Task;
    const method = pick(methods);
    const names = Object.keys(methods) as (keyof typeof methods)[];
    const name = names.find((name) => Object.is(methods[name], method))!;
    return method.response.decode(
      await this.#client!.call(service, name, method.request.encode(message)),
    );
  }

  /** Init ends. */
  async exit(code: number): Promise<void> {
    await this.life.init.says(`exit ${code} ${AT}`);
    await this.life.task.init.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.close();
    await this.#client?.ended;
    await this.#server[Symbol.asyncDispose]();
    this.life[Symbol.dispose]();
    Deno.removeSync(this.tasks, { recursive: true });
  }
}
