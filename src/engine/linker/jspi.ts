/**
 * Suspending a guest's stack until a promise is settled.
 * https://github.com/WebAssembly/js-promise-integration/blob/main/proposals/js-promise-integration/Overview.md
 */

type AnyFunction = (...args: never[]) => unknown;

interface Jspi {
  Suspending: new (call: AnyFunction) => WebAssembly.ImportValue;
  promising<Args extends unknown[]>(
    exported: (...args: Args) => unknown,
  ): (...args: Args) => Promise<unknown>;
}

/** TypeScript's library does not have these yet. */
export const { Suspending, promising } = WebAssembly as unknown as Jspi;
