// Fills one node of a fork with groups of equal pods, first group first, as many of each as fit. The cost grows with the
// groups, not with the pods.
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { ForkedSnapshot } from './forked-snapshot.ts';

/** Pods of one shape; those before `from` have their place already. */
export interface EqualPods {
  readonly pods: readonly PodObject[];
  readonly from: number;
}

/** Places the next pods of each group on the node, which must be open, until the groups are through; how many of each, in
 *  the order of `groups`. To be taken back with mark and rollback. */
export function fillNode(fork: ForkedSnapshot, index: number, groups: readonly EqualPods[]): readonly number[] {
  return groups.map(({ pods, from }) => {
    let at = from;
    for (;;) {
      const pod = pods[at];
      if (pod === undefined) break;
      const count = fork.fitsCount(pod, index, { most: pods.length - at });
      if (count === 0) break;
      fork.placeMany(pods, index, { from: at, until: at + count });
      at += count;
    }
    return at - from;
  });
}
