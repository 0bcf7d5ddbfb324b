/** Resource limits by number: getrlimit(2), asm-generic/resource.h (x86-64, arm64 and most others). */

import { type Field, UINT64 } from "./field.ts";
import type { Rlimit } from "./spec.ts";

/** In order of their numbers, without the RLIMIT_ that each begins with. */
const NAMES = [
  ...["CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS"],
  ...["SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"],
];

const NUMBERS: ReadonlyMap<string, number> = new Map(
  NAMES.map((name, number) => [`RLIMIT_${name}`, number]),
);

/** @throws ShimError InvalidArgument: not a limit, named twice, or soft above hard. */
export function parseRlimits(list: Field): Rlimit[] {
  const seen = new Set<number>();
  return list.items().map((item) => {
    item.only("type", "soft", "hard");
    const type = item.at("type");
    const resource = NUMBERS.get(type.string());
    if (resource === undefined) throw type.error("not a resource limit");
    if (seen.has(resource)) throw type.error("named twice");
    seen.add(resource);
    const limit = {
      resource,
      soft: item.at("soft").bigint(UINT64),
      hard: item.at("hard").bigint(UINT64),
    };
    if (limit.soft > limit.hard) throw item.at("soft").error(`above the hard limit ${limit.hard}`);
    return limit;
  });
}
