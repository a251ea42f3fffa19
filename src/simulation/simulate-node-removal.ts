// What would happen if a node went: its pods leave, those that can move look for room elsewhere.
import { byKey } from '../cluster/pending-groups.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';
import { refusalSummary } from './refusal-summary.ts';
import type { PodPlacement } from './simulate-pending-pods.ts';

export type RemovalSimulation =
  | { readonly kind: 'fits'; readonly moves: readonly PodPlacement[] }
  | { readonly kind: 'stuck'; readonly pod: PodObject; readonly refusal: string };

/** Removes the node and places `movable` (pods that were on it and will be made anew) on open nodes. The fork is left
 *  changed when all fit, and as it was when one does not. Big pods are placed first, as they find room hardest. */
export function simulateNodeRemoval(
  fork: ForkedSnapshot,
  node: number,
  options: { readonly movable: readonly PodObject[] },
): RemovalSimulation {
  const mark = fork.mark();
  fork.removeNode(node);
  const moves: PodPlacement[] = [];
  for (const pod of [...options.movable].sort(hardestFirst)) {
    const to = fork.firstFit(pod);
    if (to === -1) {
      const refusal = refusalSummary(fork, pod);
      fork.rollback(mark);
      return { kind: 'stuck', pod, refusal };
    }
    fork.place(pod, to);
    moves.push({ pod, node: to });
  }
  return { kind: 'fits', moves };
}

function hardestFirst(left: PodObject, right: PodObject): number {
  return (
    right.priority - left.priority ||
    right.shape.requests.cpuMillis - left.shape.requests.cpuMillis ||
    right.shape.requests.memoryBytes - left.shape.requests.memoryBytes ||
    byKey(left, right)
  );
}
