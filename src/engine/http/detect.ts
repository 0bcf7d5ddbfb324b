/** Which components handle requests. */

import { externals, isComponent } from "../component/binary.ts";

/** The interface that such a component exports. */
export const HANDLER = "wasi:http/incoming-handler";
const PATTERN = /^wasi:http\/incoming-handler@0\.2\.\d+$/;

/** Whether `code` is a component that exports the handler. What is not valid is none. */
export function isHandler(code: Uint8Array): boolean {
  try {
    return isComponent(code) && handlerName(externals(code).exports) !== undefined;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** The exported interface whose function is called for each request, with its version, among `exports`. */
export function handlerName(exports: readonly { name: string }[]): string | undefined {
  return exports.find(({ name }) => PATTERN.test(name))?.name;
}
