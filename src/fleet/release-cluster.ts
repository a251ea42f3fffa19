// A WorkloadCluster that is being deleted: its claims are brought to their end as spec.onDelete says, drained while its
// API still answers, undrained when that has been gone for a stated time; then our finalizer comes off.
import { FINALIZERS } from '../api/names.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type { ReconcileOutcome } from '../controllers/cluster-context.ts';
import { errorFields } from '../controllers/log-fields.ts';
import { dropServerGroup } from '../controllers/pool-finalizer.ts';
import { isPortError, PortError } from '../controllers/port-errors.ts';
import type { Clock, WorkloadPlane } from '../controllers/ports.ts';
import { absentWorkloadPlane } from './absent-workload-plane.ts';
import type { ClusterSession, SessionMode } from './cluster-session.ts';
import type { ClusterSupervisor, FleetDeps } from './cluster-supervisor.ts';
import { abandon, openPinnedCloud, openWorkload, type Refusal, refusalError } from './open-session.ts';
import { readSessionInputs, type SessionInputs } from './session-inputs.ts';

/** An API that has been silent this long while its cluster is being deleted is not coming back: operators take the
 *  control plane down together with the object. Shorter, and a restart of the control plane would cost drains. */
export const GONE_AFTER_MS = 600_000;
/** Draining takes minutes; this often it is looked whether all claims are gone. */
const CHECK_INTERVAL_MS = 5000;
/** Pools are few and small: listed within a second, unless the API is sick. */
const LIST_WAIT_MS = 10_000;
const LIST_POLL_MS = 250;

/** One step towards the end of a cluster. Rejects with a PortError to be repeated. */
export async function releaseCluster(
  supervisor: ClusterSupervisor,
  deps: FleetDeps,
  cluster: WorkloadCluster,
): Promise<ReconcileOutcome> {
  if (cluster.metadata.finalizers?.includes(FINALIZERS.workloadCluster) !== true) {
    await supervisor.closeSession();
    return { kind: 'settled' };
  }
  const { management } = deps;
  const { namespace = '', uid } = cluster.metadata;
  if (cluster.spec.onDelete === 'KeepNodes') return keepNodes(supervisor, deps, cluster);
  const claims = await management.listClaims(namespace, uid);
  const session = supervisor.session;
  if (session !== undefined && session.mode !== 'running') {
    await markAll(deps, claims);
    if (claims.length === 0 && (await letGoOfPools(deps, session, uid))) return finish(supervisor, deps, cluster);
    return waitOrGiveUp(supervisor, deps, cluster);
  }
  await supervisor.closeSession();
  return openForRelease(supervisor, deps, { cluster, claims });
}

/** Opens a session that only brings claims to their end. */
async function openForRelease(
  supervisor: ClusterSupervisor,
  deps: FleetDeps,
  what: { readonly cluster: WorkloadCluster; readonly claims: readonly NodeClaim[] },
): Promise<ReconcileOutcome> {
  const { cluster, claims } = what;
  const inputs = await readSessionInputs(deps.management, cluster);
  const key = `${cluster.metadata.namespace ?? ''}/${cluster.metadata.name}`;
  const workload = await openWorkload(deps.sessions, inputs.workload, key);
  if (workload.kind === 'workload') {
    await supervisor.writeReachable(cluster);
    return startRelease(supervisor, deps, { ...what, inputs, plane: workload.plane, mode: 'releasing' });
  }
  await supervisor.writeRefusal(cluster, workload);
  const gone = goneForMs(supervisor, deps, cluster) >= GONE_AFTER_MS;
  if (claims.length === 0 && (gone || workload.terminal)) return finish(supervisor, deps, cluster);
  if (gone) {
    const plane = absentWorkloadPlane(deps.clock);
    return startRelease(supervisor, deps, { ...what, inputs, plane, mode: 'undrained' });
  }
  throw refusalError(workload);
}

async function startRelease(
  supervisor: ClusterSupervisor,
  deps: FleetDeps,
  what: {
    readonly cluster: WorkloadCluster;
    readonly claims: readonly NodeClaim[];
    readonly inputs: SessionInputs;
    readonly plane: WorkloadPlane;
    readonly mode: SessionMode;
  },
): Promise<ReconcileOutcome> {
  const { cluster, claims, inputs, plane, mode } = what;
  const cloud = await openPinnedCloud(deps.sessions, inputs, cluster);
  if (cloud.kind === 'refused') {
    try {
      await supervisor.writeRefusal(cluster, cloud);
      if (claims.length === 0) await dropPoolFinalizers(plane, deps.clock);
    } finally {
      await abandon(plane);
    }
    if (claims.length === 0) return finish(supervisor, deps, cluster);
    throw refusalError(cloud);
  }
  supervisor.startSession({ workload: plane, cloud: cloud.cloud, definition: 'ready' }, mode);
  await markAll(deps, claims);
  return { kind: 'wait', afterMs: CHECK_INTERVAL_MS, why: 'nodes are being released' };
}

