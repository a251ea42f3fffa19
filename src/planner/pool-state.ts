// A pool as the planner sees it: its settings, its claims, and whether it may be acted upon at all.
// Claims belong to a pool by its name: a pool that was lost with its definition and applied again gets its nodes back.
import { poolSettings, type PoolSettings } from '../api/defaults.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { NodePool } from '../api/node-pool.ts';
import { validateNodePool, type SpecProblem } from '../api/validate-node-pool.ts';
import type { ClusterObjects } from '../cluster/cluster-objects.ts';
import { compareText } from './claim-facts.ts';

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

/** Every pool of the list, by name. */
export function listPools(objects: ClusterObjects): readonly PoolState[] {
  const claims = new Map<string, NodeClaim[]>();
  for (const claim of objects.claims) {
    const known = claims.get(claim.spec.poolName);
    if (known === undefined) claims.set(claim.spec.poolName, [claim]);
    else known.push(claim);
  }
  return objects.nodePools
    .map(
      (pool): PoolState => ({
        pool,
        name: pool.metadata.name,
        settings: poolSettings(pool, objects.cluster),
        deleting: pool.metadata.deletionTimestamp !== undefined,
        problems: validateNodePool(pool),
        claims: (claims.get(pool.metadata.name) ?? []).sort((a, b) => compareText(a.metadata.name, b.metadata.name)),
      }),
    )
    .sort((a, b) => compareText(a.name, b.name));
}

/** May this pool get new nodes and lose old ones by the planner's own judgement? */
export function isActive(pool: PoolState): boolean {
  return !pool.deleting && pool.problems.length === 0;
}
