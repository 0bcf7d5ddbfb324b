import assert from "node:assert/strict";
import { ShimError } from "../errdefs/mod.ts";
import { Monitor, RuntimeRefusal } from "./monitor.ts";
import { Monitors, processKey, untilReady } from "./monitors.ts";
import { Pair, stateOf } from "./testing/pair.ts";
import { hastenTimers } from "./testing/timers.ts";

const never = () => new AbortController().signal;

const LATE = { kind: "DeadlineExceeded", message: "set up web: no answer of its monitor" };

/** That who has connected was sent away. */
async function assertSentAway({ far }: Pair): Promise<void> {
  assert.equal(await far.read(), "kill 9");
  assert.equal(await far.read(), null);
}

Deno.test("processKey() is the container's, or with an exec both", () => {
  assert.equal(processKey("web"), "web");
  assert.equal(processKey("web", "sh"), "web/sh");
});

Deno.test("Monitors.expect() gets the monitor of its key", async () => {
  const monitors = new Monitors();
  using web = monitors.expect("web", never());
  using exec = monitors.expect("web/sh", never());
  using first = await Pair.connect();
  using second = await Pair.connect();
  monitors.connected(first.near, "web/sh");
  assert.equal(await stateOf(web.monitor), "pending");
  monitors.connected(second.near, "web");
  await first.far.write("ready 101\n");
  await second.far.write("ready 7\n");
  assert.equal(await (await exec.monitor).ready, 101);
  assert.equal(await (await web.monitor).ready, 7);
});

Deno.test("Monitors.connected() sends away whom nobody waits for", async () => {
  const monitors = new Monitors();
  using pair = await Pair.connect();
  monitors.connected(pair.near, "web");
  await assertSentAway(pair);
});

Deno.test("Monitors.connected() of one that has gone again is no failure", async () => {
  using pair = await Pair.connect();
  pair.far[Symbol.dispose]();
  new Monitors().connected(pair.near, "web");
  assert.equal(await stateOf(pair.near.read()), "settled");
});

Deno.test("Monitors.connected() takes one monitor of a key, and sends the next away", async () => {
  const monitors = new Monitors();
  using expected = monitors.expect("web", never());
  using first = await Pair.connect();
  using second = await Pair.connect();
  monitors.connected(first.near, "web");
  monitors.connected(second.near, "web");
  await assertSentAway(second);
  await first.far.write("ready 7\n");
  assert.equal(await (await expected.monitor).ready, 7);
});

Deno.test("Monitors.expect() gives up when its caller does", async () => {
  const monitors = new Monitors();
  const caller = new AbortController();
  using expected = monitors.expect("web", caller.signal);
  assert.equal(await stateOf(expected.monitor), "pending");
  caller.abort();
  await assert.rejects(expected.monitor, LATE);
});

Deno.test("Monitors.expect() for a caller that has given up does not wait", async () => {
  using expected = new Monitors().expect("web", AbortSignal.abort());
  await assert.rejects(expected.monitor, LATE);
});

Deno.test("Monitors.expect() gives up when too much time has passed", async () => {
  using timers = hastenTimers();
  using expected = new Monitors().expect("web", never());
  await assert.rejects(expected.monitor, LATE);
  assert.deepEqual(timers.delaysMs, [30_000]);
});

Deno.test("Monitors.connected() sends away whose caller has given up, though it was not disposed yet", async () => {
  const monitors = new Monitors();
  const caller = new AbortController();
  using _ = monitors.expect("web", caller.signal);
  caller.abort();
  using pair = await Pair.connect();
  monitors.connected(pair.near, "web");
  await assertSentAway(pair);
});

Deno.test("Expected.fail() says why none will come, and one that comes is sent away", async () => {
  const monitors = new Monitors();
  using expected = monitors.expect("web", never());
  expected.fail(new ShimError("Internal", "it ended with 3"));
  await assert.rejects(expected.monitor, { kind: "Internal", message: "it ended with 3" });
  using pair = await Pair.connect();
  monitors.connected(pair.near, "web");
  await assertSentAway(pair);
});

Deno.test("Expected.fail() and abort after the monitor has come change nothing", async () => {
  const monitors = new Monitors();
  const caller = new AbortController();
  using expected = monitors.expect("web", caller.signal);
  using pair = await Pair.connect();
  monitors.connected(pair.near, "web");
  const monitor = await expected.monitor;
  expected.fail(new ShimError("Internal", "it ended with 0"));
  caller.abort();
  await pair.far.write("ready 7\n");
  assert.equal(await monitor.ready, 7);
  assert.equal(await expected.monitor, monitor);
});

Deno.test("Expected that was disposed waits for nobody", async () => {
  const monitors = new Monitors();
  const caller = new AbortController();
  const expected = monitors.expect("web", caller.signal);
  expected[Symbol.dispose]();
  caller.abort();
  using pair = await Pair.connect();
  monitors.connected(pair.near, "web");
  await assertSentAway(pair);
  assert.equal(await stateOf(expected.monitor), "pending");
});

Deno.test("Monitors.expect() of a key that is expected already takes it over", async () => {
  const monitors = new Monitors();
  const first = monitors.expect("web", never());
  using second = monitors.expect("web", never());
  first[Symbol.dispose]();
  using pair = await Pair.connect();
  monitors.connected(pair.near, "web");
  await pair.far.write("ready 7\n");
  assert.equal(await (await second.monitor).ready, 7);
  assert.equal(await stateOf(first.monitor), "pending");
});

Deno.test("untilReady() answers the pid, or why there is none", async () => {
  using pair = await Pair.connect();
  await pair.far.write("ready 7\n");
  assert.equal(await untilReady(new Monitor(pair.near), "web", never()), 7);
  using other = await Pair.connect();
  await other.far.write("refused 1\n");
  await assert.rejects(untilReady(new Monitor(other.near), "web", never()), RuntimeRefusal);
});

Deno.test("untilReady() for a caller that gives up kills, and says the caller's reason", async () => {
  for (const before of [false, true]) {
    using pair = await Pair.connect();
    const caller = new AbortController();
    if (before) caller.abort(new Error("gone"));
    const ready = untilReady(new Monitor(pair.near), "web", caller.signal);
    if (!before) caller.abort(new Error("gone"));
    await assert.rejects(ready, /^Error: gone$/);
    assert.equal(await pair.far.read(), "kill 9");
  }
});

Deno.test("untilReady() kills what takes too long", async () => {
  using timers = hastenTimers();
  using pair = await Pair.connect();
  await assert.rejects(untilReady(new Monitor(pair.near), "web", never()), (error) => {
    const { kind, message } = error as ShimError;
    assert.equal(kind, "DeadlineExceeded");
    assert.equal(message, `set up web: not within ${timers.delaysMs[0]} ms`);
    return true;
  });
  assert.equal(await pair.far.read(), "kill 9");
});
