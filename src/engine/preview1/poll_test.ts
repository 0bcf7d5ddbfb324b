import assert from "node:assert/strict";
import { AT, E, OFLAGS, TestGuest } from "./testing/guest.ts";
import { pipe } from "./testing/pipe.ts";

const POLL = 1n << 27n, READ = 1n << 1n, WRITE = 1n << 6n;
const [REALTIME, MONOTONIC] = [0, 1];
const MS = 1_000_000n;

type Subscription =
  | { clock: number; timeoutNs: bigint; flags?: number }
  | { read: number }
  | { write: number };

/** Events are named by their userdata: which of `subscriptions` it was. */
function poll(guest: TestGuest, ...subscriptions: Subscription[]) {
  const { view } = guest;
  guest.bytes.fill(0, AT.first, AT.first + 48 * subscriptions.length);
  subscriptions.forEach((subscription, index) => {
    const at = AT.first + 48 * index;
    view.setBigUint64(at, 0xdead_0000_0000_0000n + BigInt(index), true);
    if ("clock" in subscription) {
      view.setUint32(at + 16, subscription.clock, true);
      view.setBigUint64(at + 24, subscription.timeoutNs, true);
      view.setUint16(at + 40, subscription.flags ?? 0, true);
    } else {
      const reads = "read" in subscription;
      view.setUint8(at + 8, reads ? 1 : 2);
      view.setUint32(at + 16, reads ? subscription.read : subscription.write, true);
    }
  });
  const count = guest.get("poll_oneoff", AT.first, AT.second, subscriptions.length);
  return Array.from({ length: count }, (_, index) => {
    const at = AT.second + 32 * index;
    return {
      index: Number(view.getBigUint64(at, true) - 0xdead_0000_0000_0000n),
      error: view.getUint16(at + 8, true),
      type: view.getUint8(at + 10),
      bytes: Number(view.getBigUint64(at + 16, true)),
      flags: view.getUint16(at + 24, true),
    };
  });
}

function nowNs(guest: TestGuest, clock: number): bigint {
  assert.equal(guest.call("clock_time_get", clock, 0n, AT.stat), E.SUCCESS);
  return guest.view.getBigUint64(AT.stat, true);
}

const event = (index: number, type: number, more = {}) => ({
  ...{ index, type, error: 0, bytes: 0, flags: 0 },
  ...more,
});

Deno.test.each([
  ["relative, monotonic", MONOTONIC, 0],
  ["relative, real time", REALTIME, 0],
  ["absolute, monotonic", MONOTONIC, 1],
  ["absolute, real time", REALTIME, 1],
])("poll_oneoff() waits for a clock: %s", (_, clock, flags) => {
  using guest = new TestGuest();
  const startNs = nowNs(guest, MONOTONIC);
  const timeoutNs = 20n * MS + (flags ? nowNs(guest, clock) : 0n);
  assert.deepEqual(poll(guest, { clock, timeoutNs, flags }), [event(0, 0)]);
  const tookNs = nowNs(guest, MONOTONIC) - startNs;
  assert.ok(tookNs >= 19n * MS && tookNs < 5000n * MS, `${tookNs}`);
});

Deno.test("poll_oneoff() answers at once for what has passed", () => {
  using guest = new TestGuest();
  const events = poll(
    guest,
    { clock: MONOTONIC, timeoutNs: (1n << 64n) - 1n },
    { clock: REALTIME, timeoutNs: 1n, flags: 1 },
    { clock: MONOTONIC, timeoutNs: 0n },
  );
  assert.deepEqual(events, [event(1, 0), event(2, 0)]);
});

Deno.test("poll_oneoff() says which pipes are ready", () => {
  const [reader, writer] = pipe();
  using guest = new TestGuest({ streams: [reader, writer, 2] });
  assert.deepEqual(poll(guest, { read: 0 }, { clock: MONOTONIC, timeoutNs: 5n * MS }), [
    event(1, 0),
  ]);
  assert.deepEqual(poll(guest, { read: 0 }, { write: 1 }), [event(1, 2, { bytes: 1 })]);
  guest.write(1, "abc");
  assert.deepEqual(
    poll(guest, { clock: MONOTONIC, timeoutNs: 5000n * MS }, { read: 0 }, { write: 1 }),
    [event(1, 1, { bytes: 3 }), event(2, 2, { bytes: 1 })],
  );
  assert.equal(guest.call("fd_close", 1), E.SUCCESS);
  assert.deepEqual(poll(guest, { read: 0 }), [event(0, 1, { bytes: 3, flags: 1 })]);
  guest.read(0);
  assert.deepEqual(poll(guest, { read: 0 }), [event(0, 1, { flags: 1 })]);
});

Deno.test("poll_oneoff() says that nobody reads a pipe any more", () => {
  const [reader, writer] = pipe();
  using guest = new TestGuest({ streams: [reader, writer, 2] });
  assert.equal(guest.call("fd_close", 0), E.SUCCESS);
  assert.deepEqual(poll(guest, { write: 1 }), [event(0, 2, { flags: 1 })]);
  const vectors = guest.vectors(guest.text("x", AT.data));
  assert.equal(guest.call("fd_write", 1, ...vectors, AT.result), E.PIPE);
});

