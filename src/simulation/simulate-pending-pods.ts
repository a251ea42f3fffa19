// What would happen if these pods were scheduled now, in this order, each to the first node that takes it.
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';

export interface PodPlacement {
  readonly pod: PodObject;
  /** Node index in the fork. */
  readonly node: number;
}

/** Rounds over pods that wait for others: a chain of affinities longer than this waits for the next plan. */
const ROUNDS_MAX = 8;

/** Places what fits; the fork keeps the placements. Pods with affinity or spread constraints that are left over are tried
 *  again when others came to a node, as they may have waited for them. */
export function simulatePendingPods(
  fork: ForkedSnapshot,
  pods: readonly PodObject[],
): { readonly placed: readonly PodPlacement[]; readonly left: readonly PodObject[] } {
  const placed: PodPlacement[] = [];
  let left = pods;
  for (let round = 1; ; round += 1) {
    const placedBefore = placed.length;
    const stillLeft: PodObject[] = [];
    for (const pod of left) {
      const node = round === 1 || mayOpenLater(pod) ? fork.firstFit(pod) : -1;
      if (node === -1) {
        stillLeft.push(pod);
        continue;
      }
      fork.place(pod, node);
      placed.push({ pod, node });
    }
    left = stillLeft;
    const done = placed.length === placedBefore || round === ROUNDS_MAX || !left.some(mayOpenLater);
    if (done) return { placed, left };
  }
}

/** Only these can find a node open that refused them before, because pods came. */
function mayOpenLater(pod: PodObject): boolean {
  return pod.shape.podAffinity.length > 0 || pod.shape.spread.length > 0;
}
