/** What the shim asks of containerd. */

export { type EventClient, Publisher, type PublisherOptions } from "./events.ts";
