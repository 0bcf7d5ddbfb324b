/**
 * As a program, run where containerd's streaming server listens: `cri_websocket.ts URL` connects to
 * the streams of an exec or an attach. Messages are those of the sub-protocol v4.channel.k8s.io: the
 * number of a channel in the first byte, then its data. stdout and stderr come out as the program's
 * own, and it exits as the process did.
 *
 * Each line of its stdin is an `Input` in JSON.
 */

/** What a client does to the streams. */
export type Input =
  | { stdin: string }
  | { resize: { Width: number; Height: number } }
  /** Goes away, which ends the process's stdin. */
  | { close: true };

/** What comes last, when the process has ended. */
interface Status {
  status: "Success" | "Failure";
  message?: string;
  details?: { causes?: { reason: string; message: string }[] };
}

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const RESIZE = 4;

/** Exit code when no process's is known. */
const FAILED = 255;

function main(url: string) {
  const socket = new WebSocket(url.replace(/^http/, "ws"), "v4.channel.k8s.io");
  socket.binaryType = "arraybuffer";
  socket.onopen = () => void obey(socket);
  socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
    const [channel, ...bytes] = new Uint8Array(data);
    if (channel === STDOUT) write(Deno.stdout, new Uint8Array(bytes));
    if (channel === STDERR) write(Deno.stderr, new Uint8Array(bytes));
    if (channel === STATUS) exit(JSON.parse(new TextDecoder().decode(new Uint8Array(bytes))));
  };
  socket.onerror = (event) => fail(`${url}: ${(event as ErrorEvent).message}`);
  socket.onclose = () => fail(`${url}: closed without a status`);
}

async function obey(socket: WebSocket) {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const input: Input = JSON.parse(line);
      if ("stdin" in input) send(socket, STDIN, input.stdin);
      else if ("resize" in input) send(socket, RESIZE, JSON.stringify(input.resize));
      else {
        socket.onclose = () => Deno.exit(0);
        socket.close();
      }
    }
  }
}

function send(socket: WebSocket, channel: number, text: string) {
  socket.send(new Uint8Array([channel, ...new TextEncoder().encode(text)]));
}

function exit({ status, message, details }: Status) {
  if (status === "Success") Deno.exit(0);
  const cause = details?.causes?.find(({ reason }) => reason === "ExitCode");
  if (cause) Deno.exit(Number(cause.message));
  fail(message ?? status);
}

function fail(message: string) {
  console.error(message);
  Deno.exit(FAILED);
}

function write(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array) {
  for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
}

if (import.meta.main) main(Deno.args[0]);
