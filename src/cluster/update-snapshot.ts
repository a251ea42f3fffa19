// The next snapshot from the one before: what a fresh build would give, at the cost of what changed. Nodes that did not
// change are the same objects; columns are copied as blocks; shapes keep their numbers, new ones come after them.
import {
  type ClusterSnapshot,
  indexByName,
  isUpcoming,
  joinNode,
  placeOf,
  type SnapshotNode,
} from './build-snapshot.ts';
import type { ClusterObjects, PodObject } from './cluster-objects.ts';
import type { ListChange } from './listed.ts';
import { type NextMembers, nextMembers } from './next-members.ts';
import { byKey, comparePods, groupPending } from './pending-groups.ts';
import { numberShapes, withoutDeadShapes } from './number-shapes.ts';
import type { NodeSlots } from './snapshot-columns.ts';
import { type PodsMoved, updateColumns, updateSlots } from './update-columns.ts';

/** `before` is the very object that the last snapshot was made from. */
export type PodChange = ListChange<PodObject>;

/** The snapshot of `objects`, which are those of `previous` with `podChanges` (each pod at most once) and with lists of other
 *  kinds as they are now. Equal to buildSnapshot(objects, version) but for the numbering of shapes and slots. */
export function updateSnapshot(
  last: ClusterSnapshot,
  next: { readonly objects: ClusterObjects; readonly version: number; readonly podChanges: readonly PodChange[] },
): ClusterSnapshot {
  const { objects, version, podChanges } = next;
  const previous = withoutDeadShapes(last);
  const moves = sortMoves(podChanges);
  const members = nextMembers(previous, objects);
  const { names, cameFrom } = members;
  const nodeIndexByName = names === undefined ? previous.nodeIndexByName : indexByName(names);
  const settled = settlePods(previous, { nodeIndexByName, members, moves: moves.byNode });
  const nodes = joinNodes(previous, { members, pods: settled.pods, objects });
  const slots = updateSlots(previous.columns, cameFrom);
  const moved = podsMoved(previous, { nodes, nodeIndexByName, slots, settled, moves: moves.byNode });
  const numbering = numberShapes(previous, moved);
  const { waiting } = moves;
  const pendingPods =
    waiting === undefined ? previous.pendingPods : listAfter(previous.pendingPods, waiting, comparePods);
  const changed = new Set([...members.touched.keys(), ...settled.pods.keys()]);
  return {
    objects,
    version,
    nodes,
    renewal: { mark: {}, since: cameFrom === undefined ? previous.renewal.mark : undefined, indexes: [...changed] },
    nodeIndexByName,
    pendingPods,
    pendingGroups: waiting === undefined ? previous.pendingGroups : groupPending(pendingPods),
    ...numbering,
    columns: updateColumns(previous, { nodes, changed, cameFrom, slots, moved, ...numbering }),
    strayPods: settled.strayPods,
  };
}

interface Move {
  readonly gone: PodObject[];
  readonly come: PodObject[];
}

type Moves = ReadonlyMap<string, Move>;

function sortMoves(changes: readonly PodChange[]): { readonly byNode: Moves; readonly waiting: Move | undefined } {
  const moves = new Map<string, Move>();
  const at = (place: string): Move => {
    let move = moves.get(place);
    if (move === undefined) moves.set(place, (move = { gone: [], come: [] }));
    return move;
  };
  for (const { before, after } of changes) {
    const from = before === undefined ? undefined : placeOf(before);
    const to = after === undefined ? undefined : placeOf(after);
    if (from !== undefined && before !== undefined) at(from).gone.push(before);
    if (to !== undefined && after !== undefined) at(to).come.push(after);
  }
  const waiting = moves.get('');
  moves.delete('');
  return { byNode: moves, waiting };
}

/** So many are looked for one by one: that only compares, and does not look into each pod of the list. */
const GONE_ONE_BY_ONE_MAX = 8;

function without(list: readonly PodObject[], gone: readonly PodObject[]): PodObject[] {
  if (gone.length > GONE_ONE_BY_ONE_MAX) {
    const all = new Set(gone);
    return list.filter((pod) => !all.has(pod));
  }
  const left = list.slice();
  for (const pod of gone) {
    const place = left.indexOf(pod);
    if (place !== -1) left.splice(place, 1);
  }
  return left;
}

/** The sorted list without what went and with what came. */
function listAfter(
  list: readonly PodObject[],
  { gone, come }: Move,
  order: (left: PodObject, right: PodObject) => number,
): readonly PodObject[] {
  const left = without(list, gone);
  if (list.length - left.length !== gone.length) throw new Error('a pod that changed must be one of the last snapshot');
  for (const pod of come) {
    let low = 0;
    let high = left.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = left[middle];
      if (other !== undefined && order(other, pod) <= 0) low = middle + 1;
      else high = middle;
    }
    left.splice(low, 0, pod);
  }
  return left;
}

interface Settled {
  /** By index in the next snapshot: lists that are not those of the last one. */
  readonly pods: ReadonlyMap<number, readonly PodObject[]>;
  readonly strayPods: ReadonlyMap<string, readonly PodObject[]>;
  /** Nodes of the last snapshot that are none any longer. */
  readonly left: readonly SnapshotNode[];
}

/** Lists of pods by place: those with moves, those of nodes that came (their pods were there before) and of nodes that went
 *  (their pods are still bound to the name). */
