import { getArguments } from "wasi:cli/environment@0.2.6";
import { getStdout } from "wasi:cli/stdout@0.2.6";

/** UTF-8 without the web's TextEncoder, which this runtime lacks. */
function print(text) {
  const bytes = unescape(encodeURIComponent(`${text}\n`));
  getStdout().blockingWriteAndFlush(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
}

export const run = {
  run() {
    print(`arguments ${JSON.stringify(getArguments())}`);
    print("hello from JavaScript");
  },
};
