// The columns of the next snapshot: copied as blocks, with the rows of nodes that changed worked out anew.
import type { ClusterSnapshot, SnapshotNode } from './build-snapshot.ts';
import type { PodObject, PodShape } from './cluster-objects.ts';
import { addToColumns, type ResourceColumns, type SnapshotColumns } from './snapshot-columns.ts';

interface NextNodes {
  readonly nodes: readonly SnapshotNode[];
  /** Indexes of nodes that are not as they were. */
  readonly changed: readonly number[];
  readonly shapes: readonly PodShape[];
  readonly shapeNumbers: ReadonlyMap<PodShape, number>;
}

/** Cost: the columns as blocks, and the pods of shapes that came to or left changed nodes. */
export function updateColumns(previous: ClusterSnapshot, next: NextNodes): SnapshotColumns {
  const { columns } = previous;
  const allocatable = copyOf(columns.allocatable);
  const requested = copyOf(columns.requested);
  let { extendedRequested, oddPods } = columns;
  for (const index of new Set(next.changed)) {
    const node = next.nodes[index];
    if (node === undefined) continue;
    clearRow(allocatable, index);
    addToColumns(allocatable, { index, resources: node.allocatable, times: 1 });
    clearRow(requested, index);
    const extended = new Map<string, number>();
    let odd = 0;
    for (const { shape } of node.pods) {
      addToColumns(requested, { index, resources: shape.requests, times: 1 });
      if (shape.requests.exact !== undefined) odd += 1;
      for (const [name, amount] of shape.requests.extended) {
        if (amount !== 0) extended.set(name, (extended.get(name) ?? 0) + amount);
      }
    }
    extendedRequested = withEntry(extendedRequested, { index, value: extended.size === 0 ? undefined : extended });
    oddPods = withEntry(oddPods, { index, value: odd === 0 ? undefined : odd });
  }
  return { allocatable, requested, extendedRequested, oddPods, podsOfShape: updateEntries(previous, next) };
}

/** Where each shape runs. Entries of a shape stay in node order. */
function updateEntries(previous: ClusterSnapshot, next: NextNodes): readonly Int32Array[] {
  const changed = new Set(next.changed);
  const came = new Map<number, number[]>();
  const note = (pods: readonly PodObject[], of: { readonly index: number; readonly came: boolean }): void => {
    for (const { shape, deleting } of pods) {
      const number = next.shapeNumbers.get(shape) ?? -1;
      let entries = came.get(number);
      if (entries === undefined) came.set(number, (entries = []));
      if (of.came) entries.push(of.index * 2 + (deleting ? 1 : 0));
    }
  };
  for (const index of [...changed].sort((left, right) => left - right)) {
    const [before, after] = [previous.nodes[index]?.pods ?? [], next.nodes[index]?.pods ?? []];
    if (before === after) changed.delete(index);
    else {
      note(before, { index, came: false });
      note(after, { index, came: true });
    }
  }
  const entriesOf = previous.columns.podsOfShape.slice();
  while (entriesOf.length < next.shapes.length) entriesOf.push(new Int32Array());
  for (const [number, entries] of came) {
    const kept = (entriesOf[number] ?? new Int32Array()).filter((entry) => !changed.has(entry >> 1));
    const all = new Int32Array(kept.length + entries.length);
    all.set(kept);
    all.set(entries, kept.length);
    entriesOf[number] = sortedByNode(all);
  }
  return entriesOf;
}

/** Pods of one node stay in their order. */
function sortedByNode(entries: Int32Array): Int32Array {
  return Int32Array.from([...entries].sort((left, right) => (left >> 1) - (right >> 1)));
}

function withEntry<T>(
  map: ReadonlyMap<number, T>,
  entry: { readonly index: number; readonly value: T | undefined },
): ReadonlyMap<number, T> {
  const { index, value } = entry;
  if (value === undefined && !map.has(index)) return map;
  const copy = new Map(map);
  if (value === undefined) copy.delete(index);
  else copy.set(index, value);
  return copy;
}

function copyOf(columns: ResourceColumns): ResourceColumns {
  return {
    cpuMillis: columns.cpuMillis.slice(),
    memoryBytes: columns.memoryBytes.slice(),
    ephemeralBytes: columns.ephemeralBytes.slice(),
    pods: columns.pods.slice(),
  };
}

function clearRow(columns: ResourceColumns, index: number): void {
  columns.cpuMillis[index] = 0;
  columns.memoryBytes[index] = 0;
  columns.ephemeralBytes[index] = 0;
  columns.pods[index] = 0;
}
