/** What a process has open. */

import { waitFor } from "../support/mod.ts";

/** Where its descriptors lead that are no standard streams. Those that come or go meanwhile may be missing. */
function opened(pid: number): string[] {
  const links: string[] = [];
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      if (Number(name) > 2) links.push(Deno.readLinkSync(`/proc/${pid}/fd/${name}`));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return links.sort();
}

/** Waits until a guest has nothing open but its standard streams and its preopened `folders`, which it needs. */
export async function holdsOnly(pid: number, folders: string[]): Promise<void> {
  const expected = JSON.stringify(folders.sort());
  await waitFor(
    `process ${pid} to have only ${expected} open`,
    () => JSON.stringify(opened(pid)) === expected,
  );
}
