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
  /** Pods that are terminating. */
  readonly leaving: number;
}

/** The requests of all pods, added up. */
export function sumPods(list: readonly PodObject[]): PodSums {
  let extended: Map<string, number> | undefined;
  let odd = 0;
  let leaving = 0;
  let [cpuMillis, memoryBytes, ephemeralBytes, pods] = [0, 0, 0, 0];
  for (const { shape, deleting } of list) {
    const { requests } = shape;
    if (deleting) leaving += 1;
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
  return { cpuMillis, memoryBytes, ephemeralBytes, pods, extended, odd, leaving };
}

/** The sums once some pods went and others came. undefined: they have to be added up anew, as doubles do not count such
 *  amounts by ones. */
export function sumsAfter(
  before: PodSums,
  moved: { readonly gone: Iterable<PodObject>; readonly come: Iterable<PodObject> },
): PodSums | undefined {
  if (before.odd > 0) return undefined;
  const sums = { ...before };
  // Those that go first: what is left is no more than it was.
  for (const pod of moved.gone) if (!addTo(sums, pod, -1)) return undefined;
  for (const pod of moved.come) if (!addTo(sums, pod, 1)) return undefined;
  const most = Math.max(sums.cpuMillis, sums.memoryBytes, sums.ephemeralBytes, ...(sums.extended?.values() ?? []));
  if (most > Number.MAX_SAFE_INTEGER) return undefined;
  if (sums.extended === before.extended) return sums;
  const left = [...(sums.extended ?? [])].filter(([, amount]) => amount !== 0);
  return { ...sums, extended: left.length === 0 ? undefined : new Map(left) };
}

/** False: odd amounts. */
function addTo(sums: { -readonly [Axis in keyof PodSums]: PodSums[Axis] }, pod: PodObject, times: 1 | -1): boolean {
  const { requests } = pod.shape;
  if (requests.exact !== undefined) return false;
  if (pod.deleting) sums.leaving += times;
  sums.cpuMillis += times * requests.cpuMillis;
  sums.memoryBytes += times * requests.memoryBytes;
  sums.ephemeralBytes += times * requests.ephemeralBytes;
  sums.pods += times * requests.pods;
  if (requests.extended.size === 0) return true;
  const extended = new Map(sums.extended);
  for (const [name, amount] of requests.extended) extended.set(name, (extended.get(name) ?? 0) + times * amount);
  sums.extended = extended;
  return true;
}

type Rows = ReadonlyMap<number, PodSums>;

/** Columns of sums, put together when somebody reads them: most plans place nothing, and then nobody does. */
export class SumColumns {
  #made: ResourceColumns | undefined;
  #base: ResourceColumns;
  /** The later ones count. */
  #rows: readonly Rows[];

  /** `base`, which nobody changes any more, with the rows of some indexes replaced. */
  constructor(base: ResourceColumns, rows: readonly Rows[] = []) {
    this.#base = base;
    this.#rows = rows;
    if (rows.length === 0) this.#made = base;
  }

  /** The columns; they are made once. */
  get(): ResourceColumns {
    if (this.#made !== undefined) return this.#made;
    this.#made = copyOf(this.#base);
    for (const rows of this.#rows) for (const [index, row] of rows) setRow(this.#made, index, row);
    this.#base = this.#made;
    this.#rows = [];
    return this.#made;
  }

  /** One row, whether or not the columns are made. */
  rowAt(index: number): Pick<PodSums, keyof ResourceColumns> {
    for (let last = this.#rows.length - 1; last >= 0; last -= 1) {
      const row = this.#rows[last]?.get(index);
      if (row !== undefined) return row;
    }
    const { cpuMillis, memoryBytes, ephemeralBytes, pods } = this.#base;
    return {
      cpuMillis: cpuMillis[index] ?? 0,
      memoryBytes: memoryBytes[index] ?? 0,
      ephemeralBytes: ephemeralBytes[index] ?? 0,
      pods: pods[index] ?? 0,
    };
  }

  /** With other rows at some indexes. */
  with(rows: Rows): SumColumns {
    if (rows.size === 0) return this;
    const after = new SumColumns(this.#base, [...this.#rows, rows]);
    if (this.#rows.length >= LATE_ROWS_MAX) after.get();
    return after;
  }
}

/** So many changes wait for a reader; from there on the columns are cheaper than looking through them for a row. */
const LATE_ROWS_MAX = 32;

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
