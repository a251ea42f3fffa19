// What would happen if nodes went, one after another: the pods of each leave, those that can move look for room on the nodes
// that are left. Pods for which room alone decides are placed by numbers, kind by kind; of the others the fork is asked.
// What one removal takes is gone for the next, so that no two count on the same room.
import type { PodObject, PodShape } from '../cluster/cluster-objects.ts';
import type { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';
import type { RoomKind, RoomKinds } from '../scheduling/room-kinds.ts';
import { RoomSlots } from '../scheduling/room-slots.ts';
import { refusalSummary } from './refusal-summary.ts';
import type { PodPlacement } from './simulate-pending-pods.ts';

export interface PodMove extends PodPlacement {
  readonly roomKind: RoomKind;
}

export type RemovalSimulation =
  | { readonly kind: 'fits'; readonly moves: readonly PodMove[] }
  | { readonly kind: 'stuck'; readonly pod: PodObject; readonly refusal: string };

/** Nodes of which the fork is asked for one pod in the wanted order; after that its own order serves. */
const ASKED_MAX = 32;
/** What the search costs besides looks at slots, in looks (5 ns each): a question to the fork, a pod put on a node or taken
 *  off, in simulation. */
const STEPS_PER_QUESTION = 200;
/** The fork's own search skips most nodes; found nowhere, it has been past all of them. */
const STEPS_PER_NODE_SEARCHED = 30;
const STEPS_PER_MOVE = 200;

/** Becomes a move once `node` is known; −1 until then. */
interface Mover {
  readonly pod: PodObject;
  readonly roomKind: RoomKind;
  node: number;
}

/** What one removal has supposed so far. */
interface Trial {
  readonly node: number;
  /** To go back to; undefined: the fork is as it was. */
  mark: number | undefined;
  readonly moves: PodMove[];
  /** So many of them are on the fork. */
  entered: number;
  /** Of the kinds that were looked for: what was known before. */
  readonly closedBelow: Map<RoomKind, number>;
}

export class NodeRemovals {
  readonly #fork: ForkedSnapshot;
  readonly #kinds: RoomKinds;
  readonly #slots: RoomSlots;
  /** Why pods of a kind (of a shape, where more than room decides) found no place, as it was the first time. It is for people,
   *  and asking dozens of nodes again for each node that is to go would cost more than the search. */
  readonly #refusals = new Map<RoomKind | PodShape, string>();
  /** Removals that are not on the fork yet, as nobody has asked it since: where room alone decides, numbers know. */
  #waiting: Trial[] = [];
  /** Pods that they put on each node. */
  readonly #landed = new Map<number, PodObject[]>();
  #questions = 0;
  #searched = 0;
  #moves = 0;

  /** `order`: the nodes that take pods, those to be filled first in front. Nobody else may place pods on the fork, or take some
   *  off, from here on. */
  constructor(fork: ForkedSnapshot, kinds: RoomKinds, order: readonly number[]) {
    this.#fork = fork;
    this.#kinds = kinds;
    this.#slots = new RoomSlots(fork, kinds, order);
  }

  /** What the search has cost so far, in steps of about 5 ns; the same for the same input. */
  get steps(): number {
    const asked = this.#questions * STEPS_PER_QUESTION + this.#searched * STEPS_PER_NODE_SEARCHED;
    return this.#slots.looks + asked + this.#moves * STEPS_PER_MOVE;
  }

  /** Pods on the node now, those last that came here from removed ones. */
  podsOn(node: number): readonly PodObject[] {
    const landed = this.#landed.get(node);
    return landed === undefined ? this.#fork.podsOn(node) : [...this.#fork.podsOn(node), ...landed];
  }

  /** To be called when no more is asked: the removed nodes are closed on the fork. Pods that have places by numbers are not put
   *  there, as a fork with nodes less is asked for nothing but that. */
  close(): void {
    for (const { node } of this.#waiting) this.#fork.removeNode(node);
    this.#waiting = [];
    this.#landed.clear();
  }

  /** Removes the node and places `movable` (pods that were on it and will be made anew). The fork is left changed when all fit
   *  (see catchUp), and as it was when one does not. Those that ask for more than room first, then by priority and size, as they find
   *  room hardest. */
  remove(node: number, movable: readonly PodObject[]): RemovalSimulation {
    const trial: Trial = { node, mark: undefined, moves: [], entered: 0, closedBelow: new Map() };
    const slot = this.#slots.slotOf(node);
    if (slot !== -1) this.#slots.setOpen(slot, false);
    const movers = movable.map((pod): Mover => ({ pod, roomKind: this.#kinds.of(pod.shape), node: -1 }));
    movers.sort(hardestFirst);
    for (const mover of movers) {
      if (!mover.roomKind.roomOnly && !this.#placeByFork(trial, mover)) return this.#stuck(trial, mover);
    }
    for (const mover of movers) {
      if (mover.roomKind.roomOnly && !this.#placeByNumbers(trial, mover)) return this.#stuck(trial, mover);
    }
    if (trial.mark === undefined) this.#putOff(trial);
    else this.#enter(trial);
    return { kind: 'fits', moves: trial.moves };
  }

  #putOff(trial: Trial): void {
    this.#waiting.push(trial);
    this.#moves += trial.moves.length + this.podsOn(trial.node).length;
    this.#landed.delete(trial.node);
    for (const { pod, node } of trial.moves) {
      const others = this.#landed.get(node);
      if (others === undefined) this.#landed.set(node, [pod]);
      else others.push(pod);
    }
  }

  /** Brings the fork to where the numbers are. To be called before somebody else asks it. */
  catchUp(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#landed.clear();
    for (const { node, moves } of waiting) {
      this.#fork.removeNode(node);
      for (const move of moves) this.#fork.place(move.pod, move.node);
    }
  }

  #placeByNumbers(trial: Trial, mover: Mover): boolean {
    const slot = this.#firstWithRoom(trial, mover.roomKind);
    if (slot === -1) return false;
    this.#slots.take(slot, mover.roomKind);
    mover.node = this.#slots.indexAt(slot);
    trial.moves.push(mover);
    return true;
  }

  #firstWithRoom(trial: Trial, kind: RoomKind): number {
    const slot = this.#slots.next(kind, 0);
    if (slot === -1) return slot;
    if (!trial.closedBelow.has(kind)) trial.closedBelow.set(kind, this.#slots.closedBelow(kind));
    this.#slots.setClosedBelow(kind, slot);
    return slot;
  }

  /** In the wanted order as far as a few questions reach, then wherever the fork finds room first. */
  #placeByFork(trial: Trial, mover: Mover): boolean {
    this.#takeNodeOff(trial);
    const node = this.#firstAsked(trial, mover);
    if (node === -1) return false;
    this.#fork.place(mover.pod, node);
    mover.node = node;
    trial.moves.push(mover);
    trial.entered += 1;
    const slot = this.#slots.slotOf(node);
    if (slot !== -1) this.#slots.take(slot, mover.roomKind);
    return true;
  }

  #firstAsked(trial: Trial, { pod, roomKind: kind }: Mover): number {
    // Odd amounts are not in the numbers.
    if (pod.shape.requests.exact === undefined) {
      let slot = this.#firstWithRoom(trial, kind);
      for (let asked = 0; asked < ASKED_MAX && slot !== -1; asked += 1) {
        this.#questions += 1;
        const index = this.#slots.indexAt(slot);
        if (this.#fork.whyNot(pod, index) === undefined) return index;
        slot = this.#slots.next(kind, slot + 1);
      }
    }
    const found = this.#fork.firstFit(pod);
    this.#searched += found === -1 ? this.#fork.nodeCount : 1;
    return found;
  }

  #takeNodeOff(trial: Trial): void {
    if (trial.mark !== undefined) return;
    this.catchUp();
    trial.mark = this.#fork.mark();
    this.#moves += this.#fork.removeNode(trial.node).length;
  }

  /** Does on the fork what was worked out by numbers. */
  #enter(trial: Trial): void {
    this.#takeNodeOff(trial);
    for (; trial.entered < trial.moves.length; trial.entered += 1) {
      const move = trial.moves[trial.entered];
      if (move !== undefined) this.#fork.place(move.pod, move.node);
    }
    this.#moves += trial.moves.length;
  }

  #stuck(trial: Trial, { pod, roomKind: kind }: Mover): RemovalSimulation {
    const alike = kind.roomOnly ? kind : pod.shape;
    let refusal = this.#refusals.get(alike);
    if (refusal === undefined) {
      this.#enter(trial);
      refusal = refusalSummary(this.#fork, pod);
      this.#refusals.set(alike, refusal);
    }
    if (trial.mark !== undefined) this.#fork.rollback(trial.mark);
    for (const move of trial.moves) {
      const slot = this.#slots.slotOf(move.node);
      if (slot !== -1) this.#slots.giveBack(slot, move.roomKind);
    }
    for (const [known, closedBelow] of trial.closedBelow) this.#slots.setClosedBelow(known, closedBelow);
    const slot = this.#slots.slotOf(trial.node);
    if (slot !== -1) this.#slots.setOpen(slot, true);
    return { kind: 'stuck', pod, refusal };
  }
}

/** Equal ones stay in their order. */
function hardestFirst(left: Mover, right: Mover): number {
  return (
    right.pod.priority - left.pod.priority ||
    right.roomKind.cpuMillis - left.roomKind.cpuMillis ||
    right.roomKind.memoryBytes - left.roomKind.memoryBytes
  );
}
