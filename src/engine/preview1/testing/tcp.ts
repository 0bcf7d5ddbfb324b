/** TCP on the loopback by system calls, which do not need the event loop that a guest's call would block. */

import assert from "node:assert/strict";
import type { System } from "../../../linux/system.ts";

const AF_INET = 2, SOCK_STREAM = 1;

/** struct sockaddr_in of 127.0.0.1: ip(7). */
function loopback(port: number): Uint8Array<ArrayBuffer> {
  const address = new DataView(new ArrayBuffer(16));
  address.setUint16(0, AF_INET, true);
  address.setUint16(2, port);
  address.setUint32(4, 0x7f00_0001);
  return new Uint8Array(address.buffer);
}

/** A listener at a port that was free. */
export function listen(system: System): { host: number; port: number } {
  const host = system.socket(AF_INET, SOCK_STREAM, 0);
  assert.equal(system.bind(host, loopback(0), 16), 0);
  assert.equal(system.listen(host, 16), 0);
  const address = new Uint8Array(16);
  assert.equal(system.getsockname(host, address, 16), 16);
  return { host, port: new DataView(address.buffer).getUint16(2) };
}

export class Client implements Disposable {
  readonly #host: number;

  constructor(readonly system: System, port: number) {
    this.#host = system.socket(AF_INET, SOCK_STREAM, 0);
    assert.equal(system.connect(this.#host, loopback(port), 16), 0);
  }

  send(text: string): void {
    const bytes = new TextEncoder().encode(text);
    assert.equal(
      this.system.send(this.#host, bytes, 0, bytes.length, 0, null, 0),
      bytes.length,
    );
  }

  /** What is there of at most 100 bytes; waits when there is nothing. */
  receive(): string {
    const bytes = new Uint8Array(100);
    const count = this.system.receive(this.#host, bytes, 0, 100, 0, null);
    return new TextDecoder().decode(bytes.subarray(0, count));
  }

  [Symbol.dispose]() {
    this.system.close(this.#host);
  }
}
