/** config.json as a checked `Spec`. Deny by default: what asks for something that is not honoured is refused. */

import type { NamespaceKind } from "../linux/plan.ts";
import { parseCapabilities } from "./capabilities.ts";
import { Field, UINT32 } from "./field.ts";
import { parseResources } from "./resources.ts";
import { parseRlimits } from "./rlimits.ts";
import { parseSeccomp } from "./seccomp.ts";
import type { Capabilities, Device, Linux, Mount, Namespace, Process, Spec } from "./spec.ts";

/** Names of namespaces in the specification. */
const NAMESPACES: Readonly<Record<string, NamespaceKind>> = {
  cgroup: "cgroup",
  ipc: "ipc",
  mount: "mount",
  network: "network",
  pid: "pid",
  time: "time",
  user: "user",
  uts: "uts",
};

/** uid_t and gid_t; the highest value means "no change" to the kernel. */
const USER_ID = [0, UINT32[1] - 1] as const;

/** What struct winsize holds, ioctl_tty(2). */
const UINT16 = [0, 2 ** 16 - 1] as const;

/** Major and minor numbers of devices: 12 and 20 bits (linux/kdev_t.h). */
const MAJOR = [0, 2 ** 12 - 1] as const;
const MINOR = [0, 2 ** 20 - 1] as const;

/**
 * @throws ShimError InvalidArgument: not JSON, or a field with a value that it cannot have;
 * Unimplemented: a field that asks for what is not honoured. Both name the field.
 */
export function parseSpec(text: string): Spec {
  const spec = Field.parse(text, "config.json").only(
    ...[
      "ociVersion",
      "process",
      "root",
      "hostname",
      "domainname",
      "mounts",
      "annotations",
      "linux",
    ],
  );
  const version = spec.at("ociVersion");
  if (!/^1\.\d+\./.test(version.string())) throw version.error("not a version 1");
  const root = spec.at("root").only("path", "readonly");
  return {
    process: parseProcess(spec.at("process")),
    root: { path: root.at("path").string(), readonly: root.at("readonly").boolean() },
    hostname: spec.at("hostname").string(""),
    domainname: spec.at("domainname").string(""),
    mounts: spec.at("mounts").items().map(parseMount),
    annotations: parseStrings(spec.at("annotations")),
    linux: parseLinux(spec.at("linux")),
  };
}

/**
 * A process to exec, as task Exec brings it: config.json's `process` alone.
 * @throws ShimError as `parseSpec` does; the fields' names begin with "process".
 */
export function parseProcessText(text: string): Process {
  return parseProcess(new Field(Field.parse(text, "exec spec").value, "process"));
}

function parseProcess(process: Field): Process {
  // commandLine is Windows'; noNewPrivileges holds always: see plan.ts.
  process.only(
    ...["terminal", "consoleSize", "user", "args", "env", "cwd", "capabilities", "rlimits"],
    ...["noNewPrivileges", "apparmorProfile", "selinuxLabel", "oomScoreAdj"],
  );
  const args = process.at("args");
  if (args.items().length === 0) throw args.error("empty");
  const consoleSize = process.at("consoleSize").only("width", "height");
  const user = process.at("user").only("uid", "gid", "umask", "additionalGids", "username");
  return {
    terminal: process.at("terminal").boolean(),
    consoleSize: {
      width: consoleSize.at("width").optionalInteger(UINT16) ?? 0,
      height: consoleSize.at("height").optionalInteger(UINT16) ?? 0,
    },
    user: {
      uid: user.at("uid").optionalInteger(USER_ID) ?? 0,
      gid: user.at("gid").optionalInteger(USER_ID) ?? 0,
      umask: user.at("umask").optionalInteger([0, 0o777]),
      additionalGids: user.at("additionalGids").items().map((gid) => gid.integer(USER_ID)),
    },
    args: args.strings(),
    env: process.at("env").items().map((entry) => {
      if (!entry.string().includes("=")) throw entry.error("not of the form NAME=value");
      return entry.string();
    }),
    cwd: process.at("cwd").absolutePath(),
    capabilities: parseCapabilitySets(process.at("capabilities")),
    rlimits: parseRlimits(process.at("rlimits")),
    apparmorProfile: process.at("apparmorProfile").string(""),
    selinuxLabel: process.at("selinuxLabel").string(""),
    oomScoreAdj: process.at("oomScoreAdj").optionalInteger([-1000, 1000]),
  };
}

