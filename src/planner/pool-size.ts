// How many claims a pool shall have, and the removals and additions that its size alone asks for: deleted pools and
// clusters, spec.desiredNodes, minNodes, maxNodes. Pods that are waiting are plan-scale-up.ts's part.
import type { NodeClaim } from '../api/node-claim.ts';
import { compareText, isNewlyFailed } from './claim-facts.ts';
import { addNode, block, draftOffers, newNodesOf, removeClaim, standingClaims, type PlanDraft } from './plan-draft.ts';
import type { Refused } from './node-limits.ts';
import type { Offer } from './pool-offers.ts';
import { isActive, type PoolState } from './pool-state.ts';
import { zoneCounts } from './zone-balance.ts';

/** Most nodes that one plan adds: ten times the largest cluster that Kubernetes is tested with (5,000 nodes). Bounds a plan's memory
 *  and time: 32,000 new nodes of 1,101 flavors for 150,000 pods take 0.1 s to choose and write down (equal nodes are one step), and
 *  about as long again one by one, when they are carried out. The cheapest mix there is of 29,000 to 33,000 small nodes; where a limit
 *  is near, everything is packed twice. Money is bounded by maxNodes, ceilings and quota. */
export const NEW_NODES_MAX = 48_000;

/** Phase: the operator deletes the cluster. True: nothing else is to be planned. */
export function planClusterDeletion(draft: PlanDraft): boolean {
  const { cluster, claims } = draft.objects;
  if (cluster.metadata.deletionTimestamp === undefined) return false;
  if (cluster.spec.onDelete === 'KeepNodes') return true;
  const message = `WorkloadCluster '${cluster.metadata.name}' is being deleted and its onDelete is DeleteNodes`;
  for (const claim of byName(claims)) removeClaim(draft, claim, { reason: 'ClusterDeleted', message });
  return true;
}

/** Phase: pools that are being deleted lose all their nodes, whatever state pool or nodes are in. */
export function planPoolDeletions(draft: PlanDraft): void {
  for (const pool of draft.pools) {
    if (!pool.deleting) continue;
    const message = `NodePool '${pool.name}' is being deleted`;
    for (const claim of pool.claims) removeClaim(draft, claim, { reason: 'PoolDeleted', message });
  }
}

/** Phase: pools below their wanted size grow, cheapest flavor first, zones kept balanced. */
export function planGrowth(draft: PlanDraft): void {
  for (const pool of draft.pools) {
    if (!isActive(pool)) continue;
    const wanted = wantedNodes(draft, pool);
    let missing = wanted - sizeOf(draft, pool);
    while (missing > 0) {
      if (draft.newNodes.length >= NEW_NODES_MAX) {
        draft.cutShort.add(`growth stopped at ${NEW_NODES_MAX} new nodes in one plan`);
        draft.growthBlocked.add(pool.name);
        return;
      }
      const offer = cheapestOffer(draft, pool);
      if (offer === undefined) break;
      addNode(draft, offer, `pool '${pool.name}' shall have ${wanted} nodes`);
      missing--;
    }
    if (missing > 0) draft.growthBlocked.add(pool.name);
  }
}

/** The pool's wanted number of claims by its spec alone (pending pods may ask for more when it autoscales).
 *  desiredNodes absent: what stands, else minNodes; below minNodes: minNodes; above maxNodes: maxNodes.
 *  A failed node of an autoscaled pool is not replaced by number: the pods that it ran ask again, perhaps elsewhere. */
export function wantedNodes(draft: PlanDraft, pool: PoolState): number {
  const { desiredNodes } = pool.pool.spec;
  const { minNodes, maxNodes, autoscale } = pool.settings;
  const failed = failedOf(draft, pool);
  const stands = standingClaims(draft, pool).length + frozenFailures(draft, pool);
  const wish = autoscale ? Math.max((desiredNodes ?? stands + failed) - failed, 0) : (desiredNodes ?? stands + failed);
  return Math.min(Math.max(wish, minNodes), maxNodes);
}

/** Claims that a pool counts as its own after what is planned so far. */
export function sizeOf(draft: PlanDraft, pool: PoolState): number {
  return standingClaims(draft, pool).length + newNodesOf(draft, pool) + frozenFailures(draft, pool);
}

/** Nodes that this plan gives up because they failed. */
function failedOf(draft: PlanDraft, pool: PoolState): number {
  if (draft.removals.size === 0) return 0;
  return pool.claims.filter((claim) =>
    ['Failed', 'NodeGone'].includes(draft.removals.get(claim.metadata.name)?.reason ?? ''),
  ).length;
}

/** While frozen a failed claim is neither removed nor replaced: what looks lost may come back. */
function frozenFailures(draft: PlanDraft, pool: PoolState): number {
  return draft.objects.frozen === undefined ? 0 : pool.claims.filter(isNewlyFailed).length;
}

/** The cheapest offer that every limit admits, in the zone of the pool with the fewest nodes; blocks when none is. */
function cheapestOffer(draft: PlanDraft, pool: PoolState): Offer | undefined {
  const { offers, held, refused } = draftOffers(draft, pool);
  const zones = zoneCounts(draft, pool);
  let best: Offer | undefined;
  let limit: Refused | undefined;
  for (const offer of offers) {
    if (best !== undefined && best.template.flavor.name !== offer.template.flavor.name) break;
    const refusal = draft.budget.refusal(pool, offer.template.flavor);
    if (refusal !== undefined) limit ??= refusal;
    else if (best === undefined || (zones.get(offer.template.zone) ?? 0) < (zones.get(best.template.zone) ?? 0))
      best = offer;
  }
  const why = limit ?? held[0]?.why ?? refused[0];
  if (best === undefined && why !== undefined) block(draft, pool.name, why);
  return best;
}

function byName(claims: readonly NodeClaim[]): readonly NodeClaim[] {
  return [...claims].sort((a, b) => compareText(a.metadata.name, b.metadata.name));
}
