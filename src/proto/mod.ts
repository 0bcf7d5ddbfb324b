/**
 * The protobuf messages that containerd and the shim exchange, generated from proto/ by
 * scripts/gen_proto.ts with protobufjs (containerd's API as of 2.1, github.com/containerd/cgroups as of v3).
 *
 * `X.encode(message)` takes any part of a message, `X.decode(bytes)` answers the whole of it. Integers
 * of 64 bits are bigint: times in nanoseconds and limits of 2^64 - 1 exceed what a number holds.
 *
 * Not here, but in files of their own that are imported where they are needed: cgroups_v1.ts, cgroups_v2.ts, containers.ts,
 * content.ts, images.ts, leases.ts, runc_options.ts and
 * runtime_options.ts.
 */

export * as events from "./events.ts";
export { Envelope, Events, ForwardRequest } from "./events_service.ts";
export { Any, Empty, Timestamp } from "./google.ts";
export { type Init, MessageType } from "./message.ts";
export type { MethodType, ServiceType } from "./service.ts";
export * as task from "./task.ts";
export { ProcessInfo, Status } from "./task_types.ts";
export { Task as TaskV3 } from "./task_v3.ts";
export { fromTimestamp, nowTimestamp, toTimestamp, ZERO_TIMESTAMP } from "./timestamp.ts";
export * as ttrpc from "./ttrpc.ts";
export { Mount, RuntimeInfo, RuntimeVersion } from "./types.ts";
