// Which new nodes stay closed a while longer although they are Ready. A node whose planned pods leave room is open to all:
// kube-scheduler would fill it with pods that are planned for nodes still to come, and then these have the room that others
// need. So such a node waits until all that could take its room have their own node, or until waiting is no longer worth it.
// By requests alone: rules may keep a pod off a node that waits for it, which costs a wait and no place.
import type { NodeClaim } from '../api/node-claim.ts';
import type { ClusterSnapshot, SnapshotNode } from '../cluster/build-snapshot.ts';
import type { PodObject, PodShape } from '../cluster/cluster-objects.ts';
import type { Plan, PodRun } from '../planner/plan.ts';
import { fits, type Room, take } from './node-room.ts';
import { openingGroups } from './opening-groups.ts';
import { isPlacing } from './placement-hints.ts';
import type { QueueOrder } from './queue-order.ts';

/** Servers that were asked for together become Ready within half a minute or so, one after the other: when none has for this
 *  long, those still to come are late. Passes come every ten seconds at the latest, so it may be twice as long. */
export const NEXT_JOIN_MS = 10_000;
/** Claims of one plan are written within seconds, some hundred of them within half a minute. */
const PLAN_WRITTEN_MS = 60_000;
/** So long do more than four hundred nodes take at five a second. Leaves time for names before open-placed-nodes.ts opens
 *  whatever is closed. */
export const HELD_MAX_MS = 90_000;
/** Looks of a pod at a node, over one pass: some 50 ms, which other clusters wait for. A tenant may have thousands of kinds of pods
 *  on as many new nodes; what is not looked at is opened, as without any hold. */
export const LOOKS_MAX = 2_000_000;

/** Kinds of pods that nodes are ranked by: a sample says which have more room. */
const RANKED_KINDS_MAX = 128;

/** Nodes that take nearly as many kinds are ranked by the queue. */
const ROOM_RANKS = 4;
/** Looks for the groups in which nodes open: some 10 ms, and a tenth of a second for the graph. */
const GROUP_LOOKS_MAX = 500_000;
/** Groups that are opened one after the other: each waits for answers to the one before. */
const OPENING_STEPS_MAX = 8;

interface Apart {
  readonly alone: ReadonlySet<SnapshotNode>;
  readonly together: ReadonlySet<SnapshotNode>;
}

/** Of one pass: what its plan says of nodes that are closed. Times are those of the cluster's own objects, so whoever leads
 *  next holds the same nodes. */
export class HeldNodes {
  readonly #snapshot: ClusterSnapshot;
  readonly #nowMs: number;
  /** By node or claim. */
  readonly #runs: ReadonlyMap<string, readonly PodRun[]>;
  /** By node and priority. */
  readonly #rooms = new Map<SnapshotNode, Map<number, Room>>();
  #looksLeft: number;

  constructor(plan: Plan, snapshot: ClusterSnapshot, at: { readonly nowMs: number; readonly looksMax?: number }) {
    this.#snapshot = snapshot;
    this.#nowMs = at.nowMs;
    this.#looksLeft = at.looksMax ?? LOOKS_MAX;
    this.#runs = placedRuns(plan);
  }

  /** Some nodes were opened unlooked at. */
  get cutShort(): boolean {
    return this.#looksLeft <= 0;
  }

