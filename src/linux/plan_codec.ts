/** The binary form of a plan, as native/plan.c reads it. */

import { CLONE_FLAGS, type NamespaceKind, type Op } from "./plan.ts";
import { MessageWriter } from "./wire.ts";

/** Order is the wire: an operation's code is its place here and in `operations` of native/plan.c. */
const ENCODERS: { [K in Op["op"]]: (writer: MessageWriter, op: Extract<Op, { op: K }>) => void } = {
  open: (w, o) => w.bytes(o.path).u64(o.flags).u64(o.mode).u64(o.fd),
  write: (w, o) => w.bytes(o.path).bytes(o.data).u64(Number(o.optional)),
  join: (w, o) => w.u64(CLONE_FLAGS[o.kind]).bytes(o.path),
  unshare: (w, o) => w.u64(cloneFlags(o.kinds)),
  propagation: (w, o) => w.bytes(o.path).u64(o.flags),
  root: (w, o) => w.bytes(o.path).u64(o.flags),
  mount: (w, o) =>
    w.bytes(o.source).bytes(o.target).bytes(o.type).u64(o.flags).u64(o.propagation).bytes(o.data),
  remount: (w, o) => w.bytes(o.target).u64(o.flags),
  mkdir: (w, o) => w.bytes(o.path).u64(o.mode),
  mknod: (w, o) => w.bytes(o.path).u64(o.mode).u64(o.major).u64(o.minor).u64(o.uid).u64(o.gid),
  symlink: (w, o) => w.bytes(o.path).bytes(o.target),
  mask: (w, o) => w.bytes(o.path),
  readonly: (w, o) => w.bytes(o.path),
  pivot: () => {},
  hostname: (w, o) => w.bytes(o.name),
  domainname: (w, o) => w.bytes(o.name),
  rlimit: (w, o) => w.u64(o.resource).u64(o.soft).u64(o.hard),
  sysctl: (w, o) => w.bytes(o.name).bytes(o.data),
  label: (w, o) => w.bytes(o.attribute).bytes(o.data),
  umask: (w, o) => w.u64(o.mask),
  chdir: (w, o) => w.bytes(o.path),
  user: (w, o) => {
    w.u64(o.uid).u64(o.gid).u64(o.groups.length);
    for (const group of o.groups) w.u64(group);
  },
  bounding: (w, o) => w.u64(o.mask),
  capabilities: (w, o) => w.u64(o.effective).u64(o.permitted).u64(o.inheritable).u64(o.ambient),
  noNewPrivileges: () => {},
  seccomp: (w, o) => w.u64(o.flags).bytes(o.filter),
  enter: (w, o) => w.u64(o.pid).bytes(o.startTime).u64(cloneFlags(o.kinds)),
  terminal: (w, o) => w.u64(o.width).u64(o.height).u64(o.uid).u64(Number(o.console)),
  listen: (w, o) => w.bytes(o.address).u64(o.port).u64(o.fd),
};

function cloneFlags(kinds: readonly NamespaceKind[]): number {
  return kinds.reduce((flags, kind) => flags | CLONE_FLAGS[kind], 0);
}

const CODES = Object.fromEntries(Object.keys(ENCODERS).map((name, code) => [name, code]));

export function encodePlan(ops: readonly Op[]): Uint8Array<ArrayBuffer> {
  const writer = new MessageWriter().u32(ops.length);
  for (const op of ops) {
    writer.u32(CODES[op.op]);
    // The table pairs every name with its own shape, which an index cannot express.
    (ENCODERS[op.op] as (writer: MessageWriter, op: Op) => void)(writer, op);
  }
  return writer.finish();
}
