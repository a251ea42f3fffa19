// Columns of amounts, one row per node, and what the pods of a node ask for together.
import type { PodObject, Resources } from './cluster-objects.ts';

/** Axes that every node has. Bytes go beyond 32 bits, so all are doubles; whole numbers below 2^53 stay exact. */
export interface ResourceColumns {
  readonly cpuMillis: Float64Array;
  readonly memoryBytes: Float64Array;
  readonly ephemeralBytes: Float64Array;
  readonly pods: Float64Array;
}

/** Columns of zeros for `length` nodes. */
export function emptyColumns(length: number): ResourceColumns {
  return {
    cpuMillis: new Float64Array(length),
    memoryBytes: new Float64Array(length),
    ephemeralBytes: new Float64Array(length),
    pods: new Float64Array(length),
  };
}

/** Adds (or takes off: `times` below zero) so many times the resources at one node. Exact while sums stay below 2^53, so
 *  taking off undoes adding. */
export function addToColumns(
  columns: ResourceColumns,
  what: { readonly index: number; readonly resources: Resources; readonly times: number },
): void {
  const { index, resources, times } = what;
  columns.cpuMillis[index] = (columns.cpuMillis[index] ?? 0) + times * resources.cpuMillis;
  columns.memoryBytes[index] = (columns.memoryBytes[index] ?? 0) + times * resources.memoryBytes;
  columns.ephemeralBytes[index] = (columns.ephemeralBytes[index] ?? 0) + times * resources.ephemeralBytes;
  columns.pods[index] = (columns.pods[index] ?? 0) + times * resources.pods;
}

/** What the pods on one node ask for together. */
export interface PodSums {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly ephemeralBytes: number;
  readonly pods: number;
  /** undefined: nothing. */
  readonly extended: ReadonlyMap<string, number> | undefined;
  /** Pods whose requests are odd. */
  readonly odd: number;
}

/** The requests of all pods, added up. */
export function sumPods(list: readonly PodObject[]): PodSums {
  let extended: Map<string, number> | undefined;
  let odd = 0;
  let [cpuMillis, memoryBytes, ephemeralBytes, pods] = [0, 0, 0, 0];
  for (const { shape } of list) {
    const { requests } = shape;
    cpuMillis += requests.cpuMillis;
    memoryBytes += requests.memoryBytes;
    ephemeralBytes += requests.ephemeralBytes;
    pods += requests.pods;
    if (requests.exact !== undefined) odd += 1;
    if (requests.extended.size === 0) continue;
    for (const [name, amount] of requests.extended) {
      if (amount === 0) continue;
      extended ??= new Map();
      extended.set(name, (extended.get(name) ?? 0) + amount);
    }
  }
  return { cpuMillis, memoryBytes, ephemeralBytes, pods, extended, odd };
}

/** Columns of sums, put together when somebody reads them: most plans place nothing, and then nobody does. */
export class SumColumns {
  #made: ResourceColumns | undefined;
  #base: ResourceColumns;
  #rows: ReadonlyMap<number, PodSums>;

  /** `base`, which nobody changes any more, with the rows of some indexes replaced. */
  constructor(base: ResourceColumns, rows: ReadonlyMap<number, PodSums> = NO_ROWS) {
    this.#base = base;
    this.#rows = rows;
    if (rows.size === 0) this.#made = base;
  }

  /** The columns; they are made once. */
  get(): ResourceColumns {
    if (this.#made !== undefined) return this.#made;
    this.#made = copyOf(this.#base);
    for (const [index, row] of this.#rows) setRow(this.#made, index, row);
    this.#base = this.#made;
    this.#rows = NO_ROWS;
    return this.#made;
  }

  /** With other rows at some indexes. */
  with(rows: ReadonlyMap<number, PodSums>): SumColumns {
    const changed = new Map([...this.#rows, ...rows]);
    const after = new SumColumns(this.#base, changed);
    if (changed.size > LATE_ROWS_MAX) after.get();
    return after;
  }
}

/** Rows that wait for a reader are copied from one snapshot to the next; from so many on the columns are cheaper. */
const LATE_ROWS_MAX = 512;
const NO_ROWS: ReadonlyMap<number, PodSums> = new Map();

/** The same numbers in columns of their own. */
export function copyOf(columns: ResourceColumns): ResourceColumns {
  return {
    cpuMillis: columns.cpuMillis.slice(),
    memoryBytes: columns.memoryBytes.slice(),
    ephemeralBytes: columns.ephemeralBytes.slice(),
    pods: columns.pods.slice(),
  };
}

/** Writes one row. */
export function setRow(columns: ResourceColumns, index: number, row: Pick<Resources, keyof ResourceColumns>): void {
  columns.cpuMillis[index] = row.cpuMillis;
  columns.memoryBytes[index] = row.memoryBytes;
  columns.ephemeralBytes[index] = row.ephemeralBytes;
  columns.pods[index] = row.pods;
}

/** The rows of `columns` at other indexes: row k comes from `cameFrom[k]`; −1: zeros. */
export function movedColumns(columns: ResourceColumns, cameFrom: Int32Array): ResourceColumns {
  const moved = emptyColumns(cameFrom.length);
  for (let index = 0; index < cameFrom.length; index += 1) {
    const from = cameFrom[index] ?? -1;
    if (from === -1) continue;
    moved.cpuMillis[index] = columns.cpuMillis[from] ?? 0;
    moved.memoryBytes[index] = columns.memoryBytes[from] ?? 0;
    moved.ephemeralBytes[index] = columns.ephemeralBytes[from] ?? 0;
    moved.pods[index] = columns.pods[from] ?? 0;
  }
  return moved;
}
