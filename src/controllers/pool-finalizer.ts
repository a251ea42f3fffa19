// Our finalizer on NodePools: put on before the first node of a pool is created, taken off when a deleted pool has no
// claim left. It is what makes a pool's deletion visible; absence from a list deletes nothing.
import type { NodePool } from '../api/node-pool.ts';
import { FINALIZERS, serverGroupName } from '../api/names.ts';
import type { ClusterContext } from './cluster-context.ts';
import type { Cloud } from './ports.ts';

/** The live pool with our finalizer on it; undefined when it is gone, being deleted or another one (by uid). */
export async function holdPool(context: ClusterContext, name: string, uid: string): Promise<NodePool | undefined> {
  const pool = await context.workload.getNodePool(name);
  if (pool === undefined || pool.metadata.uid !== uid || pool.metadata.deletionTimestamp !== undefined)
    return undefined;
  if (pool.metadata.finalizers?.includes(FINALIZERS.nodePool) === true) return pool;
  await context.workload.setNodePoolFinalizer(pool, true);
  const held = await context.workload.getNodePool(name);
  return held?.metadata.uid === uid && held.metadata.deletionTimestamp === undefined ? held : undefined;
}

/** Lets go of deleted pools that have no claim left. Both is read live: the stores may lag behind our own creates.
 *  Claims belong to a pool by name, as for the planner: a pool that was applied again owns the nodes of the old one.
 *  Returns the names of the pools let go. Rejects with a PortError. */
export async function releaseDeletedPools(
  context: ClusterContext,
  pools: readonly NodePool[],
): Promise<readonly string[]> {
  const deleted = pools.filter(
    (pool) =>
      pool.metadata.deletionTimestamp !== undefined && pool.metadata.finalizers?.includes(FINALIZERS.nodePool) === true,
  );
  if (deleted.length === 0) return [];
  const claims = await context.management.listClaims(context.namespace, context.clusterUid);
  const released: string[] = [];
  for (const { metadata } of deleted) {
    if (claims.some((claim) => claim.spec.poolName === metadata.name)) continue;
    const live = await context.workload.getNodePool(metadata.name);
    if (live === undefined || live.metadata.uid !== metadata.uid || live.metadata.deletionTimestamp === undefined)
      continue;
    await dropServerGroup(context, live);
    await context.workload.setNodePoolFinalizer(live, false);
    released.push(metadata.name);
  }
  return released;
}

/** The server group of a pool that has no node left. Named after uids of ours, so it can be nobody else's. */
export async function dropServerGroup(
  owner: { readonly cloud: Cloud; readonly clusterUid: string },
  pool: NodePool,
): Promise<void> {
  if (pool.spec.antiAffinity !== true) return;
  const { cloud, clusterUid } = owner;
  await cloud.deleteServerGroup(serverGroupName({ clusterUid, poolUid: pool.metadata.uid }));
}
