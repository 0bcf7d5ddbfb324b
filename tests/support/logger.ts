/** Programs for `binary://`: they read a container's output from descriptors 3 and 4 and close 5 when they are ready. */

import type { Daemon } from "./daemon.ts";
import { newId } from "./wasm.ts";

/**
 * Writes what it gets beside itself: `out`, `err`, `args` (one a line), `id` (namespace and container),
 * and at the end `done`.
 */
export const READS_ALL = `
  trap '' TERM # which runc's shim sends before the end of the streams was seen, perhaps
  printf '%s\\n' "$@" >args
  echo "$CONTAINER_NAMESPACE $CONTAINER_ID" >id
  cat <&3 >out 5>&- &
  cat <&4 >err 5>&- &
  exec 5>&-
  wait
  echo >done`;

export interface Logger {
  uri: string;
  /** Whether it has written the file. */
  has(name: string): boolean;
  read(name: string): Promise<string>;
}

/** Makes a program of the shell's `script`, which runs in a folder of its own. */
export async function makeLogger(daemon: Daemon, script: string): Promise<Logger> {
  const folder = `${daemon.base}/${newId("logger")}`;
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/run`, `#!/bin/sh\ncd "\${0%/*}" || exit 1\n${script}\n`);
  await Deno.chmod(`${folder}/run`, 0o755);
  const has = (name: string) => [...Deno.readDirSync(folder)].some((entry) => entry.name === name);
  return {
    uri: `binary://${folder}/run`,
    has,
    read: (name) => Deno.readTextFile(`${folder}/${name}`),
  };
}
