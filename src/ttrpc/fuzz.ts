/**
 * Throws damaged frames at a server: whatever comes, it must answer its other connections.
 *
 *     deno run -A src/ttrpc/fuzz.ts [ROUNDS] [SEED]
 */

import { ttrpc } from "../proto/mod.ts";
import { Client } from "./client.ts";
import { encodeFrame, type Frame, FrameDecoder, MESSAGE_TYPE } from "./frame.ts";
import { random } from "../proto/testing/random.ts";
import { RawConnection, TestServer } from "./testing/sockets.ts";

const NAME = "fuzz.Echo";

export interface FuzzOptions {
  rounds: number;
  seed: number;
  /** Stop early after this many milliseconds. */
  maxMs?: number;
}

/** Answers how many frames the server answered. Throws when an answer is wrong or missing. */
export async function fuzz({ rounds, seed, maxMs = Infinity }: FuzzOptions): Promise<number> {
  const next = random(seed);
  const end = performance.now() + maxMs;
  await using served = new TestServer([{ name: NAME, methods: { Echo: (payload) => payload } }]);
  const client = await Client.connect(served.path);
  let answers = 0;
  for (let round = 0; round < rounds && performance.now() < end; round++) {
    answers += await damagedConnection(served.path, next);
    const payload = Uint8Array.of(round, round >> 8);
    const echo = await client.call(NAME, "Echo", payload, { timeoutMs: 5000 });
    if (echo.toHex() !== payload.toHex()) throw new Error(`echo: ${echo.toHex()}`);
  }
  client.close();
  return answers;
}

/** Sends some damaged frames, ends the sending side, and counts the answers until the server ends. */
async function damagedConnection(path: string, next: () => number): Promise<number> {
  using raw = await RawConnection.connect(path);
  const writing = (async () => {
    try {
      for (let frames = next() * 8; frames > 0; frames--) await raw.write(damagedFrame(next));
      await raw.conn.closeWrite();
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  })();
  let answers = 0;
  for (let frame; (frame = await readOrEnd(raw)) !== undefined; answers++) {
    if (frame.type !== MESSAGE_TYPE.response) throw new Error(`answer: type ${frame.type}`);
    ttrpc.Response.decode(frame.payload);
  }
  await writing;
  return answers;
}

async function readOrEnd(raw: RawConnection): Promise<Frame | undefined> {
  try {
    return await raw.read();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return undefined;
    throw error;
  }
}

function damagedFrame(next: () => number): Uint8Array {
  const int = (below: number) => Math.floor(next() * below);
  const request = ttrpc.Request.encode({
    service: NAME,
    method: next() < 0.9 ? "Echo" : "Nope",
    payload: Uint8Array.from({ length: int(100) }, () => int(256)),
    timeoutNano: next() < 0.5 ? 0n : BigInt(int(1e9)) - 1000n,
  });
  const frame = encodeFrame(int(50), 1 + int(4), request);
  const from = next() < 0.2 ? 0 : 4; // now and then the length too
  for (let flips = int(4); flips > 0; flips--) {
    frame[from + int(frame.length - from)] ^= 1 << int(8);
  }
  return next() < 0.1 ? frame.subarray(0, int(frame.length)) : frame;
}

/** Feeds random bytes to a decoder in random chunks. Throws when it fails other than by refusing. */
export function fuzzDecoder({ rounds, seed }: FuzzOptions): void {
  const next = random(seed);
  for (let round = 0; round < rounds; round++) {
    const decoder = new FrameDecoder();
    try {
      for (let chunks = next() * 20; chunks > 0; chunks--) {
        const chunk = Uint8Array.from(
          { length: next() * 40 },
          () => next() < 0.7 ? 0 : next() * 256,
        );
        for (const frame of decoder.push(chunk)) ttrpc.Request.decode(frame.payload);
      }
    } catch (error) {
      if ((error as { kind?: string }).kind !== "InvalidArgument") throw error;
    }
  }
}

if (import.meta.main) {
  const [rounds = 10_000, seed = Date.now() % 1e6] = Deno.args.map(Number);
  console.log(`rounds ${rounds}, seed ${seed}`);
  fuzzDecoder({ rounds, seed });
  console.log(`answers ${await fuzz({ rounds, seed })}`);
}
