/**
 * Resources: objects of the host that a guest knows by a handle. The script keeps a table of handles for each kind
 * and instance; a handle stands for an object by its `rep`, a number. Both may choose it: we do, so that functions
 * that work on handles and memory (lower.ts) find the object.
 */

const REP = Symbol.for("cabiRep");
const DISPOSE = Symbol.for("cabiDispose");

/** Living resources by their reps; 0 is none. What is free is used again: the script's handles have 30 bits. */
const living: (Resource | undefined)[] = [undefined];
const free: number[] = [];

/** All resources of one instance, which are given back with it. */
export class Scope {
  readonly #own = new Set<Resource>();

  add(resource: Resource): void {
    this.#own.add(resource);
  }

  remove(resource: Resource): void {
    this.#own.delete(resource);
  }

  /** Dispose what the guest has not dropped, the newest first. */
  [Symbol.dispose](): void {
    for (const resource of [...this.#own].reverse()) resource[Symbol.dispose]();
  }
}

/** What every resource is. */
export abstract class Resource {
  readonly [REP]: number;
  readonly #scope: Scope;

  constructor(scope: Scope) {
    this.#scope = scope;
    this[REP] = free.pop() ?? living.length;
    living[this[REP]] = this;
    scope.add(this);
  }

  /** The script calls it when the guest drops its handle. */
  [Symbol.dispose](): void {
    if (living[this[REP]] !== this) return;
    living[this[REP]] = undefined;
    free.push(this[REP]);
    this.#scope.remove(this);
    this.release();
  }

  /** Give back what it holds. Called once. */
  protected release(): void {}

  /** The script calls it for a handle whose object it has not seen. */
  static [DISPOSE](rep: number): void {
    living[rep]?.[Symbol.dispose]();
  }
}

/** The object that the script gives for a resource may be a stand-in, with the rep alone. */
export function resolve<Kind extends Resource>(resource: Kind): Kind {
  return living[resource[REP]] as Kind;
}

/** A table of the script: pairs of numbers, of which the second is the rep with a flag for an owned one. */
export type HandleTable = number[] & { _createdReps: Set<number> };

const OWNED = 1 << 30;

/** The resource of class `kind` that `handle` is in one of `tables`; undefined: there is none. */
export function lookUp<Kind extends Resource>(
  tables: readonly HandleTable[],
  handle: number,
  kind: abstract new (...args: never[]) => Kind,
): Kind | undefined {
  for (let index = tables.length - 1; index >= 0; index--) {
    const found = living[tables[index][(handle << 1) + 1] & ~OWNED];
    if (found instanceof kind) return found;
  }
  return undefined;
}

/** A new handle for `resource`, owned by the guest. The first pair of a table begins the list of its free ones. */
export function createHandle(table: HandleTable, resource: Resource): number {
  const rep = resource[REP];
  table._createdReps.add(rep);
  const handle = table[0] & ~OWNED;
  if (handle === 0) {
    table.push(0, rep | OWNED);
    return (table.length >> 1) - 1;
  }
  table[0] = table[handle << 1];
  table[handle << 1] = 0;
  table[(handle << 1) + 1] = rep | OWNED;
  return handle;
}
