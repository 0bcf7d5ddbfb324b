/**
 * What the shim asks of containerd's stores: the image of a container, and blobs. Not in mod.ts: only who needs an image
 * loads it.
 */

import { ShimError } from "../errdefs/mod.ts";
import { Containers } from "../proto/containers.ts";
import { Content } from "../proto/content.ts";
import { type Descriptor, Images } from "../proto/images.ts";
import { GrpcClient } from "./grpc.ts";

/** A blob may be of any size: as long as it comes, it is waited for. */
const READ_MS = 120_000;

/** An image: its name and the manifest or index that it is. */
export interface ImageTarget extends Descriptor {
  name: string;
}

/** One namespace of a containerd. Failures are ShimErrors; to be disposed of. */
export class Store implements Disposable {
  readonly client: GrpcClient;

  /**
   * @param address path of containerd's socket, or its URL
   * @param signal ends every call
   */
  constructor(address: string, namespace: string, signal: AbortSignal) {
    this.client = new GrpcClient(address.replace(/^unix:\/\//, ""), namespace, signal);
  }

  /** The name of the image that the container `id` was made of; empty: of none. @throws ShimError NotFound */
  async imageName(id: string): Promise<string> {
    const { container } = await this.client.call(Containers, "Get", { id });
    return container?.image ?? "";
  }

  /** @throws ShimError NotFound */
  async image(name: string): Promise<ImageTarget> {
    const { image } = await this.client.call(Images, "Get", { name });
    if (!image?.target) throw new ShimError("NotFound", `image ${name}: it has no target`);
    return { name, ...image.target };
  }

  /** The bytes of a blob, in pieces. That they are all, and those of `digest`, is for the caller to check. */
  async *read(digest: string): AsyncGenerator<Uint8Array> {
    const messages = this.client.stream(Content, "Read", [{ digest }], { timeoutMs: READ_MS });
    for await (const { data } of messages) yield data;
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
  }
}
