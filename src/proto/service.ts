/** Service descriptions, as generated from the `service` blocks of the .proto files. */

import type { MessageType } from "./message.ts";

/** A method: what it takes and what it answers, or the messages of its streams. */
export interface MethodType<Q extends object = object, R extends object = object> {
  readonly request: MessageType<Q>;
  readonly response: MessageType<R>;
}

/** A service: its full name and its methods by name. */
export interface ServiceType {
  readonly name: string;
  readonly methods: Readonly<Record<string, MethodType>>;
}
