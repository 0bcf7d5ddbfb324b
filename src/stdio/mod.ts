/** Standard streams of containers: FIFOs that containerd makes, or files. */

export { Stdio } from "./keepers.ts";
export { type Keeper, type StdioPaths, type StdioPlan, stdioPlan } from "./plan.ts";
