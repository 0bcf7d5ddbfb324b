/** Time that a test does not want to wait for. */

/** Until disposed, timers of a second or more end at once. `delaysMs` are theirs. */
export function hastenTimers(): { delaysMs: number[] } & Disposable {
  const { setTimeout } = globalThis;
  const delaysMs: number[] = [];
  const hastened = (delayMs: number) => {
    if (delayMs < 1000) return delayMs;
    delaysMs.push(delayMs);
    return 20;
  };
  globalThis.setTimeout =
    ((run: () => void, delayMs: number) => setTimeout(run, hastened(delayMs))) as typeof setTimeout;
  return {
    delaysMs,
    [Symbol.dispose]() {
      globalThis.setTimeout = setTimeout;
    },
  };
}
