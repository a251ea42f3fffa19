// A last look at the nodes that go now. That their pods have other places was found with one packing; evicted, they are looked at
// anew, in the order of the queue. A node whose pods would then be left over stays: else the next plan made a node for
// them, and a removal had undone itself.
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';
import type { RoomKind, RoomKinds } from '../scheduling/room-kinds.ts';
import { RoomSlots } from '../scheduling/room-slots.ts';
import { placeGroups } from '../simulation/place-groups.ts';
import type { PodMove } from '../simulation/simulate-node-removal.ts';
import { compareText } from './claim-facts.ts';
import { demandOf } from './pod-groups.ts';
import { requestsWorth } from './price-model.ts';
import type { Candidate } from './scale-down-candidates.ts';

/** Looks at the whole; each keeps some nodes more. After so many, what is not sure waits for the next plan. */
const ROUNDS_MAX = 8;
/** Of the nodes of pods that are left over, this share stays per round: one node that stays has room for the pods of others. */
const KEPT_SHARE = 0.1;

export interface BeforeRemovals {
  readonly fork: ForkedSnapshot;
  /** The fork before any candidate was taken out of it. */
  readonly mark: number;
  readonly slots: RoomSlots;
}

/** To be called before candidates are taken out of the fork. */
export function beforeRemovals(fork: ForkedSnapshot, kinds: RoomKinds): BeforeRemovals {
  const slots = new RoomSlots(fork, kinds, [...Array(fork.snapshot.nodes.length).keys()]);
  return { fork, mark: fork.mark(), slots };
}

/** A node that is to go now, and the pods that look for a place when it does. */
export interface Leaving {
  readonly candidate: Candidate;
  readonly moves: readonly PodMove[];
}

/** Of the nodes that are to go now: those that must stay, each with a pod that would be left over. Leaves the fork in any state. */
export function withoutPlaces(before: BeforeRemovals, going: readonly Leaving[]): ReadonlyMap<Candidate, PodObject> {
  const stays = new Map<Candidate, PodObject>();
  const leftOver = going.every(({ moves }) => moves.every(({ roomKind }) => roomKind.roomOnly))
    ? leftByNumbers(before, going)
    : leftByFork(before, going);
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const left = leftOver(stays);
    if (left.size === 0) return stays;
    for (const [candidate, pod] of [...left].slice(0, Math.ceil(left.size * KEPT_SHARE))) stays.set(candidate, pod);
  }
  for (const { candidate, moves } of going) {
    const [move] = moves;
    if (move !== undefined && !stays.has(candidate)) stays.set(candidate, move.pod);
  }
  return stays;
}

type Pods = ReadonlyMap<Candidate, PodObject>;
/** Nodes of pods that are left over, each with one, when all that are to go do but for those in `stays`. */
type LeftOver = (stays: Pods) => Pods;

/** Equal for the numbers, and of one priority. */
interface EqualPods {
  readonly kind: RoomKind;
  readonly priority: number;
  readonly worth: number;
  readonly pods: PodObject[];
  /** Of each of them. */
  readonly from: Candidate[];
}

/** Where room alone decides for all of them: groups in the order of the queue, each pod on the first node with room. */
function leftByNumbers({ slots }: BeforeRemovals, going: readonly Leaving[]): LeftOver {
  const groups = equalPods(going).sort(inQueueOrder);
  return (stays) =>
    slots.supposing(() => {
      const left = new Map<Candidate, PodObject>();
      for (const { candidate } of going) {
        if (!stays.has(candidate)) slots.setOpen(slots.slotOf(candidate.node.index), false);
      }
      for (const { kind, pods, from } of groups) {
        from.forEach((candidate, number) => {
          const pod = pods[number];
          if (pod === undefined || stays.has(candidate)) return;
          const slot = slots.next(kind, 0);
          if (slot === -1) {
            left.set(candidate, pod);
            return;
          }
          slots.setClosedBelow(kind, slot);
          slots.take(slot, kind);
        });
      }
      return left;
    });
}

function equalPods(going: readonly Leaving[]): EqualPods[] {
  const groups = new Map<RoomKind, EqualPods[]>();
  for (const { candidate, moves } of going) {
    for (const { pod, roomKind } of moves) {
      const known = groups.get(roomKind) ?? [];
      if (known.length === 0) groups.set(roomKind, known);
      let group = known.find(({ priority }) => priority === pod.priority);
      if (group === undefined) {
        const worth = requestsWorth(pod.shape.requests);
        known.push((group = { kind: roomKind, priority: pod.priority, worth, pods: [], from: [] }));
      }
      group.pods.push(pod);
      group.from.push(candidate);
    }
  }
  return [...groups.values()].flat();
}

function inQueueOrder(a: EqualPods, b: EqualPods): number {
  return b.priority - a.priority || b.worth - a.worth || compareText(a.kind.shape.key, b.kind.shape.key);
}

/** As the next plan looks for places, with every filter. */
function leftByFork({ fork, mark }: BeforeRemovals, going: readonly Leaving[]): LeftOver {
  const from = new Map(going.flatMap(({ candidate, moves }) => moves.map(({ pod }) => [pod, candidate] as const)));
  return (stays) => {
    fork.rollback(mark);
    const looking: PodObject[] = [];
    for (const { candidate, moves } of going) {
      if (stays.has(candidate)) continue;
      fork.removeNode(candidate.node.index);
      for (const { pod } of moves) looking.push(pod);
    }
    const groups = demandOf({ pending: [], displaced: [], rehoused: looking });
    placeGroups(fork, groups, {
      place: (group, { count }) => {
        group.placed += count;
      },
    });
    const left = new Map<Candidate, PodObject>();
    for (const { pods, placed } of groups) {
      for (const pod of pods.slice(placed)) {
        const candidate = from.get(pod);
        if (candidate !== undefined) left.set(candidate, pod);
      }
    }
    return left;
  };
}
