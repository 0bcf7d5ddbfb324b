/** What a Wasm guest may use at most, besides what its cgroup allows. */

import type { Rlimit } from "./spec.ts";

export interface Limits {
  /** Of each of its memories; 0: none. */
  memoryBytes: number;
  /** Time on a processor until SIGXCPU ends it; 0: none. */
  cpuSeconds: number;
}

export const NO_LIMITS: Readonly<Limits> = { memoryBytes: 0, cpuSeconds: 0 };

/** asm-generic/resource.h */
const RLIMIT_CPU = 0;
const RLIM_INFINITY = 2n ** 64n - 1n;
/** Between the soft limit, SIGXCPU, and the hard one, SIGKILL: setrlimit(2). */
const GRACE_SECONDS = 1n;

/** `rlimits`, with the lower of their RLIMIT_CPU and `cpuSeconds`. */
export function limitCpu(rlimits: readonly Rlimit[], { cpuSeconds }: Limits): Rlimit[] {
  if (cpuSeconds === 0) return [...rlimits];
  const deadline = BigInt(cpuSeconds);
  const own = rlimits.find(({ resource }) => resource === RLIMIT_CPU) ??
    { soft: RLIM_INFINITY, hard: RLIM_INFINITY };
  const lower = (a: bigint, b: bigint) => a < b ? a : b;
  return [
    ...rlimits.filter(({ resource }) => resource !== RLIMIT_CPU),
    {
      resource: RLIMIT_CPU,
      soft: lower(own.soft, deadline),
      hard: lower(own.hard, deadline + GRACE_SECONDS),
    },
  ];
}
