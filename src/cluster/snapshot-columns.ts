// The numbers of a snapshot as columns, one entry per node, and where each pod shape runs. Kernels read these.
import type { PodObject, PodShape, Resources } from './cluster-objects.ts';

/** Axes that every node has. Bytes go beyond 32 bits, so all are doubles; whole numbers below 2^53 stay exact. */
export interface ResourceColumns {
  readonly cpuMillis: Float64Array;
  readonly memoryBytes: Float64Array;
  readonly ephemeralBytes: Float64Array;
  readonly pods: Float64Array;
}

/** Nodes by slots: a node keeps its slot when others come and go, so that what refers to slots need not be renumbered. */
export interface NodeSlots {
  readonly slotOfIndex: Int32Array;
  /** −1: the slot is free. */
  readonly indexOfSlot: Int32Array;
}

export interface SnapshotColumns extends NodeSlots {
  readonly allocatable: ResourceColumns;
  readonly requested: ResourceColumns;
  /** Extended resources requested on a node; absent = none. */
  readonly extendedRequested: ReadonlyMap<number, ReadonlyMap<string, number>>;
  /** Pods whose requests are odd (Resources.exact) on a node; absent = none. */
  readonly oddPods: ReadonlyMap<number, number>;
  /** Read with entriesOfShape. */
  readonly podsOfShape: ShapeEntries;
  /** Shapes that have a number and no pod. */
  readonly deadShapes: number;
}

/** Per shape number: one entry per pod, slot of its node × 2, plus 1 when the pod is terminating; in no order. In blocks, so
 *  that the next snapshot copies those that changed and shares the others. */
export type ShapeEntries = readonly (readonly Int32Array[])[];

/** Shapes in one block: some 18,000 shapes of a large cluster are 141 blocks of 128. */
const BLOCK_BITS = 7;
const NO_ENTRIES = new Int32Array();

/** Where the pods of the shape with this number are; none for a number that was not given. */
export function entriesOfShape({ podsOfShape }: Pick<SnapshotColumns, 'podsOfShape'>, shape: number): Int32Array {
  return podsOfShape[shape >> BLOCK_BITS]?.[shape & ((1 << BLOCK_BITS) - 1)] ?? NO_ENTRIES;
}

/** The entries with those of some shapes replaced. */
export function withEntries(from: ShapeEntries, changed: ReadonlyMap<number, Int32Array>): ShapeEntries {
  const blocks = from.slice();
  const own = new Map<number, Int32Array[]>();
  for (const [shape, entries] of changed) {
    const number = shape >> BLOCK_BITS;
    let block = own.get(number);
    if (block === undefined) {
      block = (from[number] ?? []).slice();
      own.set(number, block);
      while (blocks.length <= number) blocks.push([]);
      blocks[number] = block;
    }
    const place = shape & ((1 << BLOCK_BITS) - 1);
    while (block.length <= place) block.push(NO_ENTRIES);
    block[place] = entries;
  }
  return blocks;
}

interface NodeRow {
  readonly allocatable: Resources;
  readonly pods: readonly PodObject[];
}

/** `shapeNumbers` numbers every shape that occurs, densely from 0. */
export function buildColumns(nodes: readonly NodeRow[], shapeNumbers: ReadonlyMap<PodShape, number>): SnapshotColumns {
  const allocatable = emptyColumns(nodes.length);
  const requested = emptyColumns(nodes.length);
  const extendedRequested = new Map<number, ReadonlyMap<string, number>>();
  const oddPods = new Map<number, number>();
  const entriesOf: number[][] = Array.from({ length: shapeNumbers.size }, () => []);
  nodes.forEach((node, index) => {
    addToColumns(allocatable, { index, resources: node.allocatable, times: 1 });
    const { extended, odd } = addPods(requested, { index, pods: node.pods });
    if (odd > 0) oddPods.set(index, odd);
    if (extended !== undefined) extendedRequested.set(index, extended);
    for (const { shape, deleting } of node.pods) {
      entriesOf[shapeNumbers.get(shape) ?? -1]?.push(index * 2 + (deleting ? 1 : 0));
    }
  });
  return {
    allocatable,
    requested,
    extendedRequested,
    oddPods,
    podsOfShape: withEntries([], new Map(entriesOf.map((entries, shape) => [shape, Int32Array.from(entries)]))),
    deadShapes: 0,
    slotOfIndex: Int32Array.from(nodes.keys()),
    indexOfSlot: Int32Array.from(nodes.keys()),
  };
}

/** What the pods on one node ask for besides the columns. */
export interface PodSums {
  /** undefined: nothing. */
  readonly extended: ReadonlyMap<string, number> | undefined;
  /** Pods whose requests are odd. */
  readonly odd: number;
}

/** Adds the requests of all pods at one node. */
export function addPods(
  requested: ResourceColumns,
  of: { readonly index: number; readonly pods: readonly PodObject[] },
): PodSums {
  const { index } = of;
  let extended: Map<string, number> | undefined;
  let odd = 0;
  for (const { shape } of of.pods) {
    const { requests } = shape;
    addToColumns(requested, { index, resources: requests, times: 1 });
    if (requests.exact !== undefined) odd += 1;
    if (requests.extended.size === 0) continue;
    for (const [name, amount] of requests.extended) {
      if (amount === 0) continue;
      extended ??= new Map();
      extended.set(name, (extended.get(name) ?? 0) + amount);
    }
  }
  return { extended, odd };
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
