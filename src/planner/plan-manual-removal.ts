// Phase: a pool has more nodes than it shall have (a person lowered desiredNodes or maxNodes): which ones go.
// Not yet Ready first, then the emptiest, then the cheapest to disrupt, then the newest; from the fullest zone.
import type { NodeClaim } from '../api/node-claim.ts';
import { belongsToNode } from '../cluster/pending-groups.ts';
import { compareText, createdMsOf } from './claim-facts.ts';
import { nodeIndexOf, removeClaim, standingClaims, type PlanDraft } from './plan-draft.ts';
import { wantedNodes } from './pool-size.ts';
import { isActive, type PoolState } from './pool-state.ts';

interface Victim {
  readonly claim: NodeClaim;
  readonly ready: boolean;
  /** Pods that would have to move. */
  readonly pods: number;
  /** Pods that would be lost or that asked to be left alone. */
  readonly hard: number;
}

/** Removes what is above the wanted size. An autoscaled pool is only held to its maxNodes here: what a person lowered
 *  desiredNodes to, plan-scale-down.ts follows as far as the pods have other places. */
export function planManualRemoval(draft: PlanDraft): void {
  if (draft.objects.frozen !== undefined) return;
  for (const pool of draft.pools) {
    if (!isActive(pool)) continue;
    const standing = standingClaims(draft, pool);
    const { autoscale, maxNodes } = pool.settings;
    const wanted = autoscale ? maxNodes : wantedNodes(draft, pool);
    if (standing.length > wanted) shrink(draft, pool, { surplus: standing.length - wanted, wanted });
  }
}

function shrink(draft: PlanDraft, pool: PoolState, size: { readonly surplus: number; readonly wanted: number }): void {
  const victims = standingClaims(draft, pool).map((claim) => victimOf(draft, claim));
  const zones = new Map<string, number>();
  for (const { claim } of victims) zones.set(claim.spec.zone, (zones.get(claim.spec.zone) ?? 0) + 1);
  const left = [...victims];
  for (let removed = 0; removed < size.surplus; removed++) {
    left.sort((a, b) => compareVictims(a, b, zones));
    const victim = left.shift();
    if (victim === undefined) return;
    const { zone } = victim.claim.spec;
    zones.set(zone, (zones.get(zone) ?? 1) - 1);
    removeClaim(draft, victim.claim, {
      reason: 'ManualSize',
      message: `pool '${pool.name}' shall have ${size.wanted} nodes`,
    });
  }
}

function victimOf(draft: PlanDraft, claim: NodeClaim): Victim {
  const index = nodeIndexOf(draft, claim);
  const node = index === undefined ? undefined : draft.snapshot.nodes[index];
  const pods = (node?.pods ?? []).filter((pod) => !belongsToNode(pod) && !pod.deleting);
  return {
    claim,
    ready: claim.status?.phase === 'Ready',
    pods: pods.length,
    hard: pods.filter((pod) => pod.doNotDisrupt || pod.safeToEvict === false || pod.controller === undefined).length,
  };
}

function compareVictims(a: Victim, b: Victim, zones: ReadonlyMap<string, number>): number {
  return (
    Number(a.ready) - Number(b.ready) ||
    (zones.get(b.claim.spec.zone) ?? 0) - (zones.get(a.claim.spec.zone) ?? 0) ||
    Math.sign(a.pods) - Math.sign(b.pods) ||
    a.hard - b.hard ||
    a.pods - b.pods ||
    createdMsOf(b.claim) - createdMsOf(a.claim) ||
    compareText(a.claim.metadata.name, b.claim.metadata.name)
  );
}
