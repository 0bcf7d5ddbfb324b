/**
 * crun 1.8 refuses a config.json of version 1.2 of the runtime specification, which containerd 1.7 and later write, though it knows
 * all that they put into it. No crun looks at the version for anything else: so each gets a copy that says what all take.
 */

import { ShimError } from "../errdefs/mod.ts";

const OLD_VERSION = "1.0.2";

/** What the runtime must be given instead of the bundle's config.json, whose text is `config`; null: nothing. */
export function configFor(binary: string, config: string): string | null {
  const isCrun = binary.slice(binary.lastIndexOf("/") + 1).startsWith("crun");
  const copy = isCrun ? withOldVersion(config) : config;
  return copy === config ? null : copy;
}

/**
 * `config`, the text of a config.json, with an older ociVersion; every other byte as it is, since numbers may be longer than
 * JavaScript's.
 * @throws ShimError InvalidArgument: it has no ociVersion.
 */
function withOldVersion(config: string): string {
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g;
  let depth = 0;
  let last = "";
  let isVersion = false;
  for (let token; (token = tokens.exec(config)) !== null;) {
    const [text] = token;
    if (isVersion && text.startsWith('"')) {
      const end = token.index + text.length;
      return `${config.slice(0, token.index)}"${OLD_VERSION}"${config.slice(end)}`;
    }
    if (text === "{" || text === "[") depth++;
    if (text === "}" || text === "]") depth--;
    isVersion = text === ":" && depth === 1 && last === '"ociVersion"';
    last = text;
  }
  throw new ShimError("InvalidArgument", "ociVersion: not in config.json");
}
