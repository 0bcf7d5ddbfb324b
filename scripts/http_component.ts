/** Builds the component of tests/http: a core module in C, with what world.wit says of its imports. */

const CFLAGS = ["--target=wasm32", "-nostdlib", "-O2", "-Wall", "-Wextra", "-Werror"];

/** Compiles `source`, whose world is in world.wit beside it. @throws Error with the compiler's words */
export async function compileHandler(source: string, out: string): Promise<void> {
  const folder = source.slice(0, source.lastIndexOf("/"));
  const core = `${out}.core`;
  const args = [...CFLAGS, "-Wl,--no-entry", source, "-o", core];
  const { success, stderr } = await new Deno.Command("clang", { args }).output();
  if (!success) throw new Error(`clang ${source}: ${new TextDecoder().decode(stderr)}`);
  const { componentEmbed, componentNew } = await import(
    "@bytecodealliance/jco-transpile/wasm-tools"
  );
  const embedded = await componentEmbed({
    binary: await Deno.readFile(core),
    witSource: await Deno.readTextFile(`${folder}/world.wit`),
    world: "handler",
  });
  await Deno.remove(core);
  await Deno.writeFile(out, await componentNew(embedded, []));
}
