// A look at pods that are to move as the scheduler may take them, which knows no packing: in whatever order they come, and
// whichever nodes have the best score, none may be left over. Else a removal led to a new node, and had undone itself. The orders
// are drawn by chance, always the same ones.
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';
import { SeededDraws } from '../simulation/seeded-draws.ts';
import { podsIn } from './plan.ts';
import type { PodGroup } from './pod-groups.ts';

/** Orders tried for few pods; for many, whose sizes even out, as many as make this number of pods. */
const ORDERS_MAX = 64;
const ORDERS_MIN = 4;
const PODS_TRIED = 1000;

/** A pod that is left over when the pods come in some order, every other time to the nodes from `newFrom` on first; undefined:
 *  all find places each time. More important ones come first, as in the scheduler's queue. The fork is left as it was. */
export function leftInSomeOrder(
  fork: ForkedSnapshot,
  groups: readonly PodGroup[],
  options: { readonly newFrom: number },
): PodObject | undefined {
  const pods = podsIn(groups.map(({ pods: all }) => ({ pods: all, from: 0, to: all.length })));
  const orders = ordersFor(pods.length);
  for (let order = 0; order < orders; order += 1) {
    const mark = fork.mark();
    const left = placeAll(fork, shuffled(pods, order), order % 2 === 0 ? 0 : options.newFrom);
    fork.rollback(mark);
    if (left !== undefined) return left;
  }
  return undefined;
}

/** How many orders are tried for so many pods. */
export function ordersFor(pods: number): number {
  return Math.min(Math.max(Math.ceil(PODS_TRIED / Math.max(pods, 1)), ORDERS_MIN), ORDERS_MAX);
}

function shuffled(pods: readonly PodObject[], seed: number): readonly PodObject[] {
  const order = Uint32Array.from(pods.keys());
  new SeededDraws(seed).shuffle(order);
  return [...order].flatMap((at) => pods[at] ?? []).sort((a, b) => b.priority - a.priority);
}

/** Once more those that may have waited for others, as long as that helps one. */
function placeAll(fork: ForkedSnapshot, pods: readonly PodObject[], from: number): PodObject | undefined {
  let waiting = pods;
  for (let before = Infinity; waiting.length > 0 && waiting.length < before; ) {
    before = waiting.length;
    waiting = waiting.filter((pod) => {
      const preferred = fork.firstFit(pod, { from });
      const index = preferred === -1 && from > 0 ? fork.firstFit(pod) : preferred;
      if (index !== -1) fork.place(pod, index);
      return index === -1;
    });
  }
  return waiting[0];
}
