import assert from "node:assert/strict";
import { groupPlaces, placesIn, taskFolder } from "./places.ts";

const NAME = {
  containerd: "/run/containerd/containerd.sock",
  namespace: "k8s.io",
  group: "web",
  engine: "deno",
};

/** Of a socket's path, unix(7), with its NUL. */
const MAX_SOCKET_PATH = 108;

Deno.test("groupPlaces() are in a folder named by the SHA-256 of the names, each with a NUL", async () => {
  // printf '/run/containerd/containerd.sock\0k8s.io\0web\0deno\0' | sha256sum
  const folder = "/run/denowasi/groups/0abedc3514a4b036558ee33bbc4aa428";
  assert.deepEqual(await groupPlaces(NAME), {
    folder,
    lock: `${folder}/lock`,
    taskSocket: `${folder}/task.sock`,
    controlSocket: `${folder}/control.sock`,
    name: `${folder}/name`,
  });
  assert.deepEqual(placesIn(folder), await groupPlaces(NAME));
});

Deno.test("groupPlaces() fit in a socket's path, whatever the names are", async () => {
  const long = "é".repeat(2000);
  for (const name of [NAME, { ...NAME, containerd: long, namespace: long, group: long }]) {
    const { taskSocket, controlSocket } = await groupPlaces(name);
    for (const path of [taskSocket, controlSocket]) {
      assert.ok(path.length + 1 <= MAX_SOCKET_PATH, path);
    }
  }
});

Deno.test("groupPlaces() of different names differ", async () => {
  const names = [
    NAME,
    { ...NAME, group: "web2" },
    { ...NAME, engine: "wasmer" },
    { ...NAME, namespace: "default" },
    { ...NAME, containerd: "/run/k3s/containerd/containerd.sock" },
    { ...NAME, namespace: "k8s.iow", group: "eb" },
    { ...NAME, namespace: "k8s.i", group: "oweb" },
    { ...NAME, containerd: `${NAME.containerd}k`, namespace: "8s.io" },
    { ...NAME, containerd: "", namespace: "a", group: "" },
    { ...NAME, containerd: "a", namespace: "", group: "" },
    { ...NAME, containerd: "", namespace: "", group: "a" },
  ];
  const folders = await Promise.all(names.map(async (name) => (await groupPlaces(name)).folder));
  assert.equal(new Set(folders).size, names.length);
});

Deno.test("taskFolder() is below its namespace's", () => {
  assert.equal(taskFolder("k8s.io", "web"), "/run/denowasi/tasks/k8s.io/web");
});
