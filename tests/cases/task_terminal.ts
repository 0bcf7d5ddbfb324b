/** Terminals: `ctr run -t` and `ctr task exec -t` under a terminal of the test, and the calls behind them. */

import assert from "node:assert/strict";
import { Status } from "../../src/proto/mod.ts";
import type { Cases } from "../support/cases.ts";
import { feedFifo, makeFifos, readFifo } from "../support/fifos.ts";
import type { Daemon } from "../support/mod.ts";
import { BUSYBOX, detachNative, removeTask, sh } from "../support/native.ts";
import { native, Pod } from "../support/pod.ts";
import { startTerminal, type Terminal } from "../support/terminal.ts";
import { newId } from "../support/wasm.ts";

const CTRL_C = "\x03";
const CTRL_D = "\x04";

/** Runs `body` with a program at the other end of the terminal. */
type WithProgram = (
  daemon: Daemon,
  runtime: string,
  args: string[],
  body: (terminal: Terminal) => Promise<void>,
) => Promise<void>;

const asInit: WithProgram = async (daemon, runtime, args, body) => {
  const flags = ["run", "--rm", "--tty", "--runtime", runtime];
  await body(await startTerminal(daemon, ["ctr", ...flags, BUSYBOX, newId("tty"), ...args]));
};

const asExec: WithProgram = async (daemon, runtime, args, body) => {
  const id = await detachNative(daemon, runtime, ["sleep", "1000"]);
  const flags = ["task", "exec", "--tty", "--exec-id", newId("exec")];
  await body(await startTerminal(daemon, ["ctr", ...flags, id, ...args]));
  await removeTask(daemon, id);
};

/** ctr may end its output with a complaint: that the program ended before it could set a size. */
function ctrCases(withProgram: WithProgram): Cases {
  return {
    "the streams are a terminal, which echoes": (daemon, runtime) =>
      withProgram(daemon, runtime, sh("tty <&1; tty <&2; echo ready; cat"), async (terminal) => {
        const { running } = terminal;
        await running.waitForOutput("ready\r\n");
        assert.match(running.out, /^(\/dev\/(pts\/\d+|console)\r\n){2}ready/);
        await running.write("hello\n");
        await running.waitForOutput("hello\r\nhello\r\n");
        await running.write(CTRL_D);
        assert.equal((await running.result).code, 0);
      }),

    "^C interrupts": (daemon, runtime) =>
      // The shell is there because pid 1 is spared signals that it does not handle.
      withProgram(daemon, runtime, sh("echo ready; sleep 100; exit $?"), async ({ running }) => {
        await running.waitForOutput("ready\r\n");
        await running.write(CTRL_C);
        assert.equal((await running.result).code, 130);
      }),

    "^D ends input": (daemon, runtime) =>
      withProgram(daemon, runtime, sh("echo ready; wc -l; exit 5"), async ({ running }) => {
        await running.waitForOutput("ready\r\n");
        await running.write(`one\ntwo\n${CTRL_D}`);
        const { code, out } = await running.result;
        assert.match(out, /\r\n2\r\n/);
        assert.equal(code, 5);
      }),

    "the size is ctr's, and follows it": (daemon, runtime) => {
      const script = "trap 'stty size' WINCH; stty size; echo ready; while :; do sleep 0.05; done";
      return withProgram(daemon, runtime, sh(script), async ({ running, resize }) => {
        await running.waitForOutput("ready\r\n");
        // ctr sets the first size when the program runs already, perhaps.
        if (!running.out.includes("24 80")) await running.waitForOutput("24 80\r\n");
        await resize({ width: 100, height: 30 });
        await running.waitForOutput("30 100\r\n");
        await resize({ width: 7, height: 300 });
        await running.waitForOutput("300 7\r\n");
        await running.write(CTRL_C);
        assert.equal((await running.result).code, 130);
      });
    },

    "raw bytes, all 256, both ways": (daemon, runtime) => {
      const script = "stty raw -echo; printf ready; head -c 256 >/tmp/bytes; cat /tmp/bytes";
      return withProgram(daemon, runtime, sh(script), async ({ running }) => {
        await running.waitForOutput("ready");
        const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
        await running.write(bytes);
        const { code, stdout } = await running.result;
        assert.equal(code, 0);
        assert.deepEqual(stdout.subarray("ready".length, "ready".length + 256), bytes);
      });
    },
  };
}