function settlePods(
  previous: ClusterSnapshot,
  next: { readonly nodeIndexByName: ReadonlyMap<string, number>; readonly members: NextMembers; readonly moves: Moves },
): Settled {
  const { nodeIndexByName, members, moves } = next;
  const places = new Map<string, readonly PodObject[]>();
  const left = nodesThatLeft(previous, members.cameFrom);
  for (const { name, pods } of left) places.set(name, pods);
  for (let at = members.cameFrom?.indexOf(-1) ?? -1; at !== -1; at = members.cameFrom?.indexOf(-1, at + 1) ?? -1) {
    const name = members.names?.[at] ?? '';
    places.set(name, previous.strayPods.get(name) ?? []);
  }
  for (const [name, move] of moves) {
    const index = previous.nodeIndexByName.get(name);
    const before = index === undefined ? previous.strayPods.get(name) : previous.nodes[index]?.pods;
    places.set(name, listAfter(before ?? [], move, byKey));
  }
  const pods = new Map<number, readonly PodObject[]>();
  let strayPods: Map<string, readonly PodObject[]> | undefined;
  for (const [name, list] of places) {
    const index = nodeIndexByName.get(name);
    if (index !== undefined) pods.set(index, list);
    const stray = index === undefined ? list : [];
    if (stray.length === 0 && !previous.strayPods.has(name)) continue;
    strayPods ??= new Map(previous.strayPods);
    if (stray.length > 0) strayPods.set(name, stray);
    else strayPods.delete(name);
  }
  return { pods, strayPods: strayPods ?? previous.strayPods, left };
}

function nodesThatLeft(previous: ClusterSnapshot, cameFrom: Int32Array | undefined): readonly SnapshotNode[] {
  if (cameFrom === undefined) return [];
  const stays = new Uint8Array(previous.nodes.length);
  for (const from of cameFrom) if (from !== -1) stays[from] = 1;
  return previous.nodes.filter((_node, index) => stays[index] === 0);
}

function joinNodes(
  previous: ClusterSnapshot,
  next: {
    readonly members: NextMembers;
    readonly pods: ReadonlyMap<number, readonly PodObject[]>;
    readonly objects: ClusterObjects;
  },
): readonly SnapshotNode[] {
  const { members, pods, objects } = next;
  const { names, cameFrom, touched } = members;
  const join = (index: number, old: SnapshotNode | undefined): SnapshotNode => {
    const name = old?.name ?? names?.[index] ?? '';
    const { node, claim } = touched.get(index) ?? { node: old?.node, claim: old?.claim };
    if (old !== undefined && isAsBefore(old, { node, claim }, objects)) {
      return movedTo(old, { index, pods: pods.get(index) ?? old.pods });
    }
    return joinNode({ index, name, node, claim, pods: pods.get(index) ?? old?.pods ?? [] }, objects);
  };
  if (names === undefined || cameFrom === undefined) {
    const nodes = previous.nodes.slice();
    for (const index of new Set([...touched.keys(), ...pods.keys()])) nodes[index] = join(index, previous.nodes[index]);
    return nodes;
  }
  return names.map((_name, index) => {
    const old = previous.nodes[cameFrom[index] ?? -1];
    if (old === undefined || touched.has(index) || pods.has(index)) return join(index, old);
    return old.index === index ? old : movedTo(old, { index, pods: old.pods });
  });
}

/** Made of the same Node and claim, whatever its pods are, and time changes nothing about it. */
function isAsBefore(
  old: SnapshotNode,
  { node, claim }: Pick<SnapshotNode, 'node' | 'claim'>,
  { observedAtMs }: ClusterObjects,
): boolean {
  if (old.node !== node || old.claim !== claim || old.upcoming) return false;
  return claim === undefined || !isUpcoming(claim, observedAtMs);
}

/** The same node at another index or with other pods; field by field, as thousands move when one comes. */
function movedTo(node: SnapshotNode, { index, pods }: Pick<SnapshotNode, 'index' | 'pods'>): SnapshotNode {
  const { name, node: object, claim, labels, taints, allocatable, upcoming, draining, unschedulable } = node;
  return { index, name, node: object, claim, pods, draining, labels, taints, allocatable, upcoming, unschedulable };
}

/** Who left and came to the slots of nodes. */
function podsMoved(
  previous: ClusterSnapshot,
  next: {
    readonly nodes: readonly SnapshotNode[];
    readonly nodeIndexByName: ReadonlyMap<string, number>;
    readonly slots: NodeSlots;
    readonly settled: Settled;
    readonly moves: Moves;
  },
): readonly PodsMoved[] {
  const { nodes, nodeIndexByName, slots, settled, moves } = next;
  const moved: PodsMoved[] = [];
  for (const { index, pods } of settled.left) {
    const slot = previous.columns.slotOfIndex[index] ?? -1;
    moved.push({ slot, index: -1, fresh: false, before: pods, after: [] });
  }
  for (const [index, pods] of settled.pods) {
    const slot = slots.slotOfIndex[index] ?? -1;
    const name = nodes[index]?.name ?? '';
    const move = moves.get(name);
    if (!previous.nodeIndexByName.has(name)) moved.push({ slot, index, fresh: true, before: [], after: pods });
    else if (move !== undefined && nodeIndexByName.has(name)) {
      moved.push({ slot, index, fresh: false, before: move.gone, after: move.come });
    }
  }
  return moved;
}
