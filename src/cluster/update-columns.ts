// The columns of the next snapshot: copied as blocks, with the rows of nodes that changed worked out anew.
import type { ClusterSnapshot, SnapshotNode } from './build-snapshot.ts';
import type { PodObject, PodShape } from './cluster-objects.ts';
import {
  addPods,
  addToColumns,
  emptyColumns,
  entriesOfShape,
  type NodeSlots,
  type PodSums,
  type ResourceColumns,
  type SnapshotColumns,
  withEntries,
} from './snapshot-columns.ts';

/** Pods that left (`before`) or came to (`after`) the node of a slot. */
export interface PodsMoved {
  readonly slot: number;
  readonly before: Iterable<PodObject>;
  readonly after: Iterable<PodObject>;
}

export interface NextColumns {
  readonly nodes: readonly SnapshotNode[];
  /** Indexes of nodes that are not as they were. */
  readonly changed: ReadonlySet<number>;
  /** Where each node was in the last snapshot, −1: nowhere; undefined: all are where they were. */
  readonly cameFrom: Int32Array | undefined;
  readonly slots: NodeSlots;
  readonly moved: readonly PodsMoved[];
  readonly shapeNumbers: ReadonlyMap<PodShape, number>;
}

/** Cost: the columns as blocks, the pods of changed nodes, and for each shape whose pods moved its entries. */
export function updateColumns(previous: ClusterSnapshot, next: NextColumns): SnapshotColumns {
  const { columns } = previous;
  const { cameFrom, nodes } = next;
  const sameRoom =
    cameFrom === undefined &&
    [...next.changed].every((index) => nodes[index]?.allocatable === previous.nodes[index]?.allocatable);
  const allocatable = sameRoom ? columns.allocatable : copyOf(columns.allocatable, cameFrom);
  const requested = copyOf(columns.requested, cameFrom);
  const sums = new Map<number, PodSums>();
  for (const index of next.changed) {
    const node = nodes[index];
    if (node === undefined) continue;
    if (!sameRoom) {
      clearRow(allocatable, index);
      addToColumns(allocatable, { index, resources: node.allocatable, times: 1 });
    }
    clearRow(requested, index);
    sums.set(index, addPods(requested, { index, pods: node.pods }));
  }
  const extendedOf = new Map([...sums].map(([index, { extended }]) => [index, extended]));
  const oddOf = new Map([...sums].map(([index, { odd }]) => [index, odd === 0 ? undefined : odd]));
  return {
    allocatable,
    requested,
    extendedRequested: updateMap(columns.extendedRequested, { entries: extendedOf, cameFrom }),
    oddPods: updateMap(columns.oddPods, { entries: oddOf, cameFrom }),
    ...updateEntries(previous, next),
    ...next.slots,
  };
}

/** The slots of the next nodes: those that were there keep theirs, new ones take free ones. */
export function updateSlots(columns: NodeSlots, cameFrom: Int32Array | undefined): NodeSlots {
  if (cameFrom === undefined) return { slotOfIndex: columns.slotOfIndex, indexOfSlot: columns.indexOfSlot };
  const { length } = cameFrom;
  const indexOfSlot = new Int32Array(Math.max(columns.indexOfSlot.length, length)).fill(-1);
  const slotOfIndex = cameFrom.map((from, index) => {
    const slot = from === -1 ? -1 : (columns.slotOfIndex[from] ?? -1);
    if (slot !== -1) indexOfSlot[slot] = index;
    return slot;
  });
  let free = -1;
  for (let index = 0; index < length; index += 1) {
    if (slotOfIndex[index] !== -1) continue;
    free = indexOfSlot.indexOf(-1, free + 1);
    slotOfIndex[index] = free;
    indexOfSlot[free] = index;
  }
  return { slotOfIndex, indexOfSlot };
}

