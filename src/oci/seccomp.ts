/** linux.seccomp of config.json. linux/seccomp.ts compiles it. */

import {
  type LinuxSeccomp,
  SECCOMP_ACTIONS,
  SECCOMP_FLAGS,
  SECCOMP_OPERATORS,
  type SeccompAction,
  type SyscallRule,
} from "../linux/seccomp.ts";
import { type Field, UINT64 } from "./field.ts";

/** The kernel's highest errno (linux/err.h). */
const ERRNO = [0, 4095] as const;

/**
 * @throws ShimError InvalidArgument; Unimplemented: SCMP_ACT_NOTIFY, since there is no agent to be notified.
 */
export function parseSeccomp(seccomp: Field): LinuxSeccomp {
  seccomp.only("defaultAction", "defaultErrnoRet", "architectures", "flags", "syscalls");
  return {
    defaultAction: parseAction(seccomp.at("defaultAction")),
    defaultErrnoRet: seccomp.at("defaultErrnoRet").optionalInteger(ERRNO),
    architectures: seccomp.at("architectures").items().map((item) => {
      if (!/^SCMP_ARCH_[A-Z0-9_]+$/.test(item.string())) throw item.error("not an SCMP_ARCH_ name");
      return item.string();
    }),
    flags: seccomp.at("flags").items().map((item) => item.oneOf(SECCOMP_FLAGS)),
    syscalls: seccomp.at("syscalls").items().map(parseRule),
  };
}

function parseAction(action: Field): SeccompAction {
  if (action.value === "SCMP_ACT_NOTIFY") action.refuse();
  return action.oneOf(SECCOMP_ACTIONS);
}

function parseRule(rule: Field): SyscallRule {
  rule.only("names", "action", "errnoRet", "args");
  const names = rule.at("names");
  if (names.items().length === 0) throw names.error("empty");
  return {
    names: names.strings(),
    action: parseAction(rule.at("action")),
    errnoRet: rule.at("errnoRet").optionalInteger(ERRNO),
    args: rule.at("args").items().map((arg) => ({
      index: arg.only("index", "value", "valueTwo", "op").at("index").integer([0, 5]),
      value: arg.at("value").optionalBigint(UINT64) ?? 0n,
      valueTwo: arg.at("valueTwo").optionalBigint(UINT64) ?? 0n,
      op: arg.at("op").oneOf(SECCOMP_OPERATORS),
    })),
  };
}
