/**
 * What the shim asks of containerd's stores: the image of a container, and blobs. Not in mod.ts: only who needs an image
 * loads it.
 */

import { ShimError } from "../errdefs/mod.ts";
import { Containers } from "../proto/containers.ts";
import { Content, WriteAction } from "../proto/content.ts";
import { type Descriptor, Images } from "../proto/images.ts";
import { Leases } from "../proto/leases.ts";
import { GrpcClient } from "./grpc.ts";

/** A blob may be of any size: as long as it comes, it is waited for. */
const READ_MS = 120_000;

/** Far below the 16 MiB that a message may have. */
const WRITE_BYTES = 1 << 20;

/** A lease that nobody has ended, ends by itself. */
const LEASE_MS = 60 * 60 * 1000;

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

  /** The labels of a blob. @throws ShimError NotFound */
  async labels(digest: string): Promise<Map<string, string>> {
    const { info } = await this.client.call(Content, "Info", { digest });
    return info?.labels ?? new Map();
  }

  async has(digest: string): Promise<boolean> {
    try {
      await this.labels(digest);
      return true;
    } catch (error) {
      if (ShimError.from(error).kind === "NotFound") return false;
      throw error;
    }
  }

  /** Set labels of a blob, or remove those that are empty; the others stay. @throws ShimError NotFound */
  async setLabels(digest: string, labels: ReadonlyMap<string, string>): Promise<void> {
    const paths = [...labels.keys()].map((name) => `labels.${name}`);
    await this.client.call(Content, "Update", { info: { digest, labels }, updateMask: { paths } });
  }

  /**
   * Keep a blob: until the lease ends, or as long as a blob that is kept has a label that refers to it.
   * @throws ShimError: containerd's own
   */
  async write(data: Uint8Array<ArrayBuffer>, digest: string, lease: string): Promise<void> {
    const options = { timeoutMs: READ_MS, lease };
    try {
      for await (
        const { action } of this.client.stream(Content, "Write", writes(data, digest), options)
      ) {
        if (action === WriteAction.COMMIT) return;
      }
    } catch (error) {
      const { kind } = ShimError.from(error);
      // That it exists may come while it is being sent: all that is seen then is the end of the stream.
      if (kind === "AlreadyExists" || (kind === "Unavailable" && await this.has(digest))) return;
      throw error;
    }
    // A failure after the first answer is in a trailer. Another one may have written the same meanwhile.
    await this.labels(digest);
  }

  /** Remove a blob, and its bytes: a blob of the same digest can be written anew. No failure when it is gone. */
  async remove(digest: string): Promise<void> {
    const { id } = await this.lease();
    try {
      await this.client.call(Content, "Delete", { digest });
    } catch (error) {
      if (ShimError.from(error).kind !== "NotFound") throw error;
    } finally {
      await this.client.call(Leases, "Delete", { id, sync: true }, { always: true });
    }
  }

  /** Make a lease, to be disposed of: it ends. */
  async lease(): Promise<{ id: string } & AsyncDisposable> {
    const id = `denowasi-${crypto.randomUUID()}`;
    const expire = new Date(Date.now() + LEASE_MS).toISOString();
    await this.client.call(Leases, "Create", {
      id,
      labels: new Map([["containerd.io/gc.expire", expire]]),
    });
    const end = async () => void await this.client.call(Leases, "Delete", { id }, { always: true });
    return { id, [Symbol.asyncDispose]: end };
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
  }
}

/** What writes `data`: its first message opens the blob, the last commits it. */
function* writes(data: Uint8Array<ArrayBuffer>, expected: string) {
  const common = { ref: `denowasi-${crypto.randomUUID()}`, total: BigInt(data.length), expected };
  for (let at = 0; at < data.length; at += WRITE_BYTES) {
    const piece = data.subarray(at, at + WRITE_BYTES);
    yield { action: WriteAction.WRITE, ...common, offset: BigInt(at), data: piece };
  }
  yield { action: WriteAction.COMMIT, ...common, offset: BigInt(data.length) };
}
