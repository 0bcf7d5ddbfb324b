import assert from "node:assert/strict";
import { groupName } from "./group.ts";

const CRI = "io.kubernetes.cri.sandbox-id";
const RUNC = "io.containerd.runc.v2.group";

Deno.test.each(
  [
    [{}, "sandbox", "c1"],
    [{ [CRI]: "pod" }, "sandbox", "pod"],
    [{ [RUNC]: "group" }, "sandbox", "group"],
    [{ [RUNC]: "group", [CRI]: "pod" }, "sandbox", "pod"],
    [{ [CRI]: "" }, "sandbox", "c1"],
    [{ [CRI]: "pod" }, "node", "node"],
    [{}, "node", "node"],
  ] as const,
)("groupName() of %j by %s", (annotations, grouping, expected) => {
  assert.equal(groupName(annotations as Record<string, string>, grouping, "c1"), expected);
});