Deno.test("poll_oneoff() has a full pipe wait", () => {
  const [reader, writer] = pipe();
  using guest = new TestGuest({ streams: [reader, writer, 2] });
  assert.equal(guest.call("fd_fdstat_set_flags", 1, 4), E.SUCCESS);
  const vectors = guest.vectors([AT.data, 4096]);
  while (guest.call("fd_write", 1, ...vectors, AT.result) === E.SUCCESS);
  assert.equal(guest.call("fd_write", 1, ...vectors, AT.result), E.AGAIN);
  const wait = { clock: MONOTONIC, timeoutNs: 5n * MS };
  assert.deepEqual(poll(guest, { write: 1 }, wait), [event(1, 0)]);
});

Deno.test("poll_oneoff() counts what is left of a file", () => {
  using guest = new TestGuest();
  guest.file("file", "abcdef");
  const fd = guest.open("file", { base: READ | WRITE | POLL });
  guest.read(fd, 2);
  assert.deepEqual(poll(guest, { read: fd }, { write: fd }), [
    event(0, 1, { bytes: 4 }),
    event(1, 2, { bytes: 1 }),
  ]);
});

Deno.test("poll_oneoff() answers errors of single subscriptions as events", () => {
  using guest = new TestGuest();
  guest.file("file");
  const [bare, reading] = [
    guest.open("file", { base: READ | WRITE }),
    guest.open("file", { base: READ | POLL }),
  ];
  const events = poll(
    guest,
    ...[{ read: 99 }, { read: bare }, { write: reading }, { read: 3 }, { read: reading }],
    ...[9, 2, 3].map((clock) => ({ clock, timeoutNs: 0n })),
    { clock: MONOTONIC, timeoutNs: 0n, flags: 2 },
  );
  assert.deepEqual(events.map(({ index, error }) => [index, error]), [
    ...[[0, E.BADF], [1, E.NOTCAPABLE], [2, E.NOTCAPABLE], [3, E.NOTCAPABLE], [4, 0]],
    ...[[5, E.INVAL], [6, E.NOTSUP], [7, E.NOTSUP], [8, E.INVAL]],
  ]);
});

Deno.test("poll_oneoff() needs a subscription, and room for events", () => {
  using guest = new TestGuest();
  const call = (...parameters: number[]) => guest.call("poll_oneoff", ...parameters);
  assert.equal(call(AT.first, AT.second, 0, AT.result), E.INVAL);
  assert.equal(call(65536 - 47, AT.second, 1, AT.result), E.FAULT);
  assert.equal(call(AT.first, 65536 - 31, 1, AT.result), E.FAULT);
  assert.equal(call(AT.first, AT.second, 1, -1), E.FAULT);
  assert.equal(call(0, 0, -1, AT.result), E.FAULT);
  guest.view.setUint8(AT.first + 8, 3);
  assert.equal(call(AT.first, AT.second, 1, AT.result), E.INVAL);
});

Deno.test("poll_oneoff() may write events over the subscriptions", () => {
  using guest = new TestGuest();
  guest.file("file", "abc");
  const fd = guest.open("file", { oflags: OFLAGS.CREAT, base: READ | POLL });
  for (let index = 0; index < 3; index++) {
    const at = AT.first + 48 * index;
    guest.view.setUint32(at, 100 + index, true);
    guest.view.setUint8(at + 8, 1);
    guest.view.setUint32(at + 16, fd, true);
  }
  assert.equal(guest.get("poll_oneoff", AT.first, AT.first, 3), 3);
  const userdata = [0, 1, 2].map((index) => guest.view.getUint32(AT.first + 32 * index, true));
  assert.deepEqual(userdata, [100, 101, 102]);
});

Deno.test.each([[0], [1], [2], [3]])(
  "clock_time_get() goes on, and has a resolution: %i",
  (clock) => {
    using guest = new TestGuest();
    const before = nowNs(guest, clock);
    let after = before;
    while (after === before) after = nowNs(guest, clock);
    assert.ok(after > before);
    if (clock === REALTIME) assert.ok(Math.abs(Number(after) / 1e6 - Date.now()) < 1000);
    assert.equal(guest.call("clock_res_get", clock, AT.stat), E.SUCCESS);
    const resolution = guest.view.getBigUint64(AT.stat, true);
    assert.ok(resolution > 0n && resolution <= 10n * MS);
  },
);

Deno.test("clocks that are not known are INVAL", () => {
  using guest = new TestGuest();
  for (const clock of [4, -1, 0x7fff_ffff]) {
    assert.equal(guest.call("clock_time_get", clock, 0n, AT.stat), E.INVAL);
    assert.equal(guest.call("clock_res_get", clock, AT.stat), E.INVAL);
  }
});
