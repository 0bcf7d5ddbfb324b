/**
 * Checks the imports between the folders of src: which may import which, no cycles between files, no
 * `node:`, which would load Deno's Node layer, what is loaded when it is needed not loaded before, and
 * Deno.exit in src/main.ts only.
 * Prints each violation; the exit code is 1 when there is one. Tests and their support are free.
 */

const ROOT = new URL("..", import.meta.url).pathname;

/** Folders of each layer, the highest first: one may import those of the layers below its own. */
const LAYERS = [
  ["cli"],
  // The builder loads Deno's Node layer: only commands that are on no container's path may import it.
  ["task", "builder"],
  ["supervisor", "zygote"],
  ["engine", "runc", "stdio", "cgroups", "image", "config"],
  ["oci"],
  ["linux"],
  ["containerd"],
];

/** Folders that everything may import, and that import only one another. */
const BASE = ["ttrpc", "proto", "errdefs", "log", "trace"];

/** Which rooms may import which of Deno's Node layer. */
const NODE: Readonly<Record<string, readonly string[]>> = {
  "node:crypto": ["builder"],
};

/** Imported by `import("...")` alone: what few supervisors need must not cost the start of the others. */
const LAZY = ["supervisor/image.ts", "cli/oci_tar_builder.ts"];

/** Finds every violation in `sources`: text of the files by their paths below src. */
export function violations(sources: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [path, source] of sources) {
    const imports: string[] = [];
    for (const specifier of statements(source)) {
      const target = specifier.startsWith(".") ? resolve(path, specifier) : specifier;
      if (LAZY.includes(target)) found.push(`${path}: may import ${target} only by import()`);
    }
    for (const specifier of specifiers(source)) {
      if (specifier.startsWith(".")) {
        const target = resolve(path, specifier);
        if (target === "deno.json") continue; // for the version
        imports.push(target);
        if (!mayImport(room(path), room(target))) found.push(`${path}: may not import ${target}`);
      } else if (
        specifier.startsWith("node:") &&
        !NODE[specifier]?.includes(room(path))
      ) {
        found.push(`${path}: may not import ${specifier}`);
      }
    }
    graph.set(path, imports);
    if (path !== "main.ts" && /\bDeno\.exit\b/.test(withoutComments(source))) {
      found.push(`${path}: may not use Deno.exit`);
    }
  }
  return [...found, ...cycles(graph)].sort();
}

/** The first component of the path, or "" for files directly in src. */
function room(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}

function mayImport(from: string, to: string): boolean {
  if (from === to || from === "") return true;
  if (BASE.includes(to)) return true;
  const layer = (name: string) => LAYERS.findIndex((rooms) => rooms.includes(name));
  return layer(from) !== -1 && layer(from) < layer(to);
}

/** What a file imports, statically or with `import("...")`, for types too. */
function specifiers(source: string): string[] {
  const calls = withoutComments(source).matchAll(/\bimport\(\s*"([^"]+)"/g);
  return [...statements(source), ...[...calls].map((match) => match[1])];
}

function statements(source: string): string[] {
  const statement = /^\s*(?:import|export)\b[^"';(]*?(?:\bfrom\s*)?"([^"]+)"/gm;
  return [...withoutComments(source).matchAll(statement)].map((match) => match[1]);
}

/** Without comments that begin a line (of code that `deno fmt` has formatted). */
function withoutComments(source: string): string {
  return source.replace(/^\s*\/\*.*?\*\//gms, "").replace(/^\s*\/\/.*$/gm, "");
}

function resolve(path: string, specifier: string): string {
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}

/** A message for each import that closes a cycle. */
function cycles(graph: ReadonlyMap<string, string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string) => {
    const start = trail.indexOf(path);
    if (start !== -1) {
      found.push(`cycle: ${[...trail.slice(start), path].join(" -> ")}`);
      return;
    }
    if (done.has(path)) return;
    trail.push(path);
    for (const target of graph.get(path) ?? []) visit(target);
    trail.pop();
    done.add(path);
  };
  for (const path of graph.keys()) visit(path);
  return found;
}

async function readSources(dir: string, sources = new Map<string, string>()) {
  for await (const { name, isDirectory } of Deno.readDir(`${ROOT}src/${dir}`)) {
    const path = `${dir}${name}`;
    if (isDirectory && name !== "testing") await readSources(`${path}/`, sources);
    if (name.endsWith(".ts") && !name.endsWith("_test.ts")) {
      sources.set(path, await Deno.readTextFile(`${ROOT}src/${path}`));
    }
  }
  return sources;
}

if (import.meta.main) {
  const found = violations(await readSources(""));
  for (const violation of found) console.error(`src/${violation}`);
  Deno.exit(found.length > 0 ? 1 : 0);
}
