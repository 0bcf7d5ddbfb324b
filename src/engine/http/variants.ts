/** The variants `method` and `scheme` of wasi:http/types. */

export interface Text {
  tag: string;
  val?: string;
}

const METHODS = new Map<string, Text>(
  ["get", "head", "post", "put", "delete", "connect", "options", "trace", "patch"].map((
    tag,
  ) => [tag.toUpperCase(), { tag }]),
);
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+\-.]*$/;

export function methodOf(name: string): Text {
  return METHODS.get(name) ?? { tag: "other", val: name };
}

/** null: it is no method */
export function methodName({ tag, val }: Text): string | null {
  if (tag !== "other") return tag.toUpperCase();
  return METHOD.test(val!) ? val! : null;
}

/** null: it is no scheme */
export function schemeName({ tag, val }: Text): string | null {
  if (tag !== "other") return tag.toLowerCase();
  return SCHEME.test(val!) ? val!.toLowerCase() : null;
}
