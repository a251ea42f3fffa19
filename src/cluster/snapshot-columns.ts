// The numbers of a snapshot as columns, one entry per node, and where each pod shape runs. Kernels read these.
import type { NodeClaim } from '../api/node-claim.ts';
import type { PodObject, PodShape, Resources } from './cluster-objects.ts';
import { emptyColumns, type ResourceColumns, setRow, SumColumns, sumPods } from './resource-columns.ts';
import { inChunks, type ShapeEntries, withEntries } from './shape-entries.ts';

/** Nodes by slots: a node keeps its slot when others come and go, so that what refers to slots need not be renumbered. */
export interface NodeSlots {
  readonly slotOfIndex: Int32Array;
  /** −1: the slot is free. */
  readonly indexOfSlot: Int32Array;
}

/** Bits of SnapshotColumns.states: on its way out; coming up; behind it is a claim that is not Ready. */
export const DRAINING = 1;
export const UPCOMING = 2;
export const CLAIM_NOT_READY = 4;

export interface SnapshotColumns extends NodeSlots {
  /** What only few nodes are, as bits. */
  readonly states: Uint8Array;
  /** Indexes of those few, ascending. */
  readonly inState: readonly number[];
  readonly allocatable: ResourceColumns;
  /** Put together when it is read. */
  readonly requested: ResourceColumns;
  /** What `requested` is put together from. */
  readonly sums: SumColumns;
  /** Extended resources requested on a node; absent = none. */
  readonly extendedRequested: ReadonlyMap<number, ReadonlyMap<string, number>>;
  /** Pods whose requests are odd (Resources.exact) on a node; absent = none. */
  readonly oddPods: ReadonlyMap<number, number>;
  /** Pods on a node that are terminating; absent = none. */
  readonly leavingPods: ReadonlyMap<number, number>;
  /** Read with entriesOfShape. */
  readonly podsOfShape: ShapeEntries;
  /** Shapes that have a number and no pod. */
  readonly deadShapes: number;
}

interface NodeRow {
  readonly allocatable: Resources;
  readonly pods: readonly PodObject[];
  readonly draining: boolean;
  readonly upcoming: boolean;
  readonly claim: NodeClaim | undefined;
}

/** The node's bits in `states`. */
export function stateOf({ draining, upcoming, claim }: Pick<NodeRow, 'draining' | 'upcoming' | 'claim'>): number {
  const notReady = claim !== undefined && claim.status?.phase !== 'Ready';
  return (draining ? DRAINING : 0) | (upcoming ? UPCOMING : 0) | (notReady ? CLAIM_NOT_READY : 0);
}

/** Indexes of nodes with one of the bits, ascending. */
export function nodesInState(
  { states, inState }: Pick<SnapshotColumns, 'states' | 'inState'>,
  bits: number,
): readonly number[] {
  return inState.length === 0 ? inState : inState.filter((index) => ((states[index] ?? 0) & bits) !== 0);
}

/** Indexes of nodes with any bit, ascending. */
export function indexesInState(states: Uint8Array): readonly number[] {
  const found: number[] = [];
  for (let index = 0; index < states.length; index += 1) if (states[index] !== 0) found.push(index);
  return found;
}

/** The columns with other numbers for the shapes. */
export function renumbered(columns: SnapshotColumns, podsOfShape: ShapeEntries): SnapshotColumns {
  const { states, inState, allocatable, sums, extendedRequested, oddPods, leavingPods, slotOfIndex, indexOfSlot } =
    columns;
  return {
    states,
    inState,
    allocatable,
    sums,
    get requested() {
      return sums.get();
    },
    extendedRequested,
    oddPods,
    leavingPods,
    podsOfShape,
    deadShapes: 0,
    slotOfIndex,
    indexOfSlot,
  };
}

/** `shapeNumbers` numbers every shape that occurs, densely from 0. */
export function buildColumns(nodes: readonly NodeRow[], shapeNumbers: ReadonlyMap<PodShape, number>): SnapshotColumns {
  const allocatable = emptyColumns(nodes.length);
  const requested = emptyColumns(nodes.length);
  const sums = new SumColumns(requested);
  const extendedRequested = new Map<number, ReadonlyMap<string, number>>();
  const oddPods = new Map<number, number>();
  const leavingPods = new Map<number, number>();
  const entriesOf: number[][] = Array.from({ length: shapeNumbers.size }, () => []);
  nodes.forEach((node, index) => {
    setRow(allocatable, index, node.allocatable);
    const row = sumPods(node.pods);
    setRow(requested, index, row);
    if (row.odd > 0) oddPods.set(index, row.odd);
    if (row.leaving > 0) leavingPods.set(index, row.leaving);
    if (row.extended !== undefined) extendedRequested.set(index, row.extended);
    for (const { shape, deleting } of node.pods) {
      entriesOf[shapeNumbers.get(shape) ?? -1]?.push(index * 2 + (deleting ? 1 : 0));
    }
  });
  const states = Uint8Array.from(nodes, stateOf);
  return {
    states,
    inState: indexesInState(states),
    allocatable,
    sums,
    get requested() {
      return sums.get();
    },
    extendedRequested,
    oddPods,
    leavingPods,
    podsOfShape: withEntries([], new Map(entriesOf.map((entries, shape) => [shape, inChunks(entries)]))),
    deadShapes: 0,
    slotOfIndex: Int32Array.from(nodes.keys()),
    indexOfSlot: Int32Array.from(nodes.keys()),
  };
}