function parseCapabilitySets(sets: Field): Capabilities {
  sets.only("bounding", "effective", "permitted", "inheritable", "ambient");
  return {
    bounding: parseCapabilities(sets.at("bounding")),
    effective: parseCapabilities(sets.at("effective")),
    permitted: parseCapabilities(sets.at("permitted")),
    inheritable: parseCapabilities(sets.at("inheritable")),
    ambient: parseCapabilities(sets.at("ambient")),
  };
}

function parseMount(mount: Field): Mount {
  mount.only("destination", "type", "source", "options");
  return {
    // Not absolute is deprecated but allowed: taken from "/".
    destination: new Field(`/${mount.at("destination").string()}`, "").absolutePath(),
    type: mount.at("type").string(""),
    source: mount.at("source").string(""),
    options: mount.at("options").strings(),
    field: mount.path,
  };
}

function parseLinux(linux: Field): Linux {
  linux.only(
    ...["namespaces", "devices", "cgroupsPath", "resources", "seccomp", "rootfsPropagation"],
    ...["maskedPaths", "readonlyPaths", "sysctl", "mountLabel", "personality"],
  );
  const personality = linux.at("personality").only("domain").at("domain");
  if (!personality.empty && personality.value !== "LINUX") personality.refuse();
  return {
    namespaces: parseNamespaces(linux.at("namespaces")),
    devices: linux.at("devices").items().map(parseDevice),
    cgroupsPath: linux.at("cgroupsPath").string(""),
    resources: parseResources(linux.at("resources")),
    seccomp: linux.at("seccomp").absent ? undefined : parseSeccomp(linux.at("seccomp")),
    rootfsPropagation: linux.at("rootfsPropagation").string(""),
    maskedPaths: linux.at("maskedPaths").items().map((path) => path.absolutePath()),
    readonlyPaths: linux.at("readonlyPaths").items().map((path) => path.absolutePath()),
    sysctl: parseStrings(linux.at("sysctl")),
    mountLabel: linux.at("mountLabel").string(""),
  };
}

function parseNamespaces(list: Field): Namespace[] {
  const seen = new Set<NamespaceKind>();
  return list.items().map((item) => {
    const type = item.only("type", "path").at("type");
    const kind = NAMESPACES[type.oneOf(Object.keys(NAMESPACES))];
    if (seen.has(kind)) throw type.error("named twice");
    seen.add(kind);
    // A guest of several users, another clock, or another's mounts is nothing that a forked V8 can be given.
    if (kind === "user" || kind === "time") throw type.error("not supported", "Unimplemented");
    if (kind === "mount") item.at("path").refuse();
    const path = item.at("path");
    return { kind, path: path.empty ? "" : path.absolutePath() };
  });
}

function parseDevice(device: Field): Device {
  device.only("path", "type", "major", "minor", "fileMode", "uid", "gid");
  const path = device.at("path").absolutePath();
  // Elsewhere nothing can be opened as a device: every other mount is "nodev".
  if (!path.startsWith("/dev/")) {
    throw device.at("path").error("a device outside /dev is not supported", "Unimplemented");
  }
  const type = device.at("type").oneOf(["c", "b", "u", "p"]);
  const numbered = type !== "p";
  return {
    path,
    type,
    major: numbered ? device.at("major").integer(MAJOR) : 0,
    minor: numbered ? device.at("minor").integer(MINOR) : 0,
    // Writers differ in whether the bits of the type are in it.
    fileMode: (device.at("fileMode").optionalInteger(UINT32) ?? 0o666) & 0o777,
    uid: device.at("uid").optionalInteger(USER_ID) ?? 0,
    gid: device.at("gid").optionalInteger(USER_ID) ?? 0,
  };
}

function parseStrings(map: Field): Record<string, string> {
  return Object.fromEntries(map.members().map(([key, value]) => [key, value.string()]));
}
