/*
 * What scripts/build.ts says of the build, with -D:
 *
 *     DENOWASI_VERSION   text: version of the product
 *     DENOWASI_REVISION  text: git commit, ".m" after it when files were modified
 *     DENOWASI_ENGINES   texts with commas: the engines that a name may choose
 *     DENOWASI_RUNTIME   text: kind and version of the runtime
 *     DENOWASI_V8        text: version of V8
 *     DENOWASI_COMPILED  1: the runtime is one file made by `deno compile`, `runtime`;
 *                        0: it is `deno` and `shim.js`
 */
#ifndef DENOWASI_COMPILED
#error "built without scripts/build.ts: DENOWASI_COMPILED and the texts are not defined"
#endif
