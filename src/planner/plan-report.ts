// The figures of a plan: sizes of pools, cost, and the patches of desiredNodes that follow from them.
import type { NodeClaim } from '../api/node-claim.ts';
import type { ClusterObjects, Flavor } from '../cluster/cluster-objects.ts';
import { compareText } from './claim-facts.ts';
import { newNodesOf, nodesIn, standingClaims, type NewNode, type PlanDraft } from './plan-draft.ts';
import type { NewNodesCost, PlanReport, PlanStep, PoolSize } from './plan.ts';
import { isActive, type PoolState, standingAmong } from './pool-state.ts';
import { sizeOf, wantedNodes } from './pool-size.ts';
import { pricePerHour } from './price-model.ts';
import { readyByPool } from './standing-nodes.ts';

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
  const priced = flavorCounts(draft, { claims: draft.objects.claims, added: draft.newNodes, flavors });
  const ready = readyByPool(draft);
  const added = new Map<PoolState, NewNode[]>(draft.pools.map((pool) => [pool, []]));
  for (const node of draft.newNodes) added.get(node.pool)?.push(node);
  return {
    pods: draft.podRuns,
    nodes: draft.nodeVerdicts,
    pools: draft.pools.map((pool) =>
      poolSizeOf(draft, pool, { flavors, added: added.get(pool) ?? [], ready: ready.get(pool.name) ?? 0 }),
    ),
    costPerHour: costOf(priced, draft.objects),
    costIsRelative:
      draft.objects.prices === undefined || [...priced.keys()].some(({ name }) => !draft.objects.prices?.has(name)),
    ...(cost === undefined ? {} : { cost }),
    ...(draft.firstRound === undefined ? {} : { firstRound: draft.firstRound }),
    ...(draft.consolidation === undefined ? {} : { consolidation: draft.consolidation }),
    cutShort: [...draft.cutShort, ...(draft.fork.cutShort === undefined ? [] : [draft.fork.cutShort])].sort(
      compareText,
    ),
    nextDueMs: draft.dueMs.length === 0 ? undefined : Math.min(...draft.dueMs),
  };
}

function poolSizeOf(
  draft: PlanDraft,
  pool: PoolState,
  of: { readonly flavors: ReadonlyMap<string, Flavor>; readonly added: readonly NewNode[]; readonly ready: number },
): PoolSize {
  const { flavors, added } = of;
  return {
    pool: pool.name,
    minNodes: pool.settings.minNodes,
    maxNodes: pool.settings.maxNodes,
    desiredNodes: desiredOf(draft, pool),
    claims: standingClaims(draft, pool).length + newNodesOf(draft, pool),
    readyNodes: of.ready,
    pricePerHour: costOf(flavorCounts(draft, { claims: pool.claims, added, flavors }), draft.objects),
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
  if (!draft.growthBlocked.has(pool.name)) return false;
  const shrinks = pool.claims.some((claim) =>
    ['ScaleDown', 'Unready', 'Consolidated'].includes(draft.removals.get(claim.metadata.name)?.reason ?? ''),
  );
  return !shrinks;
}

/** How many nodes of each flavor that the project has there are after the plan. */
function flavorCounts(
  draft: PlanDraft,
  of: {
    readonly claims: readonly NodeClaim[];
    readonly added: readonly NewNode[];
    readonly flavors: ReadonlyMap<string, Flavor>;
  },
): ReadonlyMap<Flavor, number> {
  const counts = new Map<Flavor, number>();
  const add = (flavor: Flavor | undefined, nodes: number): void => {
    if (flavor !== undefined) counts.set(flavor, (counts.get(flavor) ?? 0) + nodes);
  };
  for (const [name, nodes] of standingFlavors(of.claims)) add(of.flavors.get(name), nodes);
  if (draft.removals.size > 0) {
    for (const claim of standingAmong(of.claims)) {
      if (draft.removals.has(claim.metadata.name)) add(of.flavors.get(claim.spec.flavor), -1);
    }
  }
  for (const node of of.added) add(node.offer.template.flavor, nodesIn(node));
  for (const [flavor, nodes] of counts) if (nodes === 0) counts.delete(flavor);
  return counts;
}

/** Standing claims by name of their flavor; counted once per list. */
function standingFlavors(claims: readonly NodeClaim[]): ReadonlyMap<string, number> {
  let counts = counted.get(claims);
  if (counts !== undefined) return counts;
  counts = new Map();
  for (const { spec } of standingAmong(claims)) counts.set(spec.flavor, (counts.get(spec.flavor) ?? 0) + 1);
  counted.set(claims, counts);
  return counts;
}

const counted = new WeakMap<readonly NodeClaim[], Map<string, number>>();

/** Summed from the cheapest up, so that the order of claims cannot change the last digits. */
function costOf(counts: ReadonlyMap<Flavor, number>, { prices }: ClusterObjects): number {
  const costs = [...counts].map(([flavor, nodes]) => ({ price: pricePerHour(flavor, prices), nodes }));
  costs.sort((a, b) => a.price - b.price);
  return Math.round(costs.reduce((sum, { price, nodes }) => sum + price * nodes, 0) * 1e6) / 1e6;
}
