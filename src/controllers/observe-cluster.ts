// Stage 2: everything that one decision may look at, at one instant. Refuses until all stores are complete and our own
// writes have become visible: an unsynced store is not an empty one.
import type { NodeClaim } from '../api/node-claim.ts';
import type { ClusterObjects } from '../cluster/cluster-objects.ts';
import type { ClaimExpectations } from './claim-expectations.ts';
import type { CloudFacts } from './cloud-facts.ts';
import type { ClusterContext } from './cluster-context.ts';
import { clusterFields } from './log-fields.ts';
import type { MassChangeGuard } from './mass-change-guard.ts';
import type { PathProbe } from './path-probe.ts';
import { doubtfulObjects } from './doubtful-objects.ts';
import type { PlacementHints } from './placement-hints.ts';
import { isPortError, type PortError } from './port-errors.ts';

export interface ObserveSources {
  readonly facts: CloudFacts;
  readonly guard: MassChangeGuard;
  readonly probe: PathProbe;
  readonly expectations: ClaimExpectations;
  readonly hints: PlacementHints;
  /** Of our CRD in the workload cluster, as last seen. */
  definition(): 'ready' | 'deleting' | 'unknown';
}

export type Observation =
  | {
      readonly kind: 'ready';
      readonly objects: ClusterObjects;
      /** Grows with every change of a store. */
      readonly version: number;
      /** Facts that could not be refreshed. */
      readonly faults: readonly PortError[];
    }
  | {
      readonly kind: 'wait';
      readonly why: string;
      /** Of the cloud. */
      readonly fault: PortError | undefined;
      /** What the workload cluster does not let us see, and what to do; absent: nothing. */
      readonly forbidden?: string;
    };

/** Reads stores, claims and cloud facts into one ClusterObjects, and has the guard judge them. Operating failures are
 *  a `wait` with the fault. */
export async function observeCluster(context: ClusterContext, sources: ObserveSources): Promise<Observation> {
  if (!context.lease().held) return wait('another replica leads this cluster');
  const { stores } = context.workload;
  const listing = waitForLists(context);
  if (listing !== undefined) return listing;
  const lag = sources.expectations.state();
  if (lag.kind === 'waiting') return wait(`own write not yet seen: ${lag.what}`);
  try {
    const version = storesVersion(context);
    const claims = lag.kind === 'overdue' ? await liveClaims(context, sources, lag.what) : ownClaims(context);
    const cluster = context.cluster();
    // Before the facts: claims already under way go on even while nothing new can be decided.
    const frozen = sources.guard.update({
      cluster,
      nowMs: context.clock.nowMs(),
      claims,
      nodes: stores.nodes.list(),
      nodePools: stores.nodePools.list(),
      servers: await sources.facts.servers(),
      pathSick: sources.probe.sick(),
      doubtful: doubtfulObjects(context),
      definition: sources.definition(),
    });
    const { flavors, targets, quota, prices, faults } = await sources.facts.read(claims);
    const objects: ClusterObjects = {
      cluster,
      observedAtMs: context.clock.nowMs(),
      nodePools: stores.nodePools.list(),
      claims,
      pods: stores.pods.view(),
      nodes: stores.nodes.view(),
      podDisruptionBudgets: stores.podDisruptionBudgets.list(),
      daemonSets: stores.daemonSets.list(),
      persistentVolumeClaims: stores.persistentVolumeClaims.list(),
      persistentVolumes: stores.persistentVolumes.list(),
      storageClasses: stores.storageClasses.list(),
      csiNodes: stores.csiNodes.list(),
      csiDrivers: stores.csiDrivers.list(),
      csiStorageCapacities: stores.csiStorageCapacities.list(),
      volumeAttachments: stores.volumeAttachments.list(),
      deviceClasses: stores.deviceClasses.list(),
      resourceClaims: stores.resourceClaims.list(),
      resourceSlices: stores.resourceSlices.list(),
      namespaces: stores.namespaces.list(),
      flavors,
      targets,
      quota,
      prices,
      backoffs: context.faults.standing(),
      placing: sources.hints.taintsNewNodes(),
      frozen,
    };
    return { kind: 'ready', objects, version, faults };
  } catch (error) {
    if (!isPortError(error)) throw error;
    return { kind: 'wait', why: error.message, fault: error };
  }
}

/** Why there is nothing to look at yet; undefined: every store is complete. A Sluice that watches more kinds than the one
 *  before it needs the newer ClusterRole in the workload cluster. */
function waitForLists(context: ClusterContext): Observation | undefined {
  const { stores } = context.workload;
  const unsynced = Object.entries(stores)
    .filter(([, store]) => !store.synced)
    .map(([name]) => name);
  if (!context.management.stores.nodeClaims.synced) unsynced.push('nodeClaims');
  if (unsynced.length === 0) return undefined;
  const waiting = { kind: 'wait', why: `not yet listed: ${unsynced.join(', ')}`, fault: undefined } as const;
  const rights = Object.values(stores).flatMap(({ missingRight }) => missingRight ?? []);
  if (rights.length === 0) return waiting;
  const forbidden =
    `Nothing can be decided, as rights are missing in the workload cluster: ${rights.join('; ')}. ` +
    'Upgrade the workload chart there (helm upgrade of the release with plane=workload).';
  return { ...waiting, forbidden };
}

interface Owned {
  readonly all: readonly NodeClaim[];
  readonly own: readonly NodeClaim[];
}

const owned = new WeakMap<ClusterContext, Owned>();

/** This cluster's claims in the local store. The same list for as long as none of them changes, so that what is worked out of
 *  it may be kept. */
export function ownClaims(context: ClusterContext): readonly NodeClaim[] {
  const all = context.management.stores.nodeClaims.list();
  const known = owned.get(context);
  if (known?.all === all) return known.own;
  const found = all.filter((claim) => isOwnClaim(context, claim));
  const same = known?.own.length === found.length && known.own.every((claim, index) => claim === found[index]);
  const own = same ? known.own : found;
  owned.set(context, { all, own });
  return own;
}

/** A claim of this cluster: by namespace and uid, never by name alone. */
export function isOwnClaim(
  context: { readonly namespace: string; readonly clusterUid: string },
  claim: NodeClaim,
): boolean {
  return claim.metadata.namespace === context.namespace && claim.spec.clusterUid === context.clusterUid;
}

async function liveClaims(
  context: ClusterContext,
  sources: ObserveSources,
  what: string,
): Promise<readonly NodeClaim[]> {
  context.telemetry.log('warn', 'own write was not seen in time, reading claims live', {
    ...clusterFields(context),
    what,
  });
  const claims = await context.management.listClaims(context.namespace, context.clusterUid);
  sources.expectations.forget();
  return claims;
}

function storesVersion(context: ClusterContext): number {
  const stores = [...Object.values(context.workload.stores), context.management.stores.nodeClaims];
  return stores.reduce((sum, store) => sum + store.version, 0);
}

function wait(why: string): Observation {
  return { kind: 'wait', why, fault: undefined };
}
