// One run of simulate-scheduler.ts: nodes join one after another, and between two of them the scheduler gets through some of
// its queue. Each pod goes to the best scored node that takes it; pods that no node takes are tried again when one joins.
// Longer than 250 lines because the loop and what it keeps of nodes and groups are one thing.
import type { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';
import type { NodeKind, Requests } from './joining-kinds.ts';
import { nodesScored, resourceScore } from './node-score.ts';
import { mayOpenLater } from './place-groups.ts';
import type { QueuedGroup, SchedulingQueue } from './scheduling-queue.ts';
import type { SeededDraws } from './seeded-draws.ts';

/** Where the fork is asked, everything is slower by so much: 100 ns for a step instead of 12. */
const FORK_WEIGHT = 8;
/** Asking the fork about a pod and a node costs as much as so many looks at numbers. */
const STEPS_PER_ASK = 20;
/** The same of a score. */
const STEPS_PER_SCORE = 4;
/** Times that pods which wait for others are called again, after all have been tried: as in place-groups.ts. */
const ROUNDS_MAX = 8;
/** Full nodes are sorted out each time while there are few, else every so many nodes: each time costs all that are open. */
const FEW_OPEN = 8;
const JOINS_PER_CLOSING = 64;

/** Which pods went where, one after the other. */
export interface QueuedPlacements {
  /** Group of each pod. */
  readonly groups: Uint32Array;
  /** Its node, as the how manieth that joined, from 0. */
  readonly nodes: Uint32Array;
}

export interface SimulatedRound {
  /** Pods of each group without a node: its youngest. */
  readonly left: Uint32Array;
  readonly leftInAll: number;
  readonly placements: QueuedPlacements;
  /** The nodes in the order in which they joined, by their numbers in the list that was given. */
  readonly order: Uint32Array;
  /** The fork has these nodes now, in that order. */
  readonly forked: boolean;
  /** The steps ran out: `left` holds pods that were not tried. */
  readonly cutShort: boolean;
}

export interface RoundParts {
  /** undefined: numbers decide. */
  readonly fork: ForkedSnapshot | undefined;
  readonly groups: readonly QueuedGroup[];
  readonly requests: Requests;
  /** Rule class of each group. */
  readonly classes: Uint32Array;
  readonly queue: SchedulingQueue;
  readonly draws: SeededDraws;
  /** Kinds of the nodes, in the order in which they join. */
  readonly kinds: readonly NodeKind[];
  readonly stepsMax: number;
}

export class JoiningRound {
  readonly #parts: RoundParts;
  /** How many pods of each group have a node. */
  readonly #placed: Uint32Array;
  /** Whether pods that come may open a node to the group that refused it. */
  readonly #openable: Uint8Array;
  /** The first so many nodes refuse the group for good. */
  readonly #closedBelow: Uint32Array;
  /** What each node that joined has left, axis by axis. */
  readonly #rooms: Float64Array;
  /** Nodes that may still take something, in the order in which they joined. */
  #open: number[] = [];
  /** Rule classes that a node refuses for good, and as things are. */
  readonly #refused = new Map<number, Set<number>>();
  readonly #refusedNow = new Map<number, Set<number>>();
  readonly #placements: QueuedPlacements;
  #placedInAll = 0;
  readonly #firstIndex: number;
  readonly #scored = new Float64Array(6);
  readonly #scoredMax: number;
  #joined = 0;
  #searchFrom = 0;
  #stepsLeft: number;

  constructor(parts: RoundParts) {
    const { groups, kinds, requests } = parts;
    this.#parts = parts;
    this.#stepsLeft = parts.stepsMax;
    const pods = groups.reduce((sum, one) => sum + one.pods.length, 0);
    this.#scoredMax = nodesScored(pods);
    this.#placements = { groups: new Uint32Array(pods), nodes: new Uint32Array(pods) };
    this.#placed = new Uint32Array(groups.length);
    this.#closedBelow = new Uint32Array(groups.length);
    this.#openable = Uint8Array.from(groups, ({ shape }) => (mayOpenLater(shape) ? 1 : 0));
    this.#rooms = new Float64Array(kinds.length * requests.axes);
    this.#firstIndex = parts.fork?.nodeCount ?? 0;
  }

  get stepsLeft(): number {
    return Math.max(0, this.#stepsLeft);
  }

  get cutShort(): boolean {
    return this.#stepsLeft < 0;
  }

  /** Pods of each group that have no node yet. */
  left(): Uint32Array {
    return this.#placed.map((_, group) => this.#leftOf(group));
  }

  placements(): QueuedPlacements {
    const { groups, nodes } = this.#placements;
    return { groups: groups.subarray(0, this.#placedInAll), nodes: nodes.subarray(0, this.#placedInAll) };
  }

  /** The next node becomes Ready. */
  join(): void {
    const { kinds, fork, requests } = this.#parts;
    const kind = kinds[this.#joined];
    if (kind === undefined) throw new Error(`all ${kinds.length} nodes have joined`);
    this.#rooms.set(kind.room, this.#joined * requests.axes);
    fork?.addTemplateNode(kind.template, `~joined-${this.#joined}`);
    this.#refusedNow.clear();
    if (this.#open.length <= FEW_OPEN || this.#joined % JOINS_PER_CLOSING === 0) this.#closeFull();
    this.#open.push(this.#joined);
    this.#joined += 1;
    this.#spend(fork === undefined ? 1 : STEPS_PER_ASK);
    this.#parts.queue.callAll();
  }

  /** The scheduler tries `most` pods, or all that wait. */
  schedule(most: number): void {
    let allowed = most;
    for (let round = 1; round <= ROUNDS_MAX; round += 1) {
      const placed = this.#placedInAll;
      allowed -= this.#tryPods(allowed);
      if (allowed === 0 || this.cutShort || placed === this.#placedInAll) return;
      // Others came: what waited for them is tried again.
      if (!this.#openable.some((openable, group) => openable === 1 && this.#leftOf(group) > 0)) return;
      this.#refusedNow.clear();
      this.#parts.queue.callAll();
    }
  }

  /** How many were tried. */
  #tryPods(most: number): number {
    const { queue } = this.#parts;
    for (let tried = 0; tried < most && this.#stepsLeft >= 0; tried += 1) {
      const group = queue.next();
      if (group === -1) return tried;
      this.#spend(1);
      if (this.#closedBelow[group] === this.#joined) {
        queue.putBack(group);
        continue;
      }
      let node = this.#choose(group);
      while (node !== -1 && !this.#put(group, node)) node = this.#choose(group);
      if (node !== -1) continue;
      queue.putBack(group);
      if (this.#openable[group] !== 1) this.#closedBelow[group] = this.#joined;
    }
    return most;
  }

  /** The node with the best score of those that take a pod of the group, of equal ones any; −1: none takes it. As the
   *  scheduler, it looks for some of them only, and goes on next time where it stopped. */
  #choose(group: number): number {
    const open = this.#open;
    const first = this.#firstOpen(this.#closedBelow[group] ?? 0);
    const nodes = open.length - first;
    let best = -1;
    let bestScore = -1;
    let ties = 1;
    let feasible = 0;
    let at = nodes === 0 ? 0 : this.#searchFrom % nodes;
    let looked = 0;
    for (; looked < nodes && feasible < this.#scoredMax; looked += 1) {
      const node = open[first + at] ?? 0;
      at = at + 1 === nodes ? 0 : at + 1;
      if (!this.#takes(node, group)) continue;
      feasible += 1;
      if (nodes === 1) return node;
      const score = this.#score(node, group);
      ties = score === bestScore ? ties + 1 : 1;
      if (score < bestScore || (ties > 1 && this.#parts.draws.below(ties) > 0)) continue;
      best = node;
      bestScore = score;
    }
    this.#spend(looked + feasible * STEPS_PER_SCORE);
    this.#searchFrom = at;
    return best;
  }

  /** Where in `open` the nodes begin that joined as number `joined` or later. */
  #firstOpen(joined: number): number {
    let low = 0;
    let high = joined === 0 ? 0 : this.#open.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#open[middle] ?? 0) < joined) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** By its numbers, kind and what is known of rules; whether it really does, the fork says when the pod goes there. */
  #takes(node: number, group: number): boolean {
    const { kinds, requests, classes, fork } = this.#parts;
    const { axes, amounts } = requests;
    for (let axis = 0; axis < axes; axis += 1) {
      const amount = amounts[group * axes + axis] ?? 0;
      // A node that is full beyond its measure still takes pods that ask for nothing of it.
      if (amount > 0 && amount > (this.#rooms[node * axes + axis] ?? 0)) return false;
    }
    if (kinds[node]?.takes[group] !== 1) return false;
    if (fork === undefined) return true;
    const ruleClass = classes[group] ?? 0;
    return this.#refused.get(node)?.has(ruleClass) !== true && this.#refusedNow.get(node)?.has(ruleClass) !== true;
  }

  #score(node: number, group: number): number {
    const { kinds, requests } = this.#parts;
    const { axes, amounts } = requests;
    const allocatable = kinds[node]?.allocatable;
    const scored = this.#scored;
    for (let resource = 0; resource < 2; resource += 1) {
      scored[3 * resource] = allocatable?.[resource] ?? 0;
      scored[3 * resource + 1] = this.#rooms[node * axes + resource] ?? 0;
      scored[3 * resource + 2] = amounts[group * axes + resource] ?? 0;
    }
    return resourceScore(scored);
  }

  /** Puts the group's next pod on the node; false: it learned that rules keep it off. */
  #put(group: number, node: number): boolean {
    if (this.#parts.fork !== undefined && !this.#placeOnFork(this.#parts.fork, group, node)) {
      this.#refuse(group, node);
      return false;
    }
    const { axes, amounts } = this.#parts.requests;
    for (let axis = 0; axis < axes; axis += 1) {
      const at = node * axes + axis;
      this.#rooms[at] = (this.#rooms[at] ?? 0) - (amounts[group * axes + axis] ?? 0);
    }
    this.#placed[group] = (this.#placed[group] ?? 0) + 1;
    // It may have opened what refused others.
    this.#refusedNow.clear();
    this.#placements.groups[this.#placedInAll] = group;
    this.#placements.nodes[this.#placedInAll] = node;
    this.#placedInAll += 1;
    return true;
  }

  #placeOnFork(fork: ForkedSnapshot, group: number, node: number): boolean {
    this.#spend(STEPS_PER_ASK);
    const pod = this.#parts.groups[group]?.pods[this.#placed[group] ?? 0];
    const index = this.#firstIndex + node;
    if (pod === undefined || fork.whyNot(pod, index) !== undefined) return false;
    fork.place(pod, index);
    return true;
  }

  #refuse(group: number, node: number): void {
    const refused = this.#openable[group] === 1 ? this.#refusedNow : this.#refused;
    const ruleClass = this.#parts.classes[group] ?? 0;
    const known = refused.get(node);
    if (known === undefined) refused.set(node, new Set([ruleClass]));
    else known.add(ruleClass);
  }

  /** Nodes that have too little of something for every pod that waits need not be looked at again. */
  #closeFull(): void {
    const { axes, amounts } = this.#parts.requests;
    const least = new Float64Array(axes).fill(Infinity);
    for (let group = 0; group < this.#placed.length; group += 1) {
      if (this.#leftOf(group) === 0) continue;
      for (let axis = 0; axis < axes; axis += 1) {
        least[axis] = Math.min(least[axis] ?? 0, amounts[group * axes + axis] ?? 0);
      }
    }
    this.#open = this.#open.filter((node) => {
      for (let axis = 0; axis < axes; axis += 1) {
        const amount = least[axis] ?? 0;
        if (amount > 0 && amount > (this.#rooms[node * axes + axis] ?? 0)) return false;
      }
      return true;
    });
    this.#spend(this.#open.length);
  }

  #spend(steps: number): void {
    this.#stepsLeft -= this.#parts.fork === undefined ? steps : steps * FORK_WEIGHT;
  }

  #leftOf(group: number): number {
    return (this.#parts.groups[group]?.pods.length ?? 0) - (this.#placed[group] ?? 0);
  }
}
