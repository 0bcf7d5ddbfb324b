import assert from "node:assert/strict";
import { Handles } from "../linker/memory.ts";
import { Pool } from "./pool.ts";

function newPool(options: Partial<{ reuse: boolean; ready: number; most: number }>) {
  let made = 0;
  const make = () => ({ number: ++made, handles: new Handles(), call: () => Promise.resolve() });
  const pool = new Pool({ make, reuse: false, ready: 0, most: 2, ...options });
  return { pool, made: () => made };
}

Deno.test("Pool gives every request an instance of its own", () => {
  const { pool, made } = newPool({ most: 1 });
  for (let round = 1; round <= 3; round++) {
    const instance = pool.takeNow()!;
    assert.equal(made(), round);
    pool.give(instance, true);
  }
  pool.close();
});

Deno.test("Pool gives a sound instance again when it may, and never two requests the same", () => {
  const { pool, made } = newPool({ reuse: true });
  const [a, b] = [pool.takeNow()!, pool.takeNow()!];
  assert.notEqual(a, b);
  pool.give(a, true);
  assert.equal(pool.takeNow(), a);
  pool.give(a, false); // it has trapped
  assert.notEqual(pool.takeNow(), a);
  assert.equal(made(), 3);
  pool.close();
});

Deno.test("Pool lets requests wait when as many are busy as may be", async () => {
  const { pool, made } = newPool({ most: 2 });
  const taken = [pool.takeNow()!, pool.takeNow()!];
  assert.equal(pool.takeNow(), undefined);
  const waiting = pool.take();
  pool.give(taken[0], true);
  await waiting;
  assert.equal(made(), 3);
  assert.equal(pool.takeNow(), undefined);
  pool.close();
});

Deno.test("Pool makes instances ahead, as many as are to be ready", async () => {
  const { pool, made } = newPool({ ready: 3 });
  pool.fill();
  assert.equal(made(), 0, "not before the event loop has nothing else");
  for (let round = 0; round < 10; round++) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.equal(made(), 3);
  pool.close();
});

Deno.test("Pool disposes what an instance still holds, and drops one that leaks", () => {
  const { pool } = newPool({ reuse: true });
  const instance = pool.takeNow()!;
  let disposed = 0;
  for (let count = 0; count < 1000; count++) {
    instance.handles.add({ [Symbol.dispose]: () => disposed++ });
  }
  pool.give(instance, true);
  assert.equal(disposed, 1000);
  assert.notEqual(pool.takeNow(), instance);
  pool.close();
});

Deno.test("Pool tells a request why there is no instance for it, and goes on", async () => {
  let broken = true;
  const linked = { handles: new Handles(), call: () => Promise.resolve() };
  const make = () => {
    if (broken) throw new RangeError("no memory");
    return { ...linked };
  };
  const pool = new Pool({ make, reuse: false, ready: 1, most: 1 });
  pool.fill();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.throws(() => pool.takeNow(), { message: "no memory" });
  broken = false;
  const instance = pool.takeNow()!;
  const waiting = [pool.take(), pool.take()];
  broken = true;
  pool.give(instance, true);
  for (const each of waiting) await assert.rejects(each, { message: "no memory" });
  broken = false;
  assert.ok(pool.takeNow());
  pool.close();
});
