/** Where things are: see "Places" in docs/architecture.md. Pure functions of names. */

export const RUN_FOLDER = "/run/denowasi";

/** What makes a group: containers with equal values share one supervisor. */
export interface GroupName {
  /** Path of containerd's gRPC socket: two daemons on one host never share. */
  containerd: string;
  namespace: string;
  group: string;
  /** A zygote runs one. */
  engine: string;
}

/** The files of one group. */
export interface GroupPlaces {
  folder: string;
  lock: string;
  taskSocket: string;
  controlSocket: string;
  name: string;
}

/** The folder is named by a digest: a socket's path must fit in 107 bytes, unix(7), whatever the names are. */
export async function groupPlaces(name: GroupName): Promise<GroupPlaces> {
  const { containerd, namespace, group, engine } = name;
  const text = [containerd, namespace, group, engine].map((part) => `${part}\0`).join("");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return placesIn(`${RUN_FOLDER}/groups/${new Uint8Array(digest).toHex().slice(0, 32)}`);
}

/** The files of the group whose folder this is. */
export function placesIn(folder: string): GroupPlaces {
  return {
    folder,
    lock: `${folder}/lock`,
    taskSocket: `${folder}/task.sock`,
    controlSocket: `${folder}/control.sock`,
    name: `${folder}/name`,
  };
}

/** The folder of the states of a namespace's containers. The name was checked by the launcher or containerd. */
export function tasksFolder(namespace: string): string {
  return `${RUN_FOLDER}/tasks/${namespace}`;
}

/** The folder of one container's state, the name of which was checked likewise. */
export function taskFolder(namespace: string, id: string): string {
  return `${tasksFolder(namespace)}/${id}`;
}
