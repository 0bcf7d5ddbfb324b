import { Client, credentials } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition, type ServiceDefinition } from "@grpc/proto-loader";
import type { Methods } from "./cri_types.ts";

const CALL_MS = 20_000;

const PACKAGE = loadSync(`${import.meta.dirname}/cri.proto`, {
  longs: Number,
  enums: String,
  defaults: true,
  arrays: true,
});
const RUNTIME = service(PACKAGE, "runtime.v1.RuntimeService");
const IMAGES = service(PACKAGE, "runtime.v1.ImageService");

/** The CRI of a containerd, over gRPC. Every call has a deadline. Failures are Errors of gRPC. */
export class CriClient implements Disposable {
  readonly #client: Client;

  /** @param path of the socket, on the host; at most 107 bytes (unix(7)) */
  constructor(path: string) {
    this.#client = new Client(`unix://${path}`, credentials.createInsecure(), {
      // Not a channel shared with a daemon that had the same pid.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.initial_reconnect_backoff_ms": 50,
      "grpc.max_reconnect_backoff_ms": 200,
    });
  }

  /** @throws Error with the method and what containerd says */
  call<M extends keyof Methods>(
    method: M,
    request: Methods[M][0],
    timeoutMs = CALL_MS,
  ): Promise<Methods[M][1]> {
    return this.#call(RUNTIME, method, request, timeoutMs);
  }

  /** Whether the CRI plugin knows the image: it learns of imported ones from events. */
  async hasImage(image: string): Promise<boolean> {
    type Response = { image: { id: string } | null };
    const request = { image: { image } };
    return (await this.#call<Response>(IMAGES, "ImageStatus", request, CALL_MS)).image !== null;
  }

  /** Pulls an image from a registry. */
  async pullImage(image: string): Promise<void> {
    await this.#call(IMAGES, "PullImage", { image: { image } }, CALL_MS);
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  #call<Response>(
    definition: ServiceDefinition,
    method: string,
    request: object,
    timeoutMs: number,
  ): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = definition[method];
    const options = { deadline: Date.now() + timeoutMs };
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      options,
      (error, response) => {
        if (error) reject(new Error(`${method}: ${error.message}`));
        else resolve(response as Response);
      },
    );
    return promise;
  }
}

function service(definition: PackageDefinition, name: string): ServiceDefinition {
  return definition[name] as ServiceDefinition;
}
