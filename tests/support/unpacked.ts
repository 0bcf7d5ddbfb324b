/** The host's folder that is /var/lib/denowasi of every private daemon: what is unpacked is 95 MB. */
export const UNPACKED = new URL("../../build/var-lib-denowasi", import.meta.url).pathname;

const HOUR_MS = 3600 * 1000;

/** Makes the folder, and removes what builds of more than an hour ago have unpacked, but the newest. */
export async function prepareUnpacked(): Promise<void> {
  await Deno.mkdir(UNPACKED, { recursive: true });
  await Deno.chmod(UNPACKED, 0o700);
  const archives: { path: string; madeMs: number }[] = [];
  for await (const { name } of Deno.readDir(UNPACKED)) {
    const path = `${UNPACKED}/${name}`;
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const stat = await Deno.stat(path).catch(ignoreNotFound);
    if (stat) archives.push({ path, madeMs: stat.mtime!.getTime() });
  }
  archives.sort((a, b) => b.madeMs - a.madeMs);
  for (const { path, madeMs } of archives.slice(1)) {
    if (madeMs > Date.now() - HOUR_MS) continue;
    await Deno.remove(path, { recursive: true }).catch(ignoreNotFound);
  }
}

/** Another test may remove the same folder. */
function ignoreNotFound(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
