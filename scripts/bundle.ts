/**
 * Bundles an entry point and all it imports into a script that stands alone, with a script beside it
 * for each part that it imports dynamically: what a boot does not need, it does not load.
 *
 *     deno run -A scripts/bundle.ts ENTRY OUTFILE [--minify]
 */

import * as esbuild from "esbuild";
import config from "../deno.json" with { type: "json" };

export interface BundleOptions {
  /** Path of the entry point. */
  entry: string;
  /** Path of the script to write; `chunk-HASH.js` files go beside it. */
  outfile: string;
  /** Make it small and quick to load rather than readable. */
  minify?: boolean;
}

/** The import map's packages, by the names that their folders in node_modules have. */
const aliases = Object.fromEntries(
  Object.entries(config.imports).map((
    [name, target],
  ) => [name, target.replace(/^npm:(@?[^@]+)@[^/]+/, "$1")]),
);

/**
 * Gives protobufjs the globals that it uses and nothing else to find: it looks for Buffer on whatever
 * global object there is.
 */
const protobufjsGlobals: esbuild.Plugin = {
  name: "protobufjs globals",
  setup({ onLoad }) {
    onLoad({ filter: /\/protobufjs\/src\/util\/minimal\.js$/ }, async ({ path }) => ({
      contents: `const global = undefined, self = { Object, Error, RangeError };\n` +
        await Deno.readTextFile(path),
    }));
  },
};

/** Makes assets of the core modules that the transpiler of components loads from beside its script. */
const transpilerModules: esbuild.Plugin = {
  name: "transpiler's modules",
  setup({ onLoad }) {
    onLoad({ filter: /\/jco-transpile\/vendor\/[^/]*\.js$/ }, async ({ path }) => {
      let imports = "";
      let count = 0;
      const text = (await Deno.readTextFile(path)).replaceAll(
        /fetchCompile\(new URL\('(\.\/[^']*\.wasm)', import\.meta\.url\)\)/g,
        (_, name) => {
          const asset = `asset${count++}`;
          imports += `import ${asset} from "${name}";\n`;
          return `Deno.readFile(new URL(${asset}, import.meta.url)).then(WebAssembly.compile)`;
        },
      );
      if (count === 0) throw new Error(`${path}: loads no module as it used to`);
      return { contents: imports + text };
    });
  },
};

/** Gives @wasmer/wasi the one function of Buffer that it uses, for its code, which is in it as base64. */
const wasmerBuffer: esbuild.Plugin = {
  name: "@wasmer/wasi's Buffer",
  setup({ onLoad }) {
    onLoad({ filter: /\/@wasmer\/wasi\/dist\/[^/]*\.js$/ }, async ({ path }) => ({
      contents: `const Buffer = { from: (text) => Uint8Array.fromBase64(text) };\n` +
        await Deno.readTextFile(path),
    }));
  },
};

/**
 * Writes `outfile`, its chunks and assets, and answers the names of all. Throws when the code does not compile. Packages that probe for Node find none:
 * touching `process` or `Buffer` makes Deno load its Node layer, which costs 25 ms of every boot.
 */
export async function bundle(
  { entry, outfile, minify = false }: BundleOptions,
): Promise<string[]> {
  const slash = outfile.lastIndexOf("/");
  try {
    const { metafile } = await esbuild.build({
      entryPoints: [{ in: entry, out: outfile.slice(slash + 1).replace(/\.js$/, "") }],
      outdir: outfile.slice(0, slash + 1) || ".",
      chunkNames: "chunk-[hash]",
      assetNames: "[name]-[hash]",
      loader: { ".wasm": "file" },
      splitting: true,
      metafile: true,
      minify,
      bundle: true,
      format: "esm",
      platform: "neutral",
      target: "esnext",
      mainFields: ["module", "main"],
      conditions: ["deno"],
      external: ["node:*"],
      alias: aliases,
      plugins: [protobufjsGlobals, transpilerModules, wasmerBuffer],
      define: {
        "global.process": "undefined",
        "globalThis.process": "undefined",
        "globalThis.Buffer": "undefined",
        Buffer: "undefined",
        global: "globalThis",
        process: "undefined",
      },
      legalComments: "none",
      logLevel: "silent",
    });
    return Object.keys(metafile.outputs).map((path) => path.slice(path.lastIndexOf("/") + 1))
      .sort();
  } finally {
    await esbuild.stop();
  }
}

if (import.meta.main) {
  const [entry, outfile] = Deno.args.filter((arg) => !arg.startsWith("--"));
  if (entry === undefined || outfile === undefined) {
    console.error("usage: bundle.ts ENTRY OUTFILE [--minify]");
    Deno.exit(2);
  }
  await bundle({ entry, outfile, minify: Deno.args.includes("--minify") });
}
