// A last look at the nodes that go now. That their pods have other places was found with one packing; evicted, they are looked at
// anew, in the order of the queue. A node whose pods would then be left over stays: else the next plan made a node for
// them, and a removal had undone itself.
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';
import { type RoomKind, RoomSlots } from '../scheduling/room-slots.ts';
import { placeGroups } from '../simulation/place-groups.ts';
import { compareText, isMovable } from './claim-facts.ts';
import { demandOf } from './pod-groups.ts';
import { requestsWorth } from './price-model.ts';
import type { Candidate } from './scale-down-candidates.ts';

/** Each round keeps the nodes of pods that were left over; after so many, what is not sure waits for the next plan. */
const ROUNDS_MAX = 4;

export interface BeforeRemovals {
  readonly fork: ForkedSnapshot;
  /** The fork before any candidate was taken out of it. */
  readonly mark: number;
  readonly slots: RoomSlots;
  readonly cutoff: number;
}

/** To be called before candidates are taken out of the fork. */
export function beforeRemovals(fork: ForkedSnapshot, cutoff: number): BeforeRemovals {
  const slots = new RoomSlots(fork, [...Array(fork.snapshot.nodes.length).keys()]);
  return { fork, mark: fork.mark(), slots, cutoff };
}

/** Of the nodes that are to go now: those that must stay, each with a pod that would be left over. Leaves the fork in any state. */
export function withoutPlaces(before: BeforeRemovals, going: readonly Candidate[]): ReadonlyMap<Candidate, PodObject> {
  const stays = new Map<Candidate, PodObject>();
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const left = leftOver(
      before,
      going.filter((candidate) => !stays.has(candidate)),
    );
    if (left.size === 0) return stays;
    for (const [candidate, pod] of left) stays.set(candidate, pod);
  }
  for (const candidate of going) {
    const [pod] = candidate.pods;
    if (pod !== undefined && !stays.has(candidate)) stays.set(candidate, pod);
  }
  return stays;
}

function leftOver(before: BeforeRemovals, going: readonly Candidate[]): ReadonlyMap<Candidate, PodObject> {
  const nodeOf = new Map<PodObject, Candidate>();
  for (const candidate of going) {
    for (const pod of candidate.pods) {
      if (isMovable(pod) && pod.priority >= before.cutoff) nodeOf.set(pod, candidate);
    }
  }
  const byNumbers = [...nodeOf.keys()].every((pod) => before.slots.kindOf(pod.shape).roomOnly);
  const left = byNumbers ? leftByNumbers(before, { going, nodeOf }) : leftByFork(before, { going, nodeOf });
  const found = new Map<Candidate, PodObject>();
  for (const pod of left) {
    const candidate = nodeOf.get(pod);
    if (candidate !== undefined && !found.has(candidate)) found.set(candidate, pod);
  }
  return found;
}

interface Evicted {
  readonly going: readonly Candidate[];
  readonly nodeOf: ReadonlyMap<PodObject, Candidate>;
}

/** Equal for the numbers, and of one priority. */
interface EqualPods {
  readonly kind: RoomKind;
  readonly priority: number;
  readonly worth: number;
  readonly pods: PodObject[];
}

/** Where room alone decides for all of them: groups in the order of the queue, each pod on the first node with room. */
function leftByNumbers({ slots }: BeforeRemovals, { going, nodeOf }: Evicted): readonly PodObject[] {
  const groups = [...equalPods(slots, nodeOf.keys())].sort(inQueueOrder);
  const opened = groups.map(({ kind }) => ({ kind, closedBelow: kind.closedBelow }));
  const taken: { readonly slot: number; readonly kind: RoomKind }[] = [];
  const left: PodObject[] = [];
  for (const { node } of going) slots.setOpen(slots.slotOf(node.index), false);
  for (const { kind, pods } of groups) {
    for (const pod of pods) {
      const slot = slots.next(kind, 0);
      if (slot === -1) {
        left.push(pod);
        continue;
      }
      kind.closedBelow = slot;
      slots.take(slot, kind);
      taken.push({ slot, kind });
    }
  }
  for (const { slot, kind } of taken) slots.giveBack(slot, kind);
  for (const { kind, closedBelow } of opened.reverse()) kind.closedBelow = closedBelow;
  for (const { node } of going) slots.setOpen(slots.slotOf(node.index), true);
  return left;
}

function equalPods(slots: RoomSlots, pods: Iterable<PodObject>): Iterable<EqualPods> {
  const groups = new Map<RoomKind, EqualPods[]>();
  for (const pod of pods) {
    const kind = slots.kindOf(pod.shape);
    const known = groups.get(kind) ?? [];
    if (known.length === 0) groups.set(kind, known);
    const group = known.find(({ priority }) => priority === pod.priority);
    if (group !== undefined) group.pods.push(pod);
    else known.push({ kind, priority: pod.priority, worth: requestsWorth(pod.shape.requests), pods: [pod] });
  }
  return [...groups.values()].flat();
}

function inQueueOrder(a: EqualPods, b: EqualPods): number {
  return b.priority - a.priority || b.worth - a.worth || compareText(a.kind.shape.key, b.kind.shape.key);
}

/** As the next plan looks for places, with every filter. */
function leftByFork({ fork, mark }: BeforeRemovals, { going, nodeOf }: Evicted): readonly PodObject[] {
  fork.rollback(mark);
  for (const { node } of going) fork.removeNode(node.index);
  const groups = demandOf({ pending: [], displaced: [], rehoused: [...nodeOf.keys()] });
  placeGroups(fork, groups, {
    place: (group, { count }) => {
      group.placed += count;
    },
  });
  return groups.flatMap(({ pods, placed }) => pods.slice(placed));
}
