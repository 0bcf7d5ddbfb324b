/** Names of images: https://github.com/distribution/reference (reference.go has the grammar). */

import { ShimError } from "../errdefs/mod.ts";

const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const HOST =
  /^(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?$/;
const ADDRESS = /^\[[a-fA-F0-9:]+\](?::[0-9]+)?$/;
const TAG = /^\w[\w.-]{0,127}$/;
const UNLIKE = "not of lower-case letters and digits, with single separators . _ - between";
/** Of the name, without the tag. */
const MAX_LENGTH = 255;

/**
 * The reference `repo/name:tag`. `repo` begins with a registry: containerd knows no default one.
 * @throws ShimError InvalidArgument: what is not of the grammar
 */
export function makeReference(repo: string, name: string, tag: string): string {
  const [host, ...path] = repo.split("/");
  if (!HOST.test(host) && !ADDRESS.test(host)) throw invalid("--repo", repo, "begins with no host");
  const wrong = path.find((component) => !COMPONENT.test(component));
  if (wrong !== undefined) throw invalid("--repo", repo, `${JSON.stringify(wrong)} is ${UNLIKE}`);
  if (!COMPONENT.test(name)) throw invalid("--name", name, UNLIKE);
  if (!TAG.test(tag)) throw invalid("--tag", tag, "not of at most 128 letters, digits and . _ -");
  if (repo.length + 1 + name.length > MAX_LENGTH) {
    throw invalid("--repo and --name", `${repo}/${name}`, `more than ${MAX_LENGTH} characters`);
  }
  return `${repo}/${name}:${tag}`;
}

function invalid(option: string, value: string, reason: string): ShimError {
  return new ShimError("InvalidArgument", `${option}: ${JSON.stringify(value)}: ${reason}`);
}