  /** Those of `ready`, closed nodes, that may be opened together: no pod that is planned for another node which stays
   *  closed or is to come has room there. `waiting`: closed nodes whose turn comes later. Keeps their order. Cost: nodes ×
   *  shapes of pods that wait for other nodes. */
  mayOpen(ready: readonly SnapshotNode[], waiting: readonly SnapshotNode[] = []): readonly SnapshotNode[] {
    const known = new Set([...ready, ...waiting]);
    let open = ready;
    let takers = this.#kindsFor([...waiting, ...this.#coming(ready).filter((node) => !known.has(node))]);
    while (takers.length > 0) {
      const held = open.filter((node) => !this.#hasWaited(node) && this.#hasRoomForOne(node, takers));
      if (held.length === 0) return open;
      const stay = new Set(held);
      open = open.filter((node) => !stay.has(node));
      // Their own pods look for another place meanwhile.
      takers = this.#kindsFor(held);
    }
    return open;
  }

  /** Of nodes that may be opened together: those that may be opened each at its time, as no pod of the others has room
   *  there, and those of which all pods should be named before the first one opens. */
  apart(nodes: readonly SnapshotNode[]): Apart {
    const kinds = this.#kindsFor(nodes);
    const together = new Set(nodes.filter((node) => this.#hasRoomForOne(node, kinds)));
    return { alone: new Set(nodes.filter((node) => !together.has(node))), together };
  }

  /** Nodes that have room for each other's pods, in the order in which they are best named and opened: a pod that is tried while
   *  its own node is closed goes where it finds room, and only waits where there is none. So those with room for few of
   *  the others' kinds come first; of these, those whose first pod the scheduler asks for first; where that is not known, those
   *  with most pods. `dealt`: pods that are now to get its name, if they are not those of the plan. */
  openingOrder(
    nodes: readonly SnapshotNode[],
    queue: QueueOrder,
    dealt: ReadonlyMap<SnapshotNode, readonly PodObject[]> = new Map(),
  ): readonly SnapshotNode[] {
    const kinds = this.#kindsFor(nodes).slice(0, RANKED_KINDS_MAX);
    const ranked = nodes.map((node) => {
      const pods = this.#podsFor(node);
      return {
        node,
        takes: Math.floor((ROOM_RANKS * this.#countTaken(node, kinds)) / (kinds.length + 1)),
        first: queue.first([
          ...(dealt.get(node) ?? pods),
          ...pods.filter(({ nominatedNodeName }) => nominatedNodeName !== ''),
        ]),
        pods: pods.length,
      };
    });
    ranked.sort((left, right) => {
      const { first: one } = left;
      const { first: other } = right;
      if (one === undefined || other === undefined) return Number(one === undefined) - Number(other === undefined);
      return left.takes - right.takes || queue.compare(one, other) || right.pods - left.pods;
    });
    return ranked.map(({ node }) => node);
  }

  /** `nodes`, in groups that are best opened one after the other (opening-groups.ts); one group where that would be too many
   *  looks. Keeps their order within a group. */
  openingGroups(nodes: readonly SnapshotNode[]): readonly (readonly SnapshotNode[])[] {
    const kinds = this.#kindsFor(nodes);
    if (nodes.length * kinds.length > GROUP_LOOKS_MAX) return [nodes];
    const numbers = new Map<PodShape, Map<number, number>>();
    for (const [number, { shape, priority }] of kinds.entries()) {
      numbers.set(shape, (numbers.get(shape) ?? new Map<number, number>()).set(priority, number));
    }
    const numberOf = ({ pods, from }: PodRun): readonly number[] => {
      const pod = pods[from];
      const number = pod === undefined ? undefined : numbers.get(pod.shape)?.get(pod.priority);
      return number === undefined ? [] : [number];
    };
    const groups = openingGroups(nodes, {
      kinds: kinds.length,
      kindsOf: ({ name }) => (this.#runs.get(name) ?? []).flatMap(numberOf),
      hasRoom: (node, number) => kinds[number] !== undefined && this.#hasRoomFor(node, kinds[number]),
    });
    return groups.length <= OPENING_STEPS_MAX ? groups : merged(groups, Math.ceil(nodes.length / OPENING_STEPS_MAX));
  }

  /** No other node of the plan of `ready` is to come, or none has come for so long that it is late. */
  isComplete(ready: readonly SnapshotNode[]): boolean {
    const known = new Set(ready);
    return this.#coming(ready).every((node) => known.has(node));
  }

  /** Nodes of the plan of `ready` that are expected, or closed by something else as well; none when nodes have ceased to join. */
  #coming(ready: readonly SnapshotNode[]): readonly SnapshotNode[] {
    const joinedMs = this.#lastJoinMs();
    if (this.#nowMs - joinedMs >= NEXT_JOIN_MS) return [];
    // Servers of earlier plans are late; what was planned since the last node joined boots for minutes.
    const fromMs = Math.min(...ready.map(({ claim }) => createdMs(claim))) - PLAN_WRITTEN_MS;
    return this.#snapshot.nodes.filter(({ node, claim, draining, upcoming }) => {
      if (claim === undefined || draining || (node === undefined ? !upcoming : !isPlacing(node))) return false;
      return createdMs(claim) >= fromMs && createdMs(claim) <= joinedMs;
    });
  }

  #lastJoinMs(): number {
    let latestMs = -Infinity;
    for (const { node, claim } of this.#snapshot.nodes) {
      if (node?.ready === 'True' && claim !== undefined) latestMs = Math.max(latestMs, node.readyChangedMs);
    }
    return latestMs;
  }

  #hasWaited({ node }: SnapshotNode): boolean {
    return this.#nowMs - (node?.readyChangedMs ?? 0) >= HELD_MAX_MS;
  }

  /** One pod of each kind that is planned for them. */
  #kindsFor(nodes: readonly SnapshotNode[]): readonly PodObject[] {
    const kinds: PodObject[] = [];
    const known = new Map<PodShape, Set<number>>();
    for (const { name } of nodes) {
      for (const { pods, from } of this.#runs.get(name) ?? []) {
        const pod = pods[from];
        if (pod === undefined || known.get(pod.shape)?.has(pod.priority) === true) continue;
        known.set(pod.shape, (known.get(pod.shape) ?? new Set()).add(pod.priority));
        kinds.push(pod);
      }
    }
    return kinds;
  }

  #podsFor({ name }: SnapshotNode): readonly PodObject[] {
    return (this.#runs.get(name) ?? []).flatMap(({ pods, from, to }) => pods.slice(from, to));
  }

  #hasRoomForOne(node: SnapshotNode, kinds: readonly PodObject[]): boolean {
    return kinds.some((kind) => this.#hasRoomFor(node, kind));
  }

  #countTaken(node: SnapshotNode, kinds: readonly PodObject[]): number {
    return kinds.reduce((count, kind) => count + Number(this.#hasRoomFor(node, kind)), 0);
  }

  #hasRoomFor(node: SnapshotNode, { shape, priority }: PodObject): boolean {
    if (this.cutShort) return false;
    this.#looksLeft -= 1;
    return !this.cutShort && fits(shape.requests, this.#roomOf(node, priority));
  }

  /** For pods of this priority, once the planned pods have the node's name: the scheduler keeps their room from pods that are
   *  not more important. */
  #roomOf(node: SnapshotNode, priority: number): Room {
    let byPriority = this.#rooms.get(node);
    if (byPriority === undefined) this.#rooms.set(node, (byPriority = new Map()));
    const known = byPriority.get(priority);
    if (known !== undefined) return known;
    const { name, allocatable, pods } = node;
    const room: Room = { ...allocatable, extended: new Map(allocatable.extended) };
    byPriority.set(priority, room);
    for (const { shape } of pods) take(room, shape.requests, 1);
    for (const run of this.#runs.get(name) ?? []) {
      const pod = run.pods[run.from];
      if (pod !== undefined && pod.priority >= priority) take(room, pod.shape.requests, run.to - run.from);
    }
    return room;
  }
}

/** Neighbours together until each has `least` nodes. */
function merged(groups: readonly (readonly SnapshotNode[])[], least: number): readonly (readonly SnapshotNode[])[] {
  const steps: SnapshotNode[][] = [];
  for (const group of groups) {
    const last = steps.at(-1);
    if (last === undefined || last.length >= least) steps.push([...group]);
    else last.push(...group);
  }
  return steps;
}

function createdMs(claim: NodeClaim | undefined): number {
  return Date.parse(claim?.metadata.creationTimestamp ?? '');
}

/** Runs of pods that have a place, by its name. */
function placedRuns(plan: Plan): ReadonlyMap<string, readonly PodRun[]> {
  const byTarget = new Map<string, PodRun[]>();
  for (const run of plan.report.pods) {
    if ((run.outcome !== 'onUpcomingNode' && run.outcome !== 'onExistingNode') || run.to === run.from) continue;
    const known = byTarget.get(run.target);
    if (known === undefined) byTarget.set(run.target, [run]);
    else known.push(run);
  }
  return byTarget;
}
