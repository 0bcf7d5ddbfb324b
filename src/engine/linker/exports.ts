/** Which function is behind an export. */

import type { Component, Function } from "./component.ts";

/** The function `name` of the instance that `component` exports as `from`. */
export function findExport(component: Component, from: string, name: string): Function | undefined {
  const exported = component.exports.find((item) => item.name === from && item.sort === "instance");
  return exported && functionOf(component, exported.index, name);
}

/** The function `name` of instance `index`: of its own exports, or what a component around them was given. */
function functionOf(component: Component, index: number, name: string): Function | undefined {
  const instance = component.instances[index];
  if (!instance || instance.from === "import") return undefined;
  const named = (items: { name: string; sort: string; index: number }[], wanted: string) =>
    items.find((item) => item.name === wanted && item.sort === "function")?.index;
  if (instance.from === "exports") {
    return resolve(component, named(instance.exports, name));
  }
  const inner = component.components[instance.component];
  const exported = named(inner.exports, name);
  const made = exported === undefined ? undefined : inner.functions[exported];
  if (made?.from !== "import") return undefined;
  return resolve(component, named(instance.arguments, made.name));
}

function resolve(component: Component, index: number | undefined): Function | undefined {
  const made = index === undefined ? undefined : component.functions[index];
  return made?.from === "instance" ? functionOf(component, made.instance, made.name) : made;
}
