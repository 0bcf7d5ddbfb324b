/**
 * Stands in for the shim in tests of the launcher: says what it was given, and as `serve` behaves
 * as the variable STUB tells.
 */

function facts(): Record<string, unknown> {
  const descriptors = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
    try {
      return `${name} ${Deno.readLinkSync(`/proc/self/fd/${name}`)}`;
    } catch {
      return `${name} gone`;
    }
  });
  return {
    args: Deno.args,
    cwd: Deno.cwd(),
    comm: Deno.readTextFileSync("/proc/self/comm").trim(),
    cmdline: Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1),
    session: Deno.readTextFileSync("/proc/self/stat").split(") ")[1].split(" ")[3],
    pid: Deno.pid,
    env: Deno.env.toObject(),
    descriptors,
    url: import.meta.url,
  };
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line));
}

/** Whether a file can be opened for writing: the error's message when not. */
function openForWriting(path: string): string {
  try {
    Deno.openSync(path, { write: true }).close();
    return "opened";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function serve(): Promise<void> {
  const report = Deno.env.get("STUB_REPORT");
  if (report !== undefined) Deno.writeTextFileSync(report, JSON.stringify(facts()));
  switch (Deno.env.get("STUB")) {
    case "error":
      return say("error create: the group is not there\n");
    case "exit":
      return Deno.exit(3);
    case "kill":
      return Deno.kill(Deno.pid, "SIGKILL");
    case "babble":
      return say("hello\n");
    case "close":
      Deno.stdout.close();
      break;
    case "stay":
      say("address unix:///run/stub.sock\n");
      break;
    case "hang":
      break;
    case "halves":
      say("addr");
      await new Promise((resolve) => setTimeout(resolve, 50));
      return say("ess unix:///run/halves.sock\n");
    default:
      return say("address unix:///run/stub.sock\n");
  }
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}

/** Reads stdin to its end, and says how it could write its own files. */
async function zygote(): Promise<void> {
  const input = await new Response(Deno.stdin.readable).text();
  const executable = Deno.readLinkSync("/proc/self/exe");
  const folder = Deno.args[2];
  const text = JSON.stringify({
    ...facts(),
    input,
    executable,
    runtime: openForWriting(`${folder}/deno`),
    script: openForWriting(`${folder}/shim.js`),
    mounts: Deno.readTextFileSync("/proc/self/mountinfo"),
  });
  Deno.writeTextFileSync(Deno.args[1], text);
  if (Deno.env.get("STUB") === "stay") await new Promise((resolve) => setTimeout(resolve, 60_000));
}

const action = Deno.args[0];
if (action === "serve") await serve();
else if (action === "zygote") await zygote();
else say(JSON.stringify(facts()));
