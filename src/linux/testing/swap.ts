/**
 * Changes FOLDER until its stdin ends: `swap` is in turns a folder and a link to the folder above, and `swap/folder` is
 * moved out of FOLDER and back. Prints a line when it has begun.
 */

const [folder] = Deno.args;
const [swap, kept, moved] = [`${folder}/swap`, `${folder}/kept`, `${folder}/../moved`];

let ended = false;
Deno.stdin.read(new Uint8Array(1)).then(() => ended = true);

console.log("swapping");
while (!ended) {
  for (let round = 0; round < 200; round++) {
    Deno.renameSync(swap, kept);
    Deno.symlinkSync("..", swap);
    Deno.removeSync(swap);
    Deno.renameSync(kept, swap);
    Deno.renameSync(`${swap}/folder`, moved);
    Deno.renameSync(moved, `${swap}/folder`);
  }
  await new Promise((resolve) => setTimeout(resolve, 0));
}
