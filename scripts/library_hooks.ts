/**
 * What the C library would load because a file says so: libraries of the file system it runs in. In a sandbox that is a guest's,
 * so the names of these files are replaced by some that cannot exist, of the same length, on a procfs.
 */

/** By library: the file, and what it becomes. ld.so(8), nsswitch.conf(5) */
const HOOKS: Record<string, [file: string, replacement: string]> = {
  "ld.so": ["/etc/ld.so.preload", "/proc/self/preload"],
  "libc.so.6": ["/etc/nsswitch.conf", "/proc/self/nss.cnf"],
};

/** `data` of the library `name`, which loads nothing of its own accord. @throws Error: it is not as expected */
export function withoutHooks(
  name: string,
  data: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  if (!Object.hasOwn(HOOKS, name)) return data;
  const [file, replacement] = HOOKS[name];
  const places = find(data, new TextEncoder().encode(`${file}\0`));
  if (places.length !== 1) {
    throw new Error(`${name}: names ${file} ${places.length} times, not once`);
  }
  const changed = data.slice();
  changed.set(new TextEncoder().encode(replacement), places[0]);
  return changed;
}

/** Where `text` is in `data`. */
function find(data: Uint8Array, text: Uint8Array): number[] {
  const places: number[] = [];
  for (let at = data.indexOf(text[0]); at >= 0; at = data.indexOf(text[0], at + 1)) {
    if (text.every((byte, index) => data[at + index] === byte)) places.push(at);
  }
  return places;
}
