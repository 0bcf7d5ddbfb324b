/** What is said about a trap. */

/** The trap's reason and the WebAssembly frames of its stack, innermost first. */
export function trapMessage(error: unknown): string {
  if (!(error instanceof Error)) return `trap: ${error}\n`;
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at .*wasm/.test(line));
  // Of a component, the transpiled script's own words.
  const reason = error.message.replace(/^wasm trap: wasm `(\w+)` instruction executed$/, "$1");
  return [`trap: ${reason}`, ...frames, ""].join("\n");
}