/** Where each shape runs: entries taken off and added for the pods that moved. */
function updateEntries(
  { columns, shapes }: ClusterSnapshot,
  next: Pick<NextColumns, 'moved' | 'shapeNumbers'>,
): Pick<SnapshotColumns, 'podsOfShape' | 'deadShapes'> {
  const byShape = new Map<number, Map<number, number>>();
  const note = ({ shape, deleting }: PodObject, at: { readonly slot: number; readonly by: 1 | -1 }): void => {
    const number = next.shapeNumbers.get(shape);
    if (number === undefined) throw new Error('a shape of a pod on a node must have a number');
    let counts = byShape.get(number);
    if (counts === undefined) byShape.set(number, (counts = new Map()));
    const entry = at.slot * 2 + (deleting ? 1 : 0);
    counts.set(entry, (counts.get(entry) ?? 0) + at.by);
  };
  for (const { slot, before, after } of next.moved) {
    for (const pod of before) note(pod, { slot, by: -1 });
    for (const pod of after) note(pod, { slot, by: 1 });
  }
  const changed = new Map<number, Int32Array>();
  let { deadShapes } = columns;
  for (const [shape, counts] of byShape) {
    const before = entriesOfShape(columns, shape);
    const after = entriesAfter(before, counts);
    if (after === before) continue;
    changed.set(shape, after);
    if (after.length === 0) deadShapes += 1;
    else if (before.length === 0 && shape < shapes.length) deadShapes -= 1;
  }
  return {
    podsOfShape: changed.size === 0 ? columns.podsOfShape : withEntries(columns.podsOfShape, changed),
    deadShapes,
  };
}

function entriesAfter(before: Int32Array, counts: Map<number, number>): Int32Array {
  let grows = 0;
  let shrinks = 0;
  for (const count of counts.values()) {
    if (count > 0) grows += count;
    else shrinks -= count;
  }
  if (grows === 0 && shrinks === 0) return before;
  const after = new Int32Array(before.length + grows - shrinks);
  let length = 0;
  for (const entry of before) {
    const count = counts.get(entry) ?? 0;
    if (count < 0) counts.set(entry, count + 1);
    else after[length++] = entry;
  }
  for (const [entry, count] of counts) for (let added = 0; added < count; added += 1) after[length++] = entry;
  if (length !== after.length) throw new Error('a pod that left a node must have been counted there');
  return after;
}

/** The map with some entries replaced (undefined: taken out) and the others where their nodes are now. */
function updateMap<T>(
  map: ReadonlyMap<number, T>,
  by: { readonly entries: ReadonlyMap<number, T | undefined>; readonly cameFrom: Int32Array | undefined },
): ReadonlyMap<number, T> {
  const { entries, cameFrom } = by;
  let own = map.size === 0 || cameFrom === undefined ? undefined : new Map<number, T>();
  for (const [index, from] of own === undefined ? [] : (cameFrom ?? []).entries()) {
    const value = map.get(from);
    if (value !== undefined) own?.set(index, value);
  }
  for (const [index, value] of entries) {
    if (value === undefined && !(own ?? map).has(index)) continue;
    own ??= new Map(map);
    if (value === undefined) own.delete(index);
    else own.set(index, value);
  }
  return own ?? map;
}

function copyOf(columns: ResourceColumns, cameFrom: Int32Array | undefined): ResourceColumns {
  if (cameFrom === undefined) {
    return {
      cpuMillis: columns.cpuMillis.slice(),
      memoryBytes: columns.memoryBytes.slice(),
      ephemeralBytes: columns.ephemeralBytes.slice(),
      pods: columns.pods.slice(),
    };
  }
  const copy = emptyColumns(cameFrom.length);
  for (let index = 0; index < cameFrom.length; index += 1) {
    const from = cameFrom[index] ?? -1;
    if (from === -1) continue;
    copy.cpuMillis[index] = columns.cpuMillis[from] ?? 0;
    copy.memoryBytes[index] = columns.memoryBytes[from] ?? 0;
    copy.ephemeralBytes[index] = columns.ephemeralBytes[from] ?? 0;
    copy.pods[index] = columns.pods[from] ?? 0;
  }
  return copy;
}

function clearRow(columns: ResourceColumns, index: number): void {
  columns.cpuMillis[index] = 0;
  columns.memoryBytes[index] = 0;
  columns.ephemeralBytes[index] = 0;
  columns.pods[index] = 0;
}
