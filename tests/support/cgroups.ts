import { waitFor } from "./wait.ts";

const ROOT = "/sys/fs/cgroup";

/**
 * Every cgroup whose first component begins with `prefix`, in every hierarchy (v1, v2 or hybrid), as
 * paths below /sys/fs/cgroup, parents before children.
 */
export function listCgroups(prefix: string): string[] {
  const found: string[] = [];
  const roots = [ROOT, ...folders(ROOT).map((name) => `${ROOT}/${name}`)];
  for (const root of roots) {
    for (const name of folders(root)) {
      if (name.startsWith(prefix)) collect(`${root}/${name}`, found);
    }
  }
  return found.map((path) => path.slice(ROOT.length + 1)).sort();
}

/** Removes what `listCgroups` lists, when its processes have ended. */
export async function removeCgroups(prefix: string): Promise<void> {
  await waitFor(`the cgroups of ${prefix} to be empty`, () => {
    for (const path of listCgroups(prefix).reverse()) {
      try {
        Deno.removeSync(`${ROOT}/${path}`);
      } catch (error) {
        // EBUSY: a process in it is still ending.
        if (!(error instanceof Deno.errors.NotFound) && !isBusy(error)) throw error;
      }
    }
    return listCgroups(prefix).length === 0;
  });
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EBUSY";
}

function collect(path: string, found: string[]) {
  found.push(path);
  for (const name of folders(path)) collect(`${path}/${name}`, found);
}

/** The folders in a folder; none when it is gone, as cgroups may be while they are listed. */
function folders(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].filter((entry) => entry.isDirectory).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
