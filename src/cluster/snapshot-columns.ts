// The numbers of a snapshot as columns, one entry per node, and where each pod shape runs. Kernels read these.
import type { PodObject, PodShape, Resources } from './cluster-objects.ts';

/** Axes that every node has. Bytes go beyond 32 bits, so all are doubles; whole numbers below 2^53 stay exact. */
export interface ResourceColumns {
  readonly cpuMillis: Float64Array;
  readonly memoryBytes: Float64Array;
  readonly ephemeralBytes: Float64Array;
  readonly pods: Float64Array;
}

export interface SnapshotColumns {
  readonly allocatable: ResourceColumns;
  readonly requested: ResourceColumns;
  /** Extended resources requested on a node; absent = none. */
  readonly extendedRequested: ReadonlyMap<number, ReadonlyMap<string, number>>;
  /** Pods whose requests are odd (Resources.exact) on a node; absent = none. */
  readonly oddPods: ReadonlyMap<number, number>;
  /** Per shape number: one entry per pod, node index × 2, plus 1 when the pod is terminating. In node order. */
  readonly podsOfShape: readonly Int32Array[];
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
  const entriesOfShape: number[][] = Array.from({ length: shapeNumbers.size }, () => []);
  nodes.forEach((node, index) => {
    addToColumns(allocatable, { index, resources: node.allocatable, times: 1 });
    let extended: Map<string, number> | undefined;
    for (const pod of node.pods) {
      const { shape } = pod;
      addToColumns(requested, { index, resources: shape.requests, times: 1 });
      if (shape.requests.exact !== undefined) oddPods.set(index, (oddPods.get(index) ?? 0) + 1);
      for (const [name, amount] of shape.requests.extended) {
        if (amount === 0) continue;
        extended ??= new Map();
        extended.set(name, (extended.get(name) ?? 0) + amount);
      }
      const number = shapeNumbers.get(shape);
      if (number !== undefined) entriesOfShape[number]?.push(index * 2 + (pod.deleting ? 1 : 0));
    }
    if (extended !== undefined) extendedRequested.set(index, extended);
  });
  return {
    allocatable,
    requested,
    extendedRequested,
    oddPods,
    podsOfShape: entriesOfShape.map((entries) => Int32Array.from(entries)),
  };
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
