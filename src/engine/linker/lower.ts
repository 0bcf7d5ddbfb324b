/** canon lower: functions of the host as core functions. */

import { codecOf } from "./abi.ts";
import type { CoreType, CoreValue } from "./codec.ts";
import type { GuestMemory } from "./memory.ts";
import type { FunctionType } from "./types.ts";

export type CoreFunction = (...args: CoreValue[]) => unknown;

const MOST_FLAT_PARAMETERS = 16;

export interface Signature {
  parameters: CoreType[];
  /** The parameters are a pointer to them. */
  indirect: boolean;
  /** The result goes where the last parameter points. */
  stored: boolean;
  /** The core function returns a value. */
  returns: boolean;
}

export function signatureOf({ parameters, result }: FunctionType): Signature {
  const flat = parameters.flatMap((type) => codecOf(type).flat);
  const indirect = flat.length > MOST_FLAT_PARAMETERS;
  const values = result ? codecOf(result).flat.length : 0;
  const stored = values > 1;
  const direct: CoreType[] = indirect ? ["i32"] : flat;
  return {
    parameters: stored ? [...direct, "i32"] : direct,
    ...{ indirect, stored, returns: values === 1 },
  };
}

/** The core function that calls `call` for a guest. */
export function lower(
  call: (args: unknown[]) => unknown,
  { parameters, result }: FunctionType,
  { indirect, stored, parameters: flat }: Signature,
): (memory: GuestMemory) => CoreFunction {
  const codecs = parameters.map(codecOf);
  let flatCount = 0;
  const flatAt = codecs.map((codec) => (flatCount += codec.flat.length) - codec.flat.length);
  const tuple = indirect ? codecOf({ kind: "tuple", items: parameters }) : undefined;
  const resultAt = flat.length - 1;
  const resultCodec = result && codecOf(result);
  return (memory) => {
    const finish = (value: unknown, at: CoreValue): CoreValue | undefined => {
      if (!resultCodec) return undefined;
      if (!stored) return resultCodec.lower(memory, value);
      memory.check(Number(at) >>> 0, resultCodec.size);
      resultCodec.store(memory, value, Number(at) >>> 0);
    };
    return (...values) => {
      const at = values[resultAt];
      const args = tuple
        ? tuple.load(memory, Number(values[0]) >>> 0) as unknown[]
        : codecs.map((codec, index) => codec.lift(memory, values, flatAt[index]));
      const value = call(args);
      return value instanceof Promise
        ? value.then((value) => finish(value, at))
        : finish(value, at);
    };
  };
}
