// A pool as the planner sees it: its settings, its claims, and whether it may be acted upon at all.
// Claims belong to a pool by its name: a pool that was lost with its definition and applied again gets its nodes back.
import { poolSettings, type PoolSettings } from '../api/defaults.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { NodePool } from '../api/node-pool.ts';
import { validateNodePool, type SpecProblem } from '../api/validate-node-pool.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type { ClusterObjects } from '../cluster/cluster-objects.ts';
import { compareText, isStanding } from './claim-facts.ts';

export interface PoolState {
  readonly pool: NodePool;
  readonly name: string;
  readonly settings: PoolSettings;
  readonly deleting: boolean;
  /** Not empty: the pool is left as it stands. */
  readonly problems: readonly SpecProblem[];
  /** All that exist, also those on their way out; by name. */
  readonly claims: readonly NodeClaim[];
}

/** Every pool of the list, by name. While neither claims nor pool nor cluster change, a pool's state is the same object, so
 *  that what is worked out of it may be kept. */
export function listPools(objects: ClusterObjects): readonly PoolState[] {
  const claims = claimsByPool(objects.claims);
  return objects.nodePools
    .map((pool) => stateOf(pool, { cluster: objects.cluster, claims: claims.get(pool.metadata.name) ?? NO_CLAIMS }))
    .sort((a, b) => compareText(a.name, b.name));
}

/** The claims that stand, in the order of the list; looked for once per list. */
export function standingAmong(claims: readonly NodeClaim[]): readonly NodeClaim[] {
  let found = standing.get(claims);
  if (found === undefined) standing.set(claims, (found = claims.filter(isStanding)));
  return found;
}

/** The claims that are not simply Ready and to stay, in the order of the list; looked for once per list. */
export function restlessAmong(claims: readonly NodeClaim[]): readonly NodeClaim[] {
  let found = restless.get(claims);
  if (found === undefined) {
    found = claims.filter((claim) => claim.status?.phase !== 'Ready' || !isStanding(claim));
    restless.set(claims, found);
  }
  return found;
}

interface Known {
  readonly cluster: WorkloadCluster;
  readonly state: PoolState;
}

const NO_CLAIMS: readonly NodeClaim[] = [];
const standing = new WeakMap<readonly NodeClaim[], readonly NodeClaim[]>();
const restless = new WeakMap<readonly NodeClaim[], readonly NodeClaim[]>();
const grouped = new WeakMap<readonly NodeClaim[], ReadonlyMap<string, readonly NodeClaim[]>>();
const states = new WeakMap<NodePool, Known>();

function stateOf(
  pool: NodePool,
  of: { readonly cluster: WorkloadCluster; readonly claims: readonly NodeClaim[] },
): PoolState {
  const { cluster, claims } = of;
  const known = states.get(pool);
  if (known?.cluster === cluster && known.state.claims === claims) return known.state;
  const state: PoolState = {
    pool,
    name: pool.metadata.name,
    settings: poolSettings(pool, cluster),
    deleting: pool.metadata.deletionTimestamp !== undefined,
    problems: validateNodePool(pool),
    claims,
  };
  states.set(pool, { cluster, state });
  return state;
}

/** By name within each pool. */
function claimsByPool(claims: readonly NodeClaim[]): ReadonlyMap<string, readonly NodeClaim[]> {
  const known = grouped.get(claims);
  if (known !== undefined) return known;
  const byPool = new Map<string, NodeClaim[]>();
  for (const claim of claims) {
    const others = byPool.get(claim.spec.poolName);
    if (others === undefined) byPool.set(claim.spec.poolName, [claim]);
    else others.push(claim);
  }
  for (const own of byPool.values()) {
    const isBefore = (claim: NodeClaim, index: number): boolean =>
      index === 0 || (own[index - 1]?.metadata.name ?? '') <= claim.metadata.name;
    if (!own.every(isBefore)) own.sort((a, b) => compareText(a.metadata.name, b.metadata.name));
  }
  grouped.set(claims, byPool);
  return byPool;
}

/** May this pool get new nodes and lose old ones by the planner's own judgement? */
export function isActive(pool: PoolState): boolean {
  return !pool.deleting && pool.problems.length === 0;
}

/** May its nodes be replaced by cheaper ones? */
export function consolidates(pool: PoolState): boolean {
  return isActive(pool) && pool.settings.autoscale && pool.settings.consolidate;
}
