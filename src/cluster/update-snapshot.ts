// The next snapshot from the one before: what a fresh build would give, at the cost of what changed. Nodes that did not
// change are the same objects; columns are copied as blocks; shapes keep their numbers, new ones come after them.
import {
  buildSnapshot,
  type ClusterSnapshot,
  isUpcoming,
  joinNode,
  nodeNameOf,
  placeOf,
  type SnapshotNode,
} from './build-snapshot.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { ClusterObjects, NodeObject, PodObject, PodShape } from './cluster-objects.ts';
import { byKey, comparePods, groupPending } from './pending-groups.ts';
import { updateColumns } from './update-columns.ts';

/** A pod that came (no `before`), went (no `after`) or changed. `before` is the very object that the last snapshot was made
 *  from. */
export interface PodChange {
  readonly before: PodObject | undefined;
  readonly after: PodObject | undefined;
}

/** Shapes without pods keep their numbers until they are so many beside those with pods; then all is built anew. */
const DEAD_SHAPES_MAX = 4096;

/** The snapshot of `objects`, which are those of `previous` with `podChanges` (each pod at most once) and with lists of other
 *  kinds as they are now. Equal to buildSnapshot(objects, version) but for the numbering of shapes. When nodes came, went or
 *  changed places in their list, it is built anew. */
export function updateSnapshot(
  previous: ClusterSnapshot,
  next: { readonly objects: ClusterObjects; readonly version: number; readonly podChanges: readonly PodChange[] },
): ClusterSnapshot {
  const { objects, version, podChanges } = next;
  const touched = touchedNodes(previous, objects);
  if (touched === undefined || deadShapes(previous) > DEAD_SHAPES_MAX) return buildSnapshot(objects, version);
  const moves = sortMoves(podChanges);
  const strayPods = new Map(previous.strayPods);
  const pods = new Map<number, readonly PodObject[]>();
  for (const [name, move] of moves.byNode) {
    const index = previous.nodeIndexByName.get(name);
    const before = index === undefined ? strayPods.get(name) : previous.nodes[index]?.pods;
    const after = moved(before ?? [], move, byKey);
    if (index !== undefined) pods.set(index, after);
    else if (after.length > 0) strayPods.set(name, after);
    else strayPods.delete(name);
  }
  const nodes = previous.nodes.slice();
  for (const index of new Set([...touched.keys(), ...pods.keys()])) {
    const node = previous.nodes[index];
    if (node === undefined) continue;
    nodes[index] = joinNode({ ...partsOf(node), ...touched.get(index), pods: pods.get(index) ?? node.pods }, objects);
  }
  const numbering = numberShapes(previous, [...pods.values()]);
  const { waiting } = moves;
  const pendingPods = waiting === undefined ? previous.pendingPods : moved(previous.pendingPods, waiting, comparePods);
  return {
    objects,
    version,
    nodes,
    nodeIndexByName: previous.nodeIndexByName,
    pendingPods,
    pendingGroups: waiting === undefined ? previous.pendingGroups : groupPending(pendingPods),
    ...numbering,
    columns: updateColumns(previous, { nodes, changed: [...touched.keys(), ...pods.keys()], ...numbering }),
    strayPods,
  };
}

interface Move {
  readonly gone: Set<PodObject>;
  readonly come: PodObject[];
}

function sortMoves(changes: readonly PodChange[]): { readonly byNode: ReadonlyMap<string, Move>; waiting?: Move } {
  const moves = new Map<string, Move>();
  const at = (place: string): Move => {
    let move = moves.get(place);
    if (move === undefined) moves.set(place, (move = { gone: new Set(), come: [] }));
    return move;
  };
  for (const { before, after } of changes) {
    const from = before === undefined ? undefined : placeOf(before);
    const to = after === undefined ? undefined : placeOf(after);
    if (from !== undefined && before !== undefined) at(from).gone.add(before);
    if (to !== undefined && after !== undefined) at(to).come.push(after);
  }
  const waiting = moves.get('');
  moves.delete('');
  return waiting === undefined ? { byNode: moves } : { byNode: moves, waiting };
}

