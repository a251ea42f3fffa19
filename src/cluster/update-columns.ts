// The columns of the next snapshot: copied as blocks, with the rows of nodes that changed worked out anew.
import type { ClusterSnapshot, SnapshotNode } from './build-snapshot.ts';
import type { PodObject, PodShape, Resources } from './cluster-objects.ts';
import {
  copyOf,
  movedColumns,
  type PodSums,
  type ResourceColumns,
  setRow,
  SumColumns,
  sumPods,
  sumsAfter,
} from './resource-columns.ts';
import { type Entries, entriesAfter, entriesOfShape, withEntries } from './shape-entries.ts';
import { indexesInState, type NodeSlots, type SnapshotColumns, stateOf } from './snapshot-columns.ts';

/** Pods that left (`before`) or came to (`after`) the node of a slot. */
export interface PodsMoved {
  readonly slot: number;
  /** Of the node; −1: it is none any longer. */
  readonly index: number;
  /** It was none before. */
  readonly fresh: boolean;
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

/** Cost: what changed of the columns as blocks, and for each shape whose pods moved its entries. */
export function updateColumns(previous: ClusterSnapshot, next: NextColumns): SnapshotColumns {
  const { columns } = previous;
  const { cameFrom } = next;
  const requested = cameFrom === undefined ? columns.sums : new SumColumns(movedColumns(columns.requested, cameFrom));
  const sums = sumsOf(previous, { ...next, requested });
  const after = requested.with(sums);
  return {
    ...statesOf(previous, next),
    allocatable: allocatableOf(previous, next),
    sums: after,
    get requested() {
      return after.get();
    },
    extendedRequested: updateMap(columns.extendedRequested, { sums, cameFrom, valueOf: ({ extended }) => extended }),
    oddPods: updateMap(columns.oddPods, { sums, cameFrom, valueOf: ({ odd }) => odd || undefined }),
    leavingPods: updateMap(columns.leavingPods, { sums, cameFrom, valueOf: ({ leaving }) => leaving || undefined }),
    ...updateEntries(previous, next),
    ...next.slots,
  };
}

/** What the pods ask for on nodes that have others than before. `requested`: what they asked for before, by new index. */
function sumsOf(
  { columns }: ClusterSnapshot,
  next: Pick<NextColumns, 'nodes' | 'moved' | 'cameFrom'> & { readonly requested: SumColumns },
): ReadonlyMap<number, PodSums> {
  const { nodes, cameFrom, requested } = next;
  const sums = new Map<number, PodSums>();
  for (const { index, fresh, before: gone, after: come } of next.moved) {
    const node = nodes[index];
    if (node === undefined) continue;
    const from = cameFrom === undefined ? index : (cameFrom[index] ?? -1);
    const { cpuMillis, memoryBytes, ephemeralBytes, pods } = requested.rowAt(index);
    const extended = columns.extendedRequested.get(from);
    const [odd, leaving] = [columns.oddPods.get(from) ?? 0, columns.leavingPods.get(from) ?? 0];
    const before = { cpuMillis, memoryBytes, ephemeralBytes, pods, extended, odd, leaving };
    sums.set(index, (fresh ? undefined : sumsAfter(before, { gone, come })) ?? sumPods(node.pods));
  }
  return sums;
}

/** The same where no node has other room than before. */
function allocatableOf(previous: ClusterSnapshot, { nodes, changed, cameFrom }: NextColumns): ResourceColumns {
  const before = previous.columns.allocatable;
  let after = cameFrom === undefined ? undefined : movedColumns(before, cameFrom);
  for (const index of changed) {
    const room = nodes[index]?.allocatable;
    if (room === undefined || (after === undefined && sameRoom(before, index, room))) continue;
    after ??= copyOf(before);
    setRow(after, index, room);
  }
  return after ?? before;
}

function sameRoom(columns: ResourceColumns, index: number, room: Resources): boolean {
  return (
    columns.cpuMillis[index] === room.cpuMillis &&
    columns.memoryBytes[index] === room.memoryBytes &&
    columns.ephemeralBytes[index] === room.ephemeralBytes &&
    columns.pods[index] === room.pods
  );
}

/** The same where no node is in another state than before. */
function statesOf(
  { columns }: ClusterSnapshot,
  { nodes, changed, cameFrom }: NextColumns,
): Pick<SnapshotColumns, 'states' | 'inState'> {
  let states: Uint8Array | undefined;
  if (cameFrom !== undefined) {
    states = new Uint8Array(cameFrom.length);
    for (let index = 0; index < cameFrom.length; index += 1) states[index] = columns.states[cameFrom[index] ?? -1] ?? 0;
  }
  for (const index of changed) {
    const node = nodes[index];
    if (node === undefined) continue;
    const state = stateOf(node);
    if ((states ?? columns.states)[index] === state) continue;
    states ??= columns.states.slice();
    states[index] = state;
  }
  if (states === undefined) return { states: columns.states, inState: columns.inState };
  return { states, inState: indexesInState(states) };
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
  previous: ClusterSnapshot,
  next: Pick<NextColumns, 'moved' | 'shapeNumbers'>,
): Pick<SnapshotColumns, 'podsOfShape' | 'deadShapes'> {
  const byShape = new Map<number, Map<number, number>>();
  const { shapeCount, columns } = previous;
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
  const changed = new Map<number, Entries>();
  let { deadShapes } = columns;
  for (const [shape, counts] of byShape) {
    const before = entriesOfShape(columns, shape);
    const after = entriesAfter(before, counts);
    if (after === before) continue;
    changed.set(shape, after);
    if (after.length === 0) deadShapes += 1;
    else if (before.length === 0 && shape < shapeCount) deadShapes -= 1;
  }
  return {
    podsOfShape: changed.size === 0 ? columns.podsOfShape : withEntries(columns.podsOfShape, changed),
    deadShapes,
  };
}

/** The map with the values of some sums (undefined: taken out) and the others where their nodes are now. */
function updateMap<T>(
  map: ReadonlyMap<number, T>,
  by: {
    readonly sums: ReadonlyMap<number, PodSums>;
    readonly cameFrom: Int32Array | undefined;
    readonly valueOf: (sums: PodSums) => T | undefined;
  },
): ReadonlyMap<number, T> {
  const { sums, cameFrom, valueOf } = by;
  let own = map.size === 0 || cameFrom === undefined ? undefined : new Map<number, T>();
  for (const [index, from] of own === undefined ? [] : (cameFrom ?? []).entries()) {
    const value = map.get(from);
    if (value !== undefined) own?.set(index, value);
  }
  for (const [index, row] of sums) {
    const value = valueOf(row);
    if (value === undefined && !(own ?? map).has(index)) continue;
    own ??= new Map(map);
    if (value === undefined) own.delete(index);
    else own.set(index, value);
  }
  return own ?? map;
}
