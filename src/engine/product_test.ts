import assert from "node:assert/strict";
import { type Craft, PRODUCT_FILE, productIn } from "./product.ts";

/** Makes numbers, each greater than the last. */
class Counter implements Craft<number> {
  #count = 0;
  make = () => ++this.#count;
  pack = (product: number) => new TextEncoder().encode(`is ${product}`);
  unpack = (bytes: Uint8Array) => {
    const found = /^is (\d+)$/.exec(new TextDecoder().decode(bytes));
    if (!found) throw new Error("not whole");
    return Number(found[1]);
  };
}

Deno.test("productIn() makes it once, and takes it from the file then", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "denowasi-product-" });
  const counter = new Counter();
  assert.deepEqual([await productIn(folder, counter), await productIn(folder, counter)], [1, 1]);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), [PRODUCT_FILE]);
  assert.equal(Deno.statSync(`${folder}/${PRODUCT_FILE}`).mode! & 0o777, 0o600);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("productIn() makes anew what is not whole", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "denowasi-product-" });
  const counter = new Counter();
  Deno.writeTextFileSync(`${folder}/${PRODUCT_FILE}`, "is ");
  assert.equal(await productIn(folder, counter), 1);
  assert.equal(Deno.readTextFileSync(`${folder}/${PRODUCT_FILE}`), "is 1");
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("productIn() answers what it cannot keep", async () => {
  assert.equal(await productIn("/none", new Counter()), 1);
});

Deno.test("productIn() rejects as making it does, and leaves nothing", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "denowasi-product-" });
  const make = () => Promise.reject(new Error("invalid"));
  const failing = Object.assign(new Counter(), { make });
  await assert.rejects(productIn(folder, failing), /invalid/);
  assert.deepEqual([...Deno.readDirSync(folder)], []);
  Deno.removeSync(folder, { recursive: true });
});