/** The sorted list without what went and with what came. */
function moved(
  list: readonly PodObject[],
  { gone, come }: Move,
  order: (left: PodObject, right: PodObject) => number,
): readonly PodObject[] {
  const left = list.filter((pod) => !gone.has(pod));
  if (list.length - left.length !== gone.size) throw new Error('a pod that changed must be one of the last snapshot');
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

type Touched = Partial<Pick<SnapshotNode, 'node' | 'claim'>>;

/** What changed of which nodes, by index; undefined: not the same nodes. */
function touchedNodes(previous: ClusterSnapshot, objects: ClusterObjects): ReadonlyMap<number, Touched> | undefined {
  const before = previous.objects;
  if (before.nodes.length !== objects.nodes.length || before.claims.length !== objects.claims.length) return undefined;
  const touched = new Map<number, { node?: NodeObject; claim?: NodeClaim }>();
  const touch = (index: number): { node?: NodeObject; claim?: NodeClaim } => {
    let parts = touched.get(index);
    if (parts === undefined) touched.set(index, (parts = {}));
    return parts;
  };
  for (const [position, node] of objects.nodes.entries()) {
    const old = before.nodes[position];
    if (old === node) continue;
    const index = previous.nodeIndexByName.get(node.name);
    if (old?.name !== node.name || index === undefined || previous.nodes[index]?.node !== old) return undefined;
    touch(index).node = node;
  }
  for (const [position, claim] of objects.claims.entries()) {
    const old = before.claims[position];
    if (old === claim) continue;
    const index = old === undefined || !sameNode(old, claim) ? undefined : touchedClaim(previous, old);
    if (index === undefined) return undefined;
    touch(index).claim = claim;
  }
  for (const { index, claim, upcoming } of previous.nodes) {
    const now = touched.get(index)?.claim ?? claim;
    const isNow = now !== undefined && isUpcoming(now, objects.observedAtMs);
    if (!upcoming && !isNow) continue;
    // Without a Node it is there only for as long as it is coming.
    if (!isNow && previous.nodes[index]?.node === undefined) return undefined;
    touch(index);
  }
  return touched;
}

function sameNode(left: NodeClaim, right: NodeClaim): boolean {
  return left.metadata.uid === right.metadata.uid && nodeNameOf(left) === nodeNameOf(right);
}

/** The node that the claim stands behind; undefined: none, or another claim does. */
function touchedClaim(previous: ClusterSnapshot, claim: NodeClaim): number | undefined {
  const index = previous.nodeIndexByName.get(nodeNameOf(claim));
  return index !== undefined && previous.nodes[index]?.claim === claim ? index : undefined;
}

function partsOf({
  index,
  name,
  node,
  claim,
  pods,
}: SnapshotNode): Pick<SnapshotNode, 'index' | 'name' | 'node' | 'claim' | 'pods'> {
  return { index, name, node, claim, pods };
}

function deadShapes({ shapes, columns }: ClusterSnapshot): number {
  let dead = 0;
  for (const entries of columns.podsOfShape) if (entries.length === 0) dead += 1;
  return dead > shapes.length / 2 ? dead : 0;
}

type Numbering = Pick<ClusterSnapshot, 'shapes' | 'shapeNumbers' | 'lineage'>;

/** New shapes get the next numbers. */
function numberShapes(previous: ClusterSnapshot, lists: readonly (readonly PodObject[])[]): Numbering {
  const fresh = new Set<PodShape>();
  for (const pods of lists) for (const { shape } of pods) if (!previous.shapeNumbers.has(shape)) fresh.add(shape);
  const { shapes, shapeNumbers, lineage } = previous;
  if (fresh.size === 0) return { shapes, shapeNumbers, lineage };
  const numbers = new Map(shapeNumbers);
  for (const shape of fresh) numbers.set(shape, numbers.size);
  const all = [...shapes, ...fresh];
  // Another snapshot was made from the same one and has given these numbers to its own shapes.
  if (lineage.shapeCount !== shapes.length)
    return { shapes: all, shapeNumbers: numbers, lineage: { shapeCount: all.length } };
  lineage.shapeCount = all.length;
  return { shapes: all, shapeNumbers: numbers, lineage };
}
