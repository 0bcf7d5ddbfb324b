/** Functions on sockets: sock_*. https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md */

import { MSG, SOCK_NONBLOCK } from "../../linux/system.ts";
import { inspect } from "./descriptors.ts";
import { ERRNO, errno } from "./errno.ts";
import { FDFLAG } from "./fdflags.ts";
import { RIGHT } from "./rights.ts";
import type { Functions, State } from "./state.ts";

const PEEK = 1, WAITALL = 2;
const RECEIVE_DATA_TRUNCATED = 1;
/** sdflags: which ways. */
const SHUTDOWN_RD = 1, SHUTDOWN_BOTH = 3;

export function sockets({ system, memory, table }: State) {
  const truncated = new Uint32Array(1);
  return {
    sock_accept(fd: number, flags: number, fdAt: number) {
      const listener = table.findSocket(fd, RIGHT.SOCK_ACCEPT);
      if (typeof listener === "number") return listener;
      if (flags & ~FDFLAG.NONBLOCK) return ERRNO.INVAL;
      if (!memory.fresh().has(fdAt >>>= 0, 4)) return ERRNO.FAULT;
      const host = system.accept(listener.host, flags ? SOCK_NONBLOCK : 0, null);
      if (host < 0) return errno(host);
      const found = inspect(system, host);
      if (typeof found === "number") {
        system.close(host);
        return errno(found);
      }
      const base = found.rights & listener.inheriting & ~RIGHT.SOCK_ACCEPT;
      const accepted = table.add({
        ...{ host, type: found.type, base, inheriting: 0 },
        ...{ sync: 0, how: 0, preopen: undefined, entries: undefined },
      });
      return memory.answer(fdAt, accepted);
    },

    sock_recv(
      fd: number,
      at: number,
      count: number,
      flags: number,
      sizeAt: number,
      flagsAt: number,
    ) {
      const socket = table.findSocket(fd, RIGHT.FD_READ);
      if (typeof socket === "number") return socket;
      if (flags & ~(PEEK | WAITALL)) return ERRNO.INVAL;
      if (!memory.fresh().has(sizeAt >>>= 0, 4)) return ERRNO.FAULT;
      if (!memory.has(flagsAt >>>= 0, 2)) return ERRNO.FAULT;
      const native = (flags & PEEK ? MSG.PEEK : 0) | (flags & WAITALL ? MSG.WAITALL : 0);
      const { bytes, size } = memory;
      truncated[0] = 0;
      const result = system.receivev(
        ...[socket.host, bytes, size, at >>> 0, count >>> 0, native, truncated] as const,
      );
      if (result >= 0) {
        memory.view.setUint16(flagsAt, truncated[0] ? RECEIVE_DATA_TRUNCATED : 0, true);
      }
      return memory.answer(sizeAt, result);
    },

    /** As fd_write does: no flags are defined. */
    sock_send(fd: number, at: number, count: number, flags: number, sizeAt: number) {
      const socket = table.findSocket(fd, RIGHT.FD_WRITE);
      if (typeof socket === "number") return socket;
      if (flags !== 0) return ERRNO.INVAL;
      if (!memory.fresh().has(sizeAt >>>= 0, 4)) return ERRNO.FAULT;
      const { bytes, size } = memory;
      return memory.answer(sizeAt, system.writev(socket.host, bytes, size, at >>> 0, count >>> 0));
    },

    sock_shutdown(fd: number, how: number) {
      const socket = table.findSocket(fd, RIGHT.SOCK_SHUTDOWN);
      if (typeof socket === "number") return socket;
      if (how < SHUTDOWN_RD || how > SHUTDOWN_BOTH) return ERRNO.INVAL;
      return errno(system.shutdown(socket.host, how - 1)); // SHUT_RD is 0
    },
  } satisfies Functions;
}
