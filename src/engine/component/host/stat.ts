/** What stat(2) says, in the words of wasi:filesystem. */

import { type Datetime, datetime } from "./clocks.ts";
import type { Stat } from "./calls.ts";

export type DescriptorType =
  | "unknown"
  | "block-device"
  | "character-device"
  | "directory"
  | "fifo"
  | "symbolic-link"
  | "regular-file"
  | "socket";

export interface DescriptorStat {
  type: DescriptorType;
  linkCount: bigint;
  size: bigint;
  dataAccessTimestamp: Datetime;
  dataModificationTimestamp: Datetime;
  statusChangeTimestamp: Datetime;
}

const TYPE_MASK = 0o170000n;

/** st_mode's types, inode(7). */
const TYPES: Record<number, DescriptorType> = {
  0o010000: "fifo",
  0o020000: "character-device",
  0o040000: "directory",
  0o060000: "block-device",
  0o100000: "regular-file",
  0o120000: "symbolic-link",
  0o140000: "socket",
};

export function descriptorType({ mode }: Pick<Stat, "mode">): DescriptorType {
  return TYPES[Number(mode & TYPE_MASK)] ?? "unknown";
}

export function descriptorStat(stat: Stat): DescriptorStat {
  return {
    type: descriptorType(stat),
    linkCount: stat.links,
    size: stat.size,
    dataAccessTimestamp: datetime(stat.accessedNs),
    dataModificationTimestamp: datetime(stat.modifiedNs),
    statusChangeTimestamp: datetime(stat.changedNs),
  };
}

export interface MetadataHash {
  lower: bigint;
  upper: bigint;
}

/** Of what a file is, not of what it holds: C libraries make the inode's number of it. */
export function metadataHash({ device, inode }: Stat): MetadataHash {
  return { lower: mix(inode), upper: mix(inode ^ mix(device)) };
}

/** The finalizer of splitmix64. https://prng.di.unimi.it/splitmix64.c */
function mix(value: bigint): bigint {
  let mixed = BigInt.asUintN(64, value + 0x9e3779b97f4a7c15n);
  mixed = BigInt.asUintN(64, (mixed ^ mixed >> 30n) * 0xbf58476d1ce4e5b9n);
  mixed = BigInt.asUintN(64, (mixed ^ mixed >> 27n) * 0x94d049bb133111ebn);
  return mixed ^ mixed >> 31n;
}
