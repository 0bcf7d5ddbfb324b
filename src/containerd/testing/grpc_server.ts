/** A containerd as far as stores go: gRPC on a unix socket, by Deno's own HTTP/2 server. */

import { CODES, type Kind } from "../../errdefs/mod.ts";
import { Containers } from "../../proto/containers.ts";
import { Content } from "../../proto/content.ts";
import { Images } from "../../proto/images.ts";
import type { MessageType } from "../../proto/mod.ts";
import { decodeMessages, encodeMessage } from "../grpc_frames.ts";

/** What is answered: the body, or a failure before it. */
export type Answer = BodyInit | { status: Kind; message: string };
export type Responder = (requests: Uint8Array[], headers: Headers) => Answer | Promise<Answer>;

/** Answers each method, by its path `SERVICE/METHOD`, as `methods` says. */
export class GrpcServer implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "denowasi-grpc-" });
  readonly path = `${this.#folder}/containerd.sock`;
  readonly methods = new Map<string, Responder>();
  readonly #ending = new AbortController();
  readonly #server = Deno.serve(
    { path: this.path, signal: this.#ending.signal, onListen() {} },
    (request) => this.#answer(request),
  );

  async #answer(request: Request): Promise<Response> {
    const headers = { "content-type": "application/grpc" };
    const method = new URL(request.url).pathname.slice(1);
    const requests = await Array.fromAsync(decodeMessages(request.body!, method));
    const answer = await this.methods.get(method)?.(requests, request.headers) ??
      { status: "Unimplemented" as const, message: `unknown method ${method}` };
    if (typeof answer !== "object" || !("status" in answer)) {
      return new Response(answer, { headers });
    }
    const { status, message } = answer;
    const failure = {
      "grpc-status": `${CODES[status]}`,
      "grpc-message": encodeURIComponent(message),
    };
    return new Response(null, { headers: { ...headers, ...failure } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#server.finished;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Containers, images and blobs for a Store to find. */
export class StoreServer extends GrpcServer {
  /** Images by the ids of the containers made of them. */
  readonly containers = new Map<string, string>();
  /** Digests of what images are, by name. */
  readonly images = new Map<string, { mediaType: string; digest: string; size: bigint }>();
  readonly blobs = new Map<string, Uint8Array>();
  /** Digests of the blobs that were read, in order. */
  readonly read: string[] = [];

  constructor() {
    super();
    const { Get: getContainer } = Containers.methods;
    this.methods.set(`${Containers.name}/Get`, ([bytes]) => {
      const { id } = getContainer.request.decode(bytes);
      const image = this.containers.get(id);
      if (image === undefined) return missing(`container "${id}"`);
      return reply(getContainer.response, { container: { id, image } });
    });
    const { Get: getImage } = Images.methods;
    this.methods.set(`${Images.name}/Get`, ([bytes]) => {
      const { name } = getImage.request.decode(bytes);
      const target = this.images.get(name);
      if (!target) return missing(`image "${name}"`);
      return reply(getImage.response, { image: { name, target } });
    });
    const { Read: read } = Content.methods;
    this.methods.set(`${Content.name}/Read`, ([bytes]) => {
      const { digest } = read.request.decode(bytes);
      this.read.push(digest);
      const data = this.blobs.get(digest);
      if (!data) return missing(`content ${digest}`);
      const half = data.length >> 1;
      const parts = [data.subarray(0, half), data.subarray(half)];
      return new Blob(parts.map((part) => encodeMessage(read.response.encode({ data: part }))));
    });
  }

  /** Keep a blob; answers its descriptor. */
  async put(mediaType: string, content: Uint8Array<ArrayBuffer> | object) {
    const data = content instanceof Uint8Array
      ? content
      : new TextEncoder().encode(JSON.stringify(content));
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();
    this.blobs.set(`sha256:${hash}`, data);
    return { mediaType, digest: `sha256:${hash}`, size: data.length };
  }
}

function reply<T extends object>(type: MessageType<T>, message: Parameters<typeof type.encode>[0]) {
  return encodeMessage(type.encode(message));
}

const missing = (what: string): Answer => ({ status: "NotFound", message: `${what}: not found` });