export const RUN_TERMINAL_CASES: Cases = ctrCases(asInit);
export const EXEC_TERMINAL_CASES: Cases = ctrCases(asExec);

export const TERMINAL_SERVICE_CASES: Cases = {
  "Create with a terminal: streams, size, state": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const id = newId();
      const { stdin, stdout } = await makeFifos(daemon);
      const [screen, keys] = [readFifo(stdout), feedFifo(stdin)];
      const args = sh("read line; stty size; echo $line; exit 3");
      await pod.create(id, native(args, { terminal: true, stdin, stdout }));
      await pod.client.call("ResizePty", { id, width: 132, height: 43 });
      await pod.client.call("Start", { id });
      const state = await pod.client.call("State", { id });
      assert.deepEqual([state.terminal, state.stdin, state.stdout], [true, stdin, stdout]);
      await keys.write("typed\n");
      assert.equal(await pod.wait(id), 3);
      assert.equal(await pod.delete(id), 3);
      assert.equal((await screen.result).out, "typed\r\n43 132\r\ntyped\r\n");
      await keys.closeStdin();
      await keys.result;
    }),

  "Exec with a terminal: streams, size, state": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const id = newId();
      await pod.run(id, native(["sleep", "100"]));
      const { stdin, stdout } = await makeFifos(daemon);
      const [screen, keys] = [readFifo(stdout), feedFifo(stdin)];
      const args = sh("read line; stty size; exit 4");
      await pod.exec(id, "e", args, { terminal: true, stdin, stdout });
      await pod.client.call("ResizePty", { id, execId: "e", width: 50, height: 20 });
      const state = await pod.client.call("State", { id, execId: "e" });
      assert.deepEqual([state.terminal, state.status], [true, Status.RUNNING]);
      await keys.write("typed\n");
      assert.equal((await pod.client.call("Wait", { id, execId: "e" })).exitStatus, 4);
      await pod.client.call("Delete", { id, execId: "e" });
      assert.equal((await screen.result).out, "typed\r\n20 50\r\n");
      await keys.closeStdin();
      await keys.result;
    }),

  "large output is complete to its last line": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const { stdout } = await makeFifos(daemon);
      const screen = readFifo(stdout);
      await pod.runToEnd(newId(), native(["seq", "1", "100000"], { terminal: true, stdout }));
      assert.deepEqual((await screen.result).out.split("\r\n").slice(99_999), ["100000", ""]);
    }),

  "the client of a terminal may go and come back": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const id = newId();
      const { stdin, stdout } = await makeFifos(daemon);
      const first = readFifo(stdout);
      const args = sh("read line; echo $line; read line; echo $line");
      await pod.run(id, native(args, { terminal: true, stdin, stdout }));
      let keys = feedFifo(stdin);
      await keys.write("one\n");
      await first.waitForOutput("one\r\none\r\n");
      first.kill();
      await first.result;
      await keys.closeStdin();
      await keys.result;
      const second = readFifo(stdout);
      keys = feedFifo(stdin);
      await keys.write("two\n");
      assert.equal(await pod.wait(id), 0);
      await pod.delete(id);
      assert.equal((await second.result).out, "two\r\ntwo\r\n");
      await keys.closeStdin();
      await keys.result;
    }),

  "the size of what has no terminal is nobody's": (daemon, runtime) =>
    withPod(daemon, runtime, async (pod) => {
      const id = newId();
      await pod.run(id, native(sh("sleep 0.3; exit 6")));
      await pod.client.call("ResizePty", { id, width: 1, height: 1 }).catch(() => {});
      assert.equal(await pod.wait(id), 6);
      assert.equal(await pod.delete(id), 6);
    }),
};

async function withPod(daemon: Daemon, runtime: string, body: (pod: Pod) => Promise<void>) {
  await using pod = await Pod.make(daemon, newId("pod"), 2, { runtime });
  await body(pod);
}
