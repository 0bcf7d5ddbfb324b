import assert from "node:assert/strict";
import { type ParsedTarEntryWithData, unpackTar } from "modern-tar";

const text = new TextDecoder();

/** A layout read back, every blob checked against its name. */
export class Unpacked {
  readonly files: ReadonlyMap<string, Uint8Array>;

  private constructor(readonly entries: readonly ParsedTarEntryWithData[]) {
    this.files = new Map(
      entries.map(({ header, data }) => [header.name, data ?? new Uint8Array()]),
    );
  }

  static async of(tar: Uint8Array<ArrayBuffer>): Promise<Unpacked> {
    const unpacked = new Unpacked(await unpackTar(tar, { strict: true }));
    assert.equal(unpacked.files.size, unpacked.entries.length, "a name comes twice");
    for (const [name, data] of unpacked.files) {
      if (!name.startsWith("blobs/")) continue;
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(data)));
      assert.equal(name, `blobs/sha256/${hash.toHex()}`);
    }
    return unpacked;
  }

  /** Of any shape: the tests assert it. */
  json(name: string): ReturnType<typeof JSON.parse> {
    return JSON.parse(text.decode(this.files.get(name)));
  }

  blob(digest: string): Uint8Array {
    const data = this.files.get(`blobs/${digest.replace(":", "/")}`);
    assert.ok(data, `no blob ${digest}`);
    return data;
  }

  blobJson(digest: string): ReturnType<typeof JSON.parse> {
    return JSON.parse(text.decode(this.blob(digest)));
  }

  /** The one manifest and its configuration. */
  manifest() {
    const [target] = this.json("index.json").manifests;
    const manifest = this.blobJson(target.digest);
    return { target, manifest, config: this.blobJson(manifest.config.digest) };
  }
}
