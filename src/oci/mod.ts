/**
 * The OCI runtime specification: config.json to a checked `Spec`, and that to an entry point, a group and a sandbox
 * plan. Pure functions over plain data; nothing here touches the system.
 *
 * OCI runtime specification 1.2: https://github.com/opencontainers/runtime-spec/tree/v1.2.0
 */

export { type Entrypoint, entrypoint, isSameProgram, namesFile, program } from "./entrypoint.ts";
export { type ExecInput, execPlan } from "./exec_plan.ts";
export { type Grouping, groupName } from "./group.ts";
export { limitCpu, type Limits, NO_LIMITS } from "./limits.ts";
export {
  LISTEN_ANNOTATION,
  listenerDescriptors,
  parseListeners,
  parseTcpAddress,
  TCP_FORM,
  type TcpAddress,
} from "./listen.ts";
export { type MountOptions, MS, parseMountOptions } from "./mount_options.ts";
export type { CgroupFolder, CgroupMembership } from "./mounts.ts";
export { type Outline, outline, parseProcessOutline, type ProcessOutline } from "./outline.ts";
export { parseProcessText, parseSpec } from "./parse.ts";
export { type PlanInput, sandboxPlan } from "./plan.ts";
export { DURATION_FORM, parseDuration, parseSize, SIZE_FORM } from "./quantity.ts";
export {
  type DeviceRule,
  type LinuxResources,
  type MemoryLimits,
  parseResourcesText,
  type ThrottleDevice,
} from "./resources.ts";
export type { Linux, Process, Spec } from "./spec.ts";
export { SERVED_LOCK, servedSeccomp } from "./served_seccomp.ts";
export { wasmSeccomp, type WasmSeccompOptions } from "./wasm_seccomp.ts";
