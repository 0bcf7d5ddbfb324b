/**
 * What an engine has made of a module at some cost, as a file beside it: a layer's, in the folder of its task's state. The
 * zygote takes it from there or leaves it there; the supervisor brings it from containerd's content store, and keeps it
 * there.
 */

/** The file's name. */
export const PRODUCT_FILE = "product";

/** What is made, and its form in a file. */
export interface Craft<T> {
  make(): T | Promise<T>;
  pack(product: T): Uint8Array;
  /** @throws anything: it is not whole */
  unpack(bytes: Uint8Array<ArrayBuffer>): T;
}

/** The product in `folder`, or else a new one, which is left there. @throws what `make` throws */
export async function productIn<T>(folder: string, craft: Craft<T>): Promise<T> {
  const path = `${folder}/${PRODUCT_FILE}`;
  try {
    return craft.unpack(Deno.readFileSync(path));
  } catch {
    // There is none, or it is not whole: it can be made.
  }
  const product = await craft.make();
  try {
    Deno.writeFileSync(`${path}.new`, craft.pack(product), { mode: 0o600 });
    Deno.renameSync(`${path}.new`, path);
  } catch {
    // Not kept. The folder may be full, or gone.
  }
  return product;
}
