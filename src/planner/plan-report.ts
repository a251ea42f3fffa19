// The figures of a plan: sizes of pools, cost, and the patches of desiredNodes that follow from them.
import type { NodeClaim } from '../api/node-claim.ts';
import type { ClusterObjects, Flavor } from '../cluster/cluster-objects.ts';
import { compareText, isStanding } from './claim-facts.ts';
import { newNodesOf, standingClaims, type PlanDraft } from './plan-draft.ts';
import type { NewNodesCost, PlanReport, PlanStep, PoolSize } from './plan.ts';
import { isActive, type PoolState } from './pool-state.ts';
import { sizeOf, wantedNodes } from './pool-size.ts';
import { pricePerHour } from './price-model.ts';

type SetDesiredNodes = PlanStep & { readonly kind: 'setDesiredNodes' };

/** For autoscaled pools: desiredNodes is what stands after the plan. Not while a limit keeps a pool below what was
 *  asked of it: the wish stays written until it can be met, or until a node of the pool is found unneeded. */
export function desiredNodesSteps(draft: PlanDraft): readonly SetDesiredNodes[] {
  const steps: SetDesiredNodes[] = [];
  for (const pool of draft.pools) {
    if (!isActive(pool) || !pool.settings.autoscale || wishStays(draft, pool)) continue;
    const from = pool.pool.spec.desiredNodes;
    const to = sizeOf(draft, pool);
    if (from === to) continue;
    steps.push({
      kind: 'setDesiredNodes',
      pool: pool.name,
      poolUid: pool.pool.metadata.uid,
      from,
      to,
      reason: from === undefined ? 'the pool autoscales' : from < to ? 'the pool grows' : 'the pool shrinks',
    });
  }
  return steps;
}

/** What the plan says of itself. `cost`: of the nodes that it adds for pods. */
export function reportOf(draft: PlanDraft, cost: NewNodesCost | undefined): PlanReport {
  const flavors = new Map(draft.objects.flavors.map((flavor) => [flavor.name, flavor]));
  const left = draft.objects.claims.filter((claim) => isStanding(claim) && !draft.removals.has(claim.metadata.name));
  const added = draft.newNodes.map((node) => node.offer.template.flavor);
  const priced = [...left.map((claim) => flavors.get(claim.spec.flavor)).filter(isKnown), ...added];
  return {
    pods: draft.podRuns,
    nodes: draft.nodeVerdicts,
    pools: draft.pools.map((pool) => poolSizeOf(draft, pool, flavors)),
    costPerHour: costOf(priced, draft.objects),
    costIsRelative: draft.objects.prices === undefined || priced.some(({ name }) => !draft.objects.prices?.has(name)),
    ...(cost === undefined ? {} : { cost }),
    cutShort: [...draft.cutShort, ...(draft.fork.cutShort === undefined ? [] : [draft.fork.cutShort])].sort(
      compareText,
    ),
    nextDueMs: draft.dueMs.length === 0 ? undefined : Math.min(...draft.dueMs),
  };
}

function poolSizeOf(draft: PlanDraft, pool: PoolState, flavors: ReadonlyMap<string, Flavor>): PoolSize {
  const standing = standingClaims(draft, pool);
  const added = draft.newNodes.filter((node) => node.pool === pool).map((node) => node.offer.template.flavor);
  const known = standing.map((claim) => flavors.get(claim.spec.flavor)).filter(isKnown);
  return {
    pool: pool.name,
    minNodes: pool.settings.minNodes,
    maxNodes: pool.settings.maxNodes,
    desiredNodes: desiredOf(draft, pool),
    claims: standing.length + newNodesOf(draft, pool),
    readyNodes: standing.filter((claim) => isReady(draft, claim)).length,
    pricePerHour: costOf([...known, ...added], draft.objects),
  };
}

/** What the pool is to have: for an autoscaled one at least what the plan gives it. */
function desiredOf(draft: PlanDraft, pool: PoolState): number {
  if (pool.deleting) return 0;
  if (pool.problems.length > 0) return pool.pool.spec.desiredNodes ?? standingClaims(draft, pool).length;
  if (pool.settings.autoscale && !wishStays(draft, pool)) return sizeOf(draft, pool);
  return wantedNodes(draft, pool);
}

function wishStays(draft: PlanDraft, pool: PoolState): boolean {
  const shrinks = pool.claims.some((claim) =>
    ['ScaleDown', 'Unready'].includes(draft.removals.get(claim.metadata.name)?.reason ?? ''),
  );
  return draft.growthBlocked.has(pool.name) && !shrinks;
}

function isReady(draft: PlanDraft, claim: NodeClaim): boolean {
  const index = draft.snapshot.nodeIndexByName.get(claim.status?.nodeName ?? claim.metadata.name);
  const node = index === undefined ? undefined : draft.snapshot.nodes[index]?.node;
  return claim.status?.phase === 'Ready' && node?.ready === 'True';
}

/** Summed from the cheapest up, so that the order of claims cannot change the last digits. */
function costOf(flavors: readonly Flavor[], objects: ClusterObjects): number {
  const prices = Float64Array.from(flavors, (flavor) => pricePerHour(flavor, objects.prices)).sort();
  return Math.round(prices.reduce((sum, price) => sum + price, 0) * 1e6) / 1e6;
}

function isKnown(flavor: Flavor | undefined): flavor is Flavor {
  return flavor !== undefined;
}
