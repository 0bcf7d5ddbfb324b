/**
 * ttRPC, the protocol between containerd and its shims: PROTOCOL.md beside this file, after
 * https://github.com/containerd/ttrpc/blob/v1.2.7/PROTOCOL.md. Unary calls only: the Task service has
 * no others that containerd needs.
 */

export type { Connection } from "./channel.ts";
export { type CallOptions, Client } from "./client.ts";
export { type Frame, FrameDecoder, MAX_PAYLOAD_LENGTH } from "./frame.ts";
export { type Listener, Server, type ServerOptions } from "./server.ts";
export {
  type CallContext,
  type Handler,
  implement,
  type Interceptor,
  type Method,
  type Methods,
  type Service,
  unary,
} from "./service.ts";
