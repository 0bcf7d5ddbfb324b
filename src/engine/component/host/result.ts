/**
 * Values of the component model as the transpiled script has them: `option` is undefined or the value, `enum` its
 * name, `flags` an object of booleans, `variant` a tag with a value, u64 a bigint, `list<u8>` a Uint8Array.
 */

export interface Ok<Value> {
  tag: "ok";
  val: Value;
}

export interface Err<Failure> {
  tag: "err";
  val: Failure;
}

/** What a function returns: never thrown, which would cost a stack trace and end in the guest's. */
export type Result<Value, Failure> = Ok<Value> | Err<Failure>;

export const ok = <Value>(val: Value): Ok<Value> => ({ tag: "ok", val });
export const err = <const Failure>(val: Failure): Err<Failure> => ({ tag: "err", val });

/** The `result` that has no value. */
export const DONE: Ok<undefined> = ok(undefined);
