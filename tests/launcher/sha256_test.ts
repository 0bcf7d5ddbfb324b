import assert from "node:assert/strict";
import { run as compile } from "../../scripts/native.ts";
import { must } from "../support/mod.ts";
import { Folder } from "./support.ts";

Deno.test("sha256 agrees with Web Crypto for every length around a block, in any pieces", async () => {
  using folder = new Folder();
  const driver = `${folder.path}/driver`;
  await compile("gcc", [
    ...["-std=c11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror"],
    ...["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", driver],
    "tests/launcher/sha256_driver.c",
    ...["src/launcher/sha256.c", "src/launcher/sha256_x86.c"],
  ]);
  const extensions = (await Deno.readTextFile("/proc/cpuinfo")).includes(" sha_ni");
  const lengths = [...Array(130).keys(), 255, 256, 1000, 65_537, 1_000_000];
  for (const length of lengths) {
    const data = new Uint8Array(length);
    for (let at = 0; at < length; at += 65_536) {
      crypto.getRandomValues(data.subarray(at, at + 65_536));
    }
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();
    for (const piece of [1, 63, 64, 4096]) {
      if (piece === 1 && length > 64) continue;
      const argv = [driver, String(piece), ...(extensions ? ["x86"] : [])];
      const { out } = await must(argv, { stdin: data });
      assert.deepEqual(out.trim().split("\n"), Array(extensions ? 3 : 2).fill(digest), `${length}`);
    }
  }
});
