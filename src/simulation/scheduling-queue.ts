// The queue of kube-scheduler: priority first, then who was tried least recently, which is the time of creation at first.
// The API tells time in whole seconds, so pods of one second are shuffled: what order they really had is unknown.
// A pod that no node takes waits until a node joins and is then behind those that have not been tried for longer: while nodes
// join faster than the queue is worked through, each new one finds the scheduler somewhere in the middle.
import type { PodObject, PodShape } from '../cluster/cluster-objects.ts';
import type { SeededDraws } from './seeded-draws.ts';

/** Equal pods of one priority that wait, oldest first. */
export interface QueuedGroup {
  readonly shape: PodShape;
  readonly priority: number;
  readonly pods: readonly PodObject[];
  /** They run now and wait only once they are evicted: behind all others of their priority. */
  readonly evictedLater: boolean;
}

/** Pods of one group that are equally old. */
interface Stretch {
  readonly group: number;
  readonly priority: number;
  readonly createdMs: number;
  readonly count: number;
}

/** Lines groups up; any number of queues can be drawn from one of these. */
export class QueueOrder {
  /** Group of each pod, in order. */
  readonly #groupAt: Uint32Array;
  /** Where each set of equally old pods of one priority ends, and each priority. */
  readonly #tieEnds: readonly number[];
  readonly #bandEnds: readonly number[];

  constructor(groups: readonly QueuedGroup[]) {
    const stretches = groups.flatMap(stretchesOf).sort(byQueue);
    this.#groupAt = new Uint32Array(groups.reduce((sum, { pods }) => sum + pods.length, 0));
    const tieEnds: number[] = [];
    const bandEnds: number[] = [];
    let at = 0;
    stretches.forEach((stretch, index) => {
      this.#groupAt.fill(stretch.group, at, at + stretch.count);
      at += stretch.count;
      const next = stretches[index + 1];
      if (next === undefined || byQueue(stretch, next) !== 0) tieEnds.push(at);
      if (next?.priority !== stretch.priority) bandEnds.push(at);
    });
    this.#tieEnds = tieEnds;
    this.#bandEnds = bandEnds;
  }

  /** One order that the pods may have. */
  draw(draws: SeededDraws): SchedulingQueue {
    const groupAt = this.#groupAt.slice();
    let from = 0;
    for (const end of this.#tieEnds) {
      draws.shuffle(groupAt.subarray(from, end));
      from = end;
    }
    return new SchedulingQueue(groupAt, this.#bandEnds);
  }
}

/** Pods of one priority in a ring: the next one to be tried, and how many have not been tried since the last call. */
interface Band {
  readonly ring: Uint32Array;
  head: number;
  size: number;
  untried: number;
}

export class SchedulingQueue {
  readonly #bands: readonly Band[];
  #taken: Band | undefined;

  /** Pods by their groups, in order; `bandEnds`: where each priority ends. */
  constructor(groupAt: Uint32Array, bandEnds: readonly number[]) {
    this.#bands = bandEnds.map((end, band): Band => {
      const ring = groupAt.subarray(bandEnds[band - 1] ?? 0, end);
      return { ring, head: 0, size: ring.length, untried: ring.length };
    });
  }

  /** Something happened that may let pods fit: all that wait are to be tried. */
  callAll(): void {
    for (const band of this.#bands) band.untried = band.size;
  }

  /** Takes the next pod to be tried off the queue: its group; −1: all have been tried. */
  next(): number {
    for (const band of this.#bands) {
      if (band.untried === 0) continue;
      const group = band.ring[band.head] ?? 0;
      band.head = band.head + 1 === band.ring.length ? 0 : band.head + 1;
      band.size -= 1;
      band.untried -= 1;
      this.#taken = band;
      return group;
    }
    return -1;
  }

  /** The pod that came last from `next` did not fit: it goes to the end. */
  putBack(group: number): void {
    const band = this.#taken;
    if (band === undefined) throw new Error('nothing was taken off the queue');
    band.ring[(band.head + band.size) % band.ring.length] = group;
    band.size += 1;
  }
}

function stretchesOf({ priority, pods, evictedLater }: QueuedGroup, group: number): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let from = 0;
  for (let end = 1; end <= pods.length; end += 1) {
    if (end < pods.length && (evictedLater || pods[end]?.createdMs === pods[from]?.createdMs)) continue;
    const createdMs = evictedLater ? Infinity : (pods[from]?.createdMs ?? 0);
    stretches.push({ group, priority, createdMs, count: end - from });
    from = end;
  }
  return stretches;
}

function byQueue(a: Stretch, b: Stretch): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  return a.createdMs === b.createdMs ? 0 : a.createdMs - b.createdMs;
}
