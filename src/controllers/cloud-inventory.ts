// Compares what stands in the project with the claims, in one listing for the whole cluster.
// What of ours nobody accounts for (orphans.ts) is deleted: seen twice a grace apart, read again live, a few at a time, and
// never when so much is unknown that the claims are the more likely to be wrong. Servers of Ready claims that are
// missing are noted on the claim, whose reconciler then asks for them by id. With spec.orphans Report nothing is deleted.
// Above 250 lines because doubting and removing are one matter, read as a whole by whoever fears a wrong delete.
import type { NodeClaim } from '../api/node-claim.ts';
import { GROUP_VERSION, SERVER_METADATA } from '../api/names.ts';
import { timeMs, timeText } from '../lifecycle/claim-step.ts';
import { clusterLabel, writeStatus } from './claim-status.ts';
import type { ClusterContext, ReconcileOutcome } from './cluster-context.ts';
import { isPortError, PortError } from './port-errors.ts';
import { byKind, orphanFloatingIps, type Orphans, orphanServerGroups, orphansOf } from './orphans.ts';
import type { ServerView } from './ports.ts';

/** Between the two sightings. A create takes at most two minutes until its server is written down; the rest is for
 *  leaders that change and clocks that differ. */
export const ORPHAN_GRACE_MS = 600_000;
const SWEEP_INTERVAL_MS = 60_000;
/** A leak costs money by the hour, a wrong delete is for ever: so, slowly. */
const DELETES_PER_SWEEP_MAX = 5;
/** More than this many and more than half of all servers: the claims are gone, not the nodes. */
const ORPHANS_TRUSTED_MAX = 3;
const ORPHAN_SHARE_MAX = 0.5;
/** Younger servers may not be in a listing that was taken before they were made. */
const LISTING_AGE_MAX_MS = 120_000;
/** One listing serves all who compare within this time, be they of twenty clusters; every sweep has another one. */
const LISTING_SHARED_MS = 45_000;
/** As in the mass-change guard: more than this share missing at once needs a second source. */
const MISSING_FEW_MAX = 2;

/** The listing of one cluster's project; remembers since when something is unknown. */
export class CloudInventory {
  readonly #context: ClusterContext;
  /** Id → monotonic time of the first of its sightings in a row. */
  #firstSeenMs: ReadonlyMap<string, number> = new Map();
  /** Ids that the dry run has told of. */
  #reported: ReadonlySet<string> = new Set();

  constructor(context: ClusterContext) {
    this.#context = context;
  }

