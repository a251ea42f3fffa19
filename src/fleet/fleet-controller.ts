// Many clusters in one process: finds WorkloadClusters, gives each a supervisor, and steps them through one queue.
// Knows nothing of what a cluster needs; one cluster's failure is its own key's failure.
import type { ReconcileOutcome } from '../controllers/cluster-context.ts';
import { clusterFields, errorFields } from '../controllers/log-fields.ts';
import type { Polisher } from '../controllers/polish-plans.ts';
import type { Clock, ManagementPlane, Random, Sessions, Telemetry } from '../controllers/ports.ts';
import { WorkQueue } from '../controllers/work-queue.ts';
import { ClusterSupervisor, type FleetDeps } from './cluster-supervisor.ts';
import { within } from './within.ts';

export interface FleetControllerOptions {
  /** Started and closed by the caller. */
  readonly management: ManagementPlane;
  readonly sessions: Sessions;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: Random;
  /** Shared by all clusters; closed by the caller. Absent: plans stay as they are first made. */
  readonly polisher?: Polisher | undefined;
  /** Name of this replica, as in its Leases. */
  readonly identity: string;
}

/** Steps under way at once. A step waits for networks almost all the time, and one that hangs until its timeouts must
 *  not hold up others: as many as a process serves clusters in a bad hour. */
const STEP_CONCURRENCY = 128;
/** Every cluster is stepped this often whatever happened to its events. */
const RESYNC_INTERVAL_MS = 60_000;
/** The management stores have not been listed yet: look again soon. */
const UNSYNCED_RETRY_MS = 500;
/** Every call in a pass has a timeout below a minute, and a plan takes seconds: beyond this it will not end by itself. */
const LOOP_STUCK_MS = 600_000;
/** Longest that closing waits; Kubernetes kills after 30 s. */
const CLOSE_WAIT_MS = 15_000;

/** The clusters of this process. */
export class FleetController {
  readonly #options: FleetControllerOptions;
  readonly #deps: FleetDeps;
  readonly #queue: WorkQueue;
  readonly #supervisors = new Map<string, ClusterSupervisor>();
  #unsubscribe: (() => void) | undefined;
  #cancelResync: (() => void) | undefined;
  #closed = false;

  constructor(options: FleetControllerOptions) {
    this.#options = options;
    const { management, sessions, telemetry, clock, random, polisher } = options;
    this.#deps = { management, sessions, telemetry, clock, random, polisher };
    this.#queue = new WorkQueue({
      name: 'fleet',
      concurrency: STEP_CONCURRENCY,
      clock,
      random,
      telemetry,
      run: (key) => this.#step(key),
    });
  }

  /** Begins to look after every WorkloadCluster that the management store shows. */
  start(): void {
    const { workloadClusters } = this.#options.management.stores;
    this.#unsubscribe = workloadClusters.subscribe((keys) => {
      if (keys === undefined) this.#addAll();
      else for (const key of keys) this.#queue.add(key);
    });
    this.#options.telemetry.log('info', 'fleet started', { identity: this.#options.identity });
    this.#resync();
  }

  /** Closes every session and gives all Leases up, within a bounded time. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsubscribe?.();
    this.#cancelResync?.();
    const supervisors = [...this.#supervisors.values()];
    for (const supervisor of supervisors) supervisor.session?.abort();
    const ended = Promise.all([this.#queue.close(), ...supervisors.map((supervisor) => this.#closeOne(supervisor))]);
    await within(this.#options.clock, CLOSE_WAIT_MS, ended);
    this.#supervisors.clear();
  }

  /** ready: the management stores are complete. live: no loop is stuck. */
  health(): { readonly ready: boolean; readonly live: boolean; readonly detail: readonly string[] } {
    const { stores } = this.#options.management;
    const detail: string[] = [];
    if (!stores.workloadClusters.synced) detail.push('workloadclusters are not yet listed');
    if (!stores.nodeClaims.synced) detail.push('nodeclaims are not yet listed');
    const ready = detail.length === 0 && !this.#closed;
    let live = true;
    for (const [key, supervisor] of this.#supervisors) {
      const forMs = supervisor.loopRunningForMs();
      if (forMs > LOOP_STUCK_MS) {
        live = false;
        detail.push(`the loop of ${key} has been in one pass for ${Math.round(forMs / 1000)} s`);
      }
    }
    return { ready, live, detail };
  }

  async #step(key: string): Promise<ReconcileOutcome> {
    const { stores } = this.#options.management;
    if (this.#closed) return { kind: 'settled' };
    if (!stores.workloadClusters.synced || !stores.nodeClaims.synced) {
      return { kind: 'wait', afterMs: UNSYNCED_RETRY_MS, why: 'the management stores are not yet complete' };
    }
    const cluster = stores.workloadClusters.get(key);
    const known = this.#supervisors.get(key);
    if (known !== undefined && known.uid !== cluster?.metadata.uid) {
      this.#supervisors.delete(key);
      this.#measure();
      await this.#closeOne(known);
    }
    if (cluster === undefined) return { kind: 'settled' };
    const supervisor =
      this.#supervisors.get(key) ?? new ClusterSupervisor(this.#deps, cluster, () => this.#queue.add(key));
    this.#supervisors.set(key, supervisor);
    try {
      return await supervisor.step(cluster);
    } finally {
      this.#measure();
    }
  }

  /** A supervisor that cannot be closed cleanly keeps no other from being closed. */
  async #closeOne(supervisor: ClusterSupervisor): Promise<void> {
    try {
      await supervisor.close();
    } catch (error) {
      this.#options.telemetry.log('warn', 'a cluster could not be closed cleanly', {
        uid: supervisor.uid,
        ...errorFields(error),
      });
    }
  }

  #resync(): void {
    this.#addAll();
    this.#cancelResync = this.#options.clock.setTimer(RESYNC_INTERVAL_MS, () => this.#resync());
  }

  #addAll(): void {
    for (const { metadata } of this.#options.management.stores.workloadClusters.list()) {
      const { cluster } = clusterFields({ namespace: metadata.namespace ?? '', clusterName: metadata.name });
      this.#queue.add(cluster);
    }
    for (const key of this.#supervisors.keys()) this.#queue.add(key);
  }

  #measure(): void {
    const sessions = [...this.#supervisors.values()].filter((supervisor) => supervisor.session !== undefined);
    this.#options.telemetry.gauge('sluice_clusters', {}, sessions.length);
  }
}
