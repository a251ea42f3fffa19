// Snapshot → Plan, in named phases, each of which sees what the ones before it have decided.
// Pure and deterministic: the same snapshot, whatever the order of its objects, gives the same plan. Time is the
// snapshot's observedAtMs. One planner per cluster is the only author of claims, so sizing by hand, autoscaling and
// repair are all inputs of this one function and cannot fight.
import type { NodeClaimSpec } from '../api/node-claim.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import { claimSpecOf } from './claim-spec.ts';
import type { ImprovedPatterns } from './patterns/improved-patterns.ts';
import { block, openDraft, type PlanDraft } from './plan-draft.ts';
import { planConsolidatedRemoval } from './plan-consolidated-removal.ts';
import { planConsolidation } from './plan-consolidation.ts';
import { planManualRemoval } from './plan-manual-removal.ts';
import { planReplacement } from './plan-replacement.ts';
import { newNodesCost } from './new-nodes-cost.ts';
import { desiredNodesSteps, reportOf } from './plan-report.ts';
import { planScaleDown } from './plan-scale-down.ts';
import { planScaleUp } from './plan-scale-up.ts';
import type { Blocked, Plan, PlanStep } from './plan.ts';
import { type Offer, specRefusals } from './pool-offers.ts';
import { planClusterDeletion, planGrowth, planPoolDeletions } from './pool-size.ts';
import { compareText } from './claim-facts.ts';

/** The plan for `snapshot`. Names of new claims are drawn from `nameSeed`; none is the name of a claim or node that
 *  exists. A paused cluster gets no steps; a frozen one no removals. `improved`: answers that a polish has found for
 *  problems of earlier plans; where they fit, the plan goes by them. */
export function makePlan(
  snapshot: ClusterSnapshot,
  options: { readonly nameSeed: string; readonly improved?: ImprovedPatterns },
): Plan {
  const draft = openDraft(snapshot, options);
  blockInvalidPools(draft);
  if (snapshot.objects.cluster.spec.paused === true) return closeIdle(draft);
  if (planClusterDeletion(draft)) return closePlan(draft);
  planPoolDeletions(draft);
  planReplacement(draft);
  planManualRemoval(draft);
  planGrowth(draft);
  planScaleUp(draft);
  planConsolidatedRemoval(draft);
  planScaleDown(draft);
  planConsolidation(draft);
  return closePlan(draft);
}

/** What a person must put right in a pool's spec, whether or not anything waits for the pool now. */
function blockInvalidPools(draft: PlanDraft): void {
  for (const pool of draft.pools) {
    if (pool.deleting) continue;
    for (const { reason, message } of pool.problems) block(draft, pool.name, { reason, message });
    if (pool.problems.length > 0) continue;
    for (const refused of specRefusals(pool, draft.objects)) block(draft, pool.name, refused);
  }
}

function closeIdle(draft: PlanDraft): Plan {
  for (const pool of draft.pools) {
    block(draft, pool.name, { reason: 'Paused', message: 'the operator has paused this cluster (spec.paused)' });
  }
  return closePlan(draft);
}

function closePlan(draft: PlanDraft): Plan {
  const { cluster } = draft.objects;
  const idle = cluster.spec.paused === true || cluster.metadata.deletionTimestamp !== undefined;
  const desired = idle ? [] : desiredNodesSteps(draft);
  const shrinks = (step: (typeof desired)[number]): boolean => step.from !== undefined && step.to < step.from;
  const steps: PlanStep[] = [
    // A pool's wish is lowered before its nodes go and raised after they are written: whoever reads between the two
    // sees too many nodes, which waits, never too few, which would be filled up.
    ...desired.filter(shrinks),
    ...[...draft.removals.values()].sort((a, b) => compareText(a.claim, b.claim)),
    ...createSteps(draft),
    ...desired.filter((step) => !shrinks(step)),
    ...draft.timers
      .filter((timer) => !draft.removals.has(timer.claim))
      .sort((a, b) => compareText(a.claim, b.claim) || compareText(a.timer, b.timer)),
  ];
  const priced = newNodesCost(draft);
  return {
    basedOn: draft.snapshot.version,
    steps,
    blocked: sortedBlocked(draft),
    report: reportOf(draft, priced?.cost),
    ...(priced === undefined ? {} : { polishable: { solved: draft.solved, stated: priced.stated } }),
  };
}

/** Claims for nodes of one offer share one spec, so that a plan is as small as the kinds of its nodes. */
function createSteps(draft: PlanDraft): readonly PlanStep[] {
  const specs = new Map<Offer, NodeClaimSpec>();
  return draft.newNodes.map(({ pool, offer, names, pods, reason, replaces }): PlanStep => {
    let common = specs.get(offer);
    if (common === undefined) specs.set(offer, (common = claimSpecOf(offer, draft.objects)));
    const spec = replaces === undefined ? common : { ...common, replaces: [...replaces] };
    return { kind: 'createClaims', pool: pool.name, names, spec, reason, pods };
  });
}

function sortedBlocked(draft: PlanDraft): readonly Blocked[] {
  return [...draft.blocked.values()].sort((a, b) => compareText(a.pool, b.pool) || compareText(a.reason, b.reason));
}
