/** Which containers share one supervisor. */

/** What a shim's group is: a pod (or whatever an annotation names), or the whole containerd namespace. */
export type Grouping = "sandbox" | "node";

/** The group annotations, the first that is there counts: of Kubernetes' CRI, and of containerd itself. */
const ANNOTATIONS = ["io.kubernetes.cri.sandbox-id", "io.containerd.runc.v2.group"];

/**
 * The name of the group to which the container `id` belongs, within its containerd namespace:
 * the one of its annotations, else its own id.
 */
export function groupName(
  annotations: Readonly<Record<string, string>>,
  grouping: Grouping,
  id: string,
): string {
  if (grouping === "node") return "node";
  return ANNOTATIONS.map((name) => annotations[name]).find((value) => value) ?? id;
}
