export { httpProgram, httpService } from "./service.ts";
export { httpSettings } from "./settings.ts";
