/** How a process that transpiles answers on stdout. */

/** First byte: a packed component follows (transpiled.ts), or an error's kind, a NUL and its message. */
export const ANSWER = { transpiled: 0, failed: 1 } as const;
