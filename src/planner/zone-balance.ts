// How a pool's nodes are spread over zones now, as far as the plan has come.
import { nodesIn, standingClaims, type PlanDraft } from './plan-draft.ts';
import type { PoolState } from './pool-state.ts';

/** Nodes of `pool` per zone: those that stand and those that the plan adds. */
export function zoneCounts(draft: PlanDraft, pool: PoolState): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (zone: string, nodes: number): void => {
    counts.set(zone, (counts.get(zone) ?? 0) + nodes);
  };
  for (const claim of standingClaims(draft, pool)) add(claim.spec.zone, 1);
  for (const node of draft.newNodes) if (node.pool === pool) add(node.offer.template.zone, nodesIn(node));
  return counts;
}