/** Every claim is marked with the reason and deleted; its finalizer keeps it until the node is gone. */
async function markAll(deps: FleetDeps, claims: readonly NodeClaim[]): Promise<void> {
  for (const claim of claims) {
    if (claim.metadata.deletionTimestamp !== undefined) continue;
    const at = new Date(deps.clock.nowMs()).toISOString();
    const removal = { reason: 'ClusterDeleted' as const, message: 'The WorkloadCluster is being deleted.', at };
    const marked =
      claim.status?.removal === undefined
        ? await deps.management.updateClaimStatus(claim, { ...claim.status, removal })
        : claim;
    await deps.management.deleteClaim(marked);
  }
}

async function waitOrGiveUp(
  supervisor: ClusterSupervisor,
  deps: FleetDeps,
  cluster: WorkloadCluster,
): Promise<ReconcileOutcome> {
  const session = supervisor.session;
  if (session?.mode === 'releasing') {
    const message = session.pathSick();
    if (message === undefined) {
      await supervisor.writeReachable(cluster);
    } else {
      const refusal: Refusal = {
        kind: 'refused',
        condition: 'ApiReachable',
        reason: 'Unreachable',
        message,
        terminal: false,
      };
      await supervisor.writeRefusal(cluster, refusal);
      if (goneForMs(supervisor, deps, cluster) >= GONE_AFTER_MS) await supervisor.closeSession();
    }
  }
  return { kind: 'wait', afterMs: CHECK_INTERVAL_MS, why: 'nodes are being released' };
}

/** Time since the condition ApiReachable turned False: in the object, so that a restart does not start it anew. */
function goneForMs(supervisor: ClusterSupervisor, deps: FleetDeps, cluster: WorkloadCluster): number {
  const conditions = supervisor.status.newest(cluster).status?.conditions ?? [];
  const reachable = conditions.find((condition) => condition.type === 'ApiReachable');
  if (reachable === undefined || reachable.status === 'True') return 0;
  return deps.clock.nowMs() - Date.parse(reachable.lastTransitionTime);
}

/** Our finalizer on NodePools would keep their owner from deleting them; their server groups are ours as well. Returns
 *  whether both are gone of all pools. */
async function letGoOfPools(deps: FleetDeps, session: ClusterSession, clusterUid: string): Promise<boolean> {
  const { cloud, workload: plane } = session.reach;
  const { nodePools } = plane.stores;
  if (!nodePools.synced) return false;
  try {
    for (const pool of nodePools.list()) {
      if (pool.metadata.finalizers?.includes(FINALIZERS.nodePool) !== true) continue;
      await dropServerGroup({ cloud, clusterUid }, pool);
      await plane.setNodePoolFinalizer(pool, false);
    }
  } catch (error) {
    if (!isPortError(error)) throw error;
    deps.telemetry.log('warn', 'finalizers of node pools could not be taken off', errorFields(error));
    return false;
  }
  return true;
}

/** Our finalizer off every pool, with nodes or without, through a plane that no session has started: nobody would take it
 *  off later on. Server groups stay. Rejects with a PortError, unavailable when the pools are not listed in time. */
async function dropPoolFinalizers(plane: WorkloadPlane, clock: Clock): Promise<void> {
  const { nodePools } = plane.stores;
  plane.start();
  for (let waitedMs = 0; !nodePools.synced; waitedMs += LIST_POLL_MS) {
    if (waitedMs >= LIST_WAIT_MS) throw new PortError('unavailable', 'The NodePools could not be listed in time');
    await new Promise<void>((resolve) => void clock.setTimer(LIST_POLL_MS, resolve));
  }
  for (const pool of nodePools.list()) await plane.setNodePoolFinalizer(pool, false);
}

/** The operator takes the nodes over: claims go, servers and nodes stay. Nothing runs that could act on a claim. */
async function keepNodes(
  supervisor: ClusterSupervisor,
  deps: FleetDeps,
  cluster: WorkloadCluster,
): Promise<ReconcileOutcome> {
  const { management, sessions } = deps;
  const { namespace = '', name, uid } = cluster.metadata;
  await supervisor.closeSession();
  const claims = await management.listClaims(namespace, uid);
  const inputs = await readSessionInputs(management, cluster);
  const workload = await openWorkload(sessions, inputs.workload, `${namespace}/${name}`);
  if (workload.kind === 'workload') {
    try {
      await dropPoolFinalizers(workload.plane, deps.clock);
    } finally {
      await abandon(workload.plane);
    }
  } else {
    await supervisor.writeRefusal(cluster, workload);
    const gone = goneForMs(supervisor, deps, cluster) >= GONE_AFTER_MS;
    if (!gone && !workload.terminal) throw refusalError(workload);
  }
  for (const claim of claims) {
    await management.setClaimFinalizer(claim, false);
    await management.deleteClaim(claim);
  }
  return finish(supervisor, deps, cluster);
}

async function finish(
  supervisor: ClusterSupervisor,
  deps: FleetDeps,
  cluster: WorkloadCluster,
): Promise<ReconcileOutcome> {
  await supervisor.closeSession();
  const { namespace = '', name } = cluster.metadata;
  deps.telemetry.log('info', 'workload cluster released', { cluster: `${namespace}/${name}` });
  await deps.management.setWorkloadClusterFinalizer(cluster, false);
  return { kind: 'settled' };
}
