// How many nodes may be emptied at once, by choice, besides those that are.
import type { PlanDraft } from './plan-draft.ts';
import type { DisruptionLedger } from './removal-rules/disruption-ledger.ts';
import { isEvictable } from './scale-down-candidates.ts';

/** Nodes with pods that drain at once, unless the WorkloadCluster says: cluster-autoscaler's parallelism. */
const DRAINING_MAX_DEFAULT = 10;

/** Enters in the ledger what drains already and what this plan has removed so far; returns how many nodes with pods may still be
 *  added to them. */
export function takeDrains(
  draft: PlanDraft,
  by: { readonly ledger: DisruptionLedger; readonly cutoff: number },
): number {
  let draining = 0;
  for (const node of draft.snapshot.nodes) {
    if (!node.draining && !(node.claim !== undefined && draft.removals.has(node.claim.metadata.name))) continue;
    const pods = node.pods.filter((pod) => isEvictable(pod, by.cutoff));
    by.ledger.take(pods);
    if (pods.length > 0) draining++;
  }
  return (draft.objects.cluster.spec.autoscaler?.scaleDownNodesMax ?? DRAINING_MAX_DEFAULT) - draining;
}
