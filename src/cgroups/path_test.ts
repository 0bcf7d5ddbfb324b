import assert from "node:assert/strict";
import { cgroupPath } from "./path.ts";

Deno.test.each([
  ["", "/k8s.io/abc"],
  ["/default/hello", "/default/hello"],
  ["default/hello", "/default/hello"],
  ["//a/./b/", "/a/b"],
  ["/kubepods/besteffort/pod1/abc", "/kubepods/besteffort/pod1/abc"],
  ["system.slice:cri-containerd:abc", "/system.slice/cri-containerd-abc.scope"],
  [
    "kubepods-besteffort-pod1_2.slice:cri-containerd:abc",
    "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice/cri-containerd-abc.scope",
  ],
  [":docker:abc", "/system.slice/docker-abc.scope"],
  ["-.slice:docker:abc", "/docker-abc.scope"],
  ["a.slice::abc", "/a.slice/abc.scope"],
  ["a.slice:docker:b.slice", "/a.slice/b.slice"],
  ["/odd:name:here", "/odd:name:here"],
])("cgroupPath() of %j", (cgroupsPath, expected) => {
  assert.equal(cgroupPath(cgroupsPath, "k8s.io", "abc"), expected);
});

Deno.test.each([
  ["/"],
  ["/a/../../b"],
  ["/a\nb"],
  ["nothing:docker:abc"],
  ["a.slice:docker:"],
  ["a--b.slice:docker:abc"],
])("cgroupPath() rejects %j", (cgroupsPath) => {
  assert.throws(() => cgroupPath(cgroupsPath, "k8s.io", "abc"), {
    kind: "InvalidArgument",
    message: /^linux\.cgroupsPath: /,
  });
});
