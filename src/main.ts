/** The program behind the launcher: arguments in, exit code out. The only caller of Deno.exit. */

import { parseCall } from "./cli/args.ts";
import { ShimError } from "./errdefs/mod.ts";

/** Each action loads its own part of the program: evaluating all of it costs every boot. */
async function main([action, ...rest]: readonly string[]): Promise<number | void> {
  switch (action) {
    case "serve": {
      const { serve } = await import("./cli/serve.ts");
      return await serve(parseCall(rest));
    }
    case "delete": {
      const { runDelete } = await import("./cli/delete.ts");
      return await runDelete(parseCall(rest));
    }
    case "info": {
      const { runInfo } = await import("./cli/info.ts");
      return runInfo(parseCall(rest));
    }
    case "zygote": {
      const { runZygote } = await import("./zygote/main.ts");
      const [socket, runtime, engine, compilation] = rest;
      return await runZygote(
        ...[socket, `${runtime}/libdenowasi.so`, engine] as const,
        compilation === "lazy" ? "lazy" : "eager",
      );
    }
    case "run": {
      const { runRun } = await import("./cli/run.ts");
      const [runtime, engine, ...args] = rest;
      return await runRun(runtime, engine, args);
    }
    case "transpile": {
      const { runTranspile } = await import("./cli/transpile.ts");
      return await runTranspile(rest[0]);
    }
    case "http": {
      const { runHttp } = await import("./cli/http.ts");
      return await runHttp(rest[0], rest[1]);
    }
    case "oci-tar-builder": {
      const { runOciTarBuilder } = await import("./cli/oci_tar_builder.ts");
      return await runOciTarBuilder(rest);
    }
    default:
      throw new ShimError("Internal", `read the arguments: unknown action ${action}`);
  }
}

try {
  Deno.exit(await main(Deno.args) ?? 0);
} catch (error) {
  const text = ShimError.from(error).message.replaceAll("\n", " ");
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
  Deno.exit(1);
}