  /** One comparison. Rejects with the PortError of an incomplete listing; nothing is concluded from it then. */
  async sweep(): Promise<ReconcileOutcome> {
    const { cloud, management, namespace, clusterUid } = this.#context;
    const wait = (why: string): ReconcileOutcome => ({ kind: 'wait', afterMs: SWEEP_INTERVAL_MS, why });
    if (!this.#context.lease().held) return wait('not leading');
    const frozen = this.#context.frozen();
    if (frozen !== undefined) return wait(frozen);
    const { metadata, spec } = this.#context.cluster();
    if (metadata.deletionTimestamp !== undefined && spec.onDelete === 'KeepNodes') return wait('nodes are kept');
    await this.#assertProject();
    // The cloud first: a claim is written before its server is made, so a later list of claims misses none of them.
    const shared = { ageMaxMs: LISTING_SHARED_MS };
    const servers = await cloud.listServers(clusterUid, shared);
    const ports = await cloud.listPorts(clusterUid, shared);
    const floatingIps = await cloud.listFloatingIps(clusterUid, shared);
    const groupNames = await cloud.listServerGroups(clusterUid, shared);
    const claims = await management.listClaims(namespace, clusterUid);
    await this.#noteMissing(claims, servers);
    const orphans: Orphans = {
      ...orphansOf(claims, { servers, ports, clusterUid }),
      floatingIps: orphanFloatingIps(claims, floatingIps),
      serverGroups: this.#orphanGroups(claims, groupNames).map((id) => ({ id })),
    };
    this.#show(orphans);
    const due = this.#seenLongEnough(orphans);
    if (Object.values(due).every(({ length }) => length === 0)) return wait('nothing is left over');
    const doubt = await this.#doubt(claims, { orphans: due, servers });
    if (doubt !== undefined) return wait(this.#complain(doubt));
    if (spec.orphans === 'Report') return wait(this.#report(due));
    await this.#remove(due);
    return wait('orphans were deleted');
  }

  async #assertProject(): Promise<void> {
    const projectId = await this.#context.cloud.currentProjectId();
    const pinned = this.#context.cluster().spec.openstack.projectId;
    if (projectId !== pinned) {
      throw new PortError(
        'credentials',
        `The credentials are for project ${projectId}, spec.openstack.projectId is ${pinned}`,
      );
    }
  }

  /** How many of each kind there are now, whether or not they may be removed. */
  #show(orphans: Orphans): void {
    const cluster = clusterLabel(this.#context);
    for (const { kind, found } of byKind(orphans)) {
      this.#context.telemetry.gauge('sluice_orphans', { cluster, kind }, found.length);
    }
  }

  /** The dry run: says what would be deleted, each thing once. */
  #report(due: Orphans): string {
    const all = byKind(due).flatMap(({ kind, found }) => found.map(({ id }) => ({ kind, id })));
    for (const { kind, id } of all) {
      if (this.#reported.has(id)) continue;
      const fields = { cluster: clusterLabel(this.#context), kind, id };
      this.#context.telemetry.log('warn', 'would delete what no claim knows (spec.orphans is Report)', fields);
    }
    this.#reported = new Set(all.map(({ id }) => id));
    const note = `${all.length} servers, ports or the like have no claim and are kept, as spec.orphans is Report. The log names them; set it to Delete to have them removed.`;
    this.#event(note);
    return note;
  }

  /** None while the pools are not known: a watch that has not listed yet shows none. */
  #orphanGroups(claims: readonly NodeClaim[], names: readonly string[]): readonly string[] {
    const { clusterUid, workload } = this.#context;
    const { nodePools } = workload.stores;
    if (!nodePools.synced) return [];
    return orphanServerGroups(names, {
      clusterUid,
      claims,
      poolUids: nodePools.list().map(({ metadata }) => metadata.uid),
    });
  }

  /** Forgets what is no orphan any more, remembers what is new, returns what was one a grace ago already. */
  #seenLongEnough(orphans: Orphans): Orphans {
    const nowMs = this.#context.clock.monotonicMs();
    const { servers, ports, floatingIps, serverGroups } = orphans;
    const ids = [...servers, ...ports, ...floatingIps, ...serverGroups].map(({ id }) => id);
    this.#firstSeenMs = new Map(ids.map((id) => [id, this.#firstSeenMs.get(id) ?? nowMs]));
    const due = ({ id }: { readonly id: string }): boolean =>
      nowMs - (this.#firstSeenMs.get(id) ?? nowMs) >= ORPHAN_GRACE_MS;
    return {
      servers: servers.filter(due),
      ports: ports.filter(due),
      floatingIps: floatingIps.filter(due),
      serverGroups: serverGroups.filter(due),
    };
  }

  /** Why the claims are not to be trusted; undefined: they are. */
  async #doubt(
    claims: readonly NodeClaim[],
    found: { readonly orphans: Orphans; readonly servers: readonly ServerView[] },
  ): Promise<string | undefined> {
    const { management, namespace, clusterName, clusterUid } = this.#context;
    const orphans = found.orphans.servers.length;
    if (orphans > ORPHANS_TRUSTED_MAX && orphans > found.servers.length * ORPHAN_SHARE_MAX) {
      return `${orphans} of ${found.servers.length} servers have no claim`;
    }
    if (claims.length > 0) return undefined;
    const watched = management.stores.nodeClaims.list().filter((claim) => claim.spec.clusterUid === clusterUid);
    if (watched.length > 0) return 'the list of claims is empty, but the watch shows some';
    const cluster = await management.getWorkloadCluster(namespace, clusterName);
    return cluster?.metadata.uid === clusterUid
      ? undefined
      : 'the list of claims is empty, and the WorkloadCluster is not there either';
  }

  #complain(doubt: string): string {
    const { telemetry } = this.#context;
    const note = `Nothing is cleaned up: ${doubt}. Look at the NodeClaims in this namespace, and delete servers by hand if they are truly left over.`;
    telemetry.log('error', 'orphans are not deleted', { cluster: clusterLabel(this.#context), doubt });
    this.#event(note);
    return note;
  }

  #event(note: string): void {
    const { management, namespace, clusterName, clusterUid } = this.#context;
    management.recordEvent({
      regarding: {
        apiVersion: GROUP_VERSION,
        kind: 'WorkloadCluster',
        name: clusterName,
        namespace,
        uid: clusterUid,
      },
      type: 'Warning',
      reason: 'OrphansKept',
      action: 'CleanUp',
      note,
    });
  }

  async #remove(due: Orphans): Promise<void> {
    const { cloud, management, namespace, clusterUid } = this.#context;
    // Once more, live: between the first look and now a claim may have learned of its server.
    const claims = await management.listClaims(namespace, clusterUid);
    let left = DELETES_PER_SWEEP_MAX;
    for (const { id } of due.servers) {
      const server = await cloud.getServer(id);
      if (server === undefined || server.taskState === 'deleting') continue;
      const ports = await cloud.findPorts(server.metadata.get(SERVER_METADATA.claim) ?? '');
      if (orphansOf(claims, { servers: [server], ports, clusterUid }).servers.length === 0) continue;
      if (!this.#isPinned(server.projectId)) continue;
      if (!this.#mayDelete() || left === 0) return;
      left -= 1;
      await cloud.deleteServer(id);
      this.#tell('server', server);
    }
    for (const { id } of due.floatingIps) {
      const floatingIp = await cloud.getFloatingIp(id);
      if (floatingIp === undefined || floatingIp.clusterUid !== clusterUid) continue;
      if (orphanFloatingIps(claims, [floatingIp]).length === 0) continue;
      if (await this.#isInUse(floatingIp.portId)) continue;
      if (!this.#isPinned(floatingIp.projectId)) continue;
      if (!this.#mayDelete() || left === 0) return;
      left -= 1;
      await cloud.deleteFloatingIp(id);
      this.#tell('floatingIp', { id, name: floatingIp.address });
    }
    for (const { id: name } of due.serverGroups) {
      if (this.#orphanGroups(claims, [name]).length === 0) continue;
      if (!this.#mayDelete() || left === 0) return;
      left -= 1;
      await cloud.deleteServerGroup(name);
      this.#tell('serverGroup', { id: name, name });
    }
    for (const { id } of due.ports) {
      const port = await cloud.getPort(id);
      if (port === undefined || port.clusterUid !== clusterUid) continue;
      if (orphansOf(claims, { servers: [], ports: [port], clusterUid }).ports.length === 0) continue;
      // A port in use goes when its server is gone; that server may be somebody else's.
      if (port.deviceId !== '' && (await cloud.getServer(port.deviceId)) !== undefined) continue;
      if (!this.#isPinned(port.projectId)) continue;
      if (!this.#mayDelete() || left === 0) return;
      left -= 1;
      await cloud.deletePort(id);
      this.#tell('port', port);
    }
  }

  /** A server stands behind the port. */
  async #isInUse(portId: string): Promise<boolean> {
    const { cloud } = this.#context;
    const deviceId = portId === '' ? '' : ((await cloud.getPort(portId))?.deviceId ?? '');
    return deviceId !== '' && (await cloud.getServer(deviceId)) !== undefined;
  }

  #mayDelete(): boolean {
    const context = this.#context;
    return context.lease().held && context.frozen() === undefined && !context.signal.aborted;
  }

  /** An administrator's credential sees other projects too. */
  #isPinned(projectId: string): boolean {
    return projectId === this.#context.cluster().spec.openstack.projectId;
  }

  #tell(
    kind: 'server' | 'port' | 'floatingIp' | 'serverGroup',
    what: { readonly id: string; readonly name: string },
  ): void {
    const cluster = clusterLabel(this.#context);
    this.#context.telemetry.count('sluice_orphans_total', { cluster, kind });
    this.#context.telemetry.log('warn', 'deleted what no claim knows', { cluster, kind, id: what.id, name: what.name });
  }

  /** First sighting of servers that are gone; the claim's reconciler makes sure by asking for the one. */
  async #noteMissing(claims: readonly NodeClaim[], servers: readonly ServerView[]): Promise<void> {
    const nowMs = this.#context.clock.nowMs();
    const standing = new Set(servers.map(({ id }) => id));
    const missing = claims.filter(({ metadata, status }) => {
      if (status?.readyAt === undefined || status.serverId === undefined || status.serverGoneAt !== undefined)
        return false;
      if (metadata.deletionTimestamp !== undefined || status.failure !== undefined) return false;
      return !standing.has(status.serverId) && nowMs - (timeMs(status.createAttemptedAt) ?? nowMs) > LISTING_AGE_MAX_MS;
    });
    for (const claim of missing) {
      // Many at once: a node that is Ready is a better witness than a listing.
      const node = this.#context.workload.stores.nodes.get(claim.metadata.name);
      if (missing.length > MISSING_FEW_MAX && node?.ready === 'True') continue;
      try {
        await writeStatus(this.#context, claim, { set: { serverGoneAt: timeText(nowMs) } });
      } catch (error) {
        if (!isPortError(error, 'conflict', 'notFound')) throw error;
        // The claim changed meanwhile; the next sweep sees whether its server is still missing.
        this.#context.telemetry.log('debug', 'a claim changed during the sweep', { claim: claim.metadata.name });
      }
    }
  }
}
