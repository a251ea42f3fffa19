// One WorkloadCluster: holds its Lease, and while it is held opens, reopens and closes its session. One step at a time,
// driven by the fleet's queue; a step that fails says so in the conditions and is repeated with growing waits.
// Above 250 lines because the Lease, the session and the refusal are one life, and each step looks at all three.
import type { ConditionInput, Reason } from '../api/conditions.ts';
import { FINALIZERS, GROUP_VERSION } from '../api/names.ts';
import type { SpecProblem } from '../api/validate-node-pool.ts';
import { validateWorkloadCluster } from '../api/validate-workload-cluster.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type { ReconcileOutcome } from '../controllers/cluster-context.ts';
import { ClusterStatus } from '../controllers/cluster-status.ts';
import type { Polisher } from '../controllers/polish-plans.ts';
import type {
  Clock,
  Cloud,
  LeaseHandle,
  ManagementPlane,
  Random,
  Sessions,
  Telemetry,
  WorkloadPlane,
} from '../controllers/ports.ts';
import { ClusterSession, type SessionMode } from './cluster-session.ts';
import {
  abandon,
  openPinnedCloud,
  openWorkload,
  REFUSAL_STANDS_MS,
  type Refusal,
  refusalError,
} from './open-session.ts';
import { releaseCluster } from './release-cluster.ts';
import { readSessionInputs, type SessionInputs } from './session-inputs.ts';

export interface FleetDeps {
  readonly management: ManagementPlane;
  readonly sessions: Sessions;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: Random;
  /** undefined: plans stay as they are first made. */
  readonly polisher: Polisher | undefined;
}

/** Secrets are read by name only, never watched: a rotated one is in use within a minute. */
const SECRETS_INTERVAL_MS = 60_000;
/** While a refusal stands somebody is mending it: the new secret is in use within seconds. Two small reads; a thousand
 *  clusters refused at once make 200 a second. */
const SECRETS_INTERVAL_REFUSED_MS = 10_000;

/** Looks after one WorkloadCluster, by uid. */
export class ClusterSupervisor {
  readonly uid: string;
  readonly #deps: FleetDeps;
  readonly #key: string;
  readonly #lease: LeaseHandle;
  readonly #status: ClusterStatus;
  readonly #unsubscribe: () => void;
  #newest: WorkloadCluster;
  #session: ClusterSession | undefined;
  /** What the session was opened from. */
  #opened:
    | { readonly fingerprint: string; readonly generation: number | undefined; readonly readAtMs: number }
    | undefined;
  /** What was refused and is not worth another try before `untilMs` (monotonic). */
  #refused:
    | {
        readonly refusal: Refusal;
        readonly fingerprint: string;
        readonly generation: number | undefined;
        readonly untilMs: number;
      }
    | undefined;
  #closed = false;

  constructor(deps: FleetDeps, cluster: WorkloadCluster, wake: () => void) {
    const { name, namespace = '', uid } = cluster.metadata;
    this.uid = uid;
    this.#deps = deps;
    this.#key = `${namespace}/${name}`;
    this.#newest = cluster;
    this.#status = new ClusterStatus(deps.management, deps.clock);
    this.#lease = deps.management.openLease({ namespace, name: `sluice-${name}` }, () => this.#highestEpoch());
    this.#unsubscribe = this.#lease.subscribe((state) => {
      if (!state.held) this.#session?.abort();
      wake();
    });
  }

  /** One step towards what `cluster` says. Rejects with a PortError to be repeated with growing waits. */
  async step(cluster: WorkloadCluster): Promise<ReconcileOutcome> {
    this.#newest = cluster;
    this.#measure();
    if (this.#closed) return { kind: 'settled' };
    if (!this.#lease.state().held) {
      await this.closeSession();
      return { kind: 'settled' };
    }
    // Lost and won again while a step was under way: the session of before has ended, although the Lease is held.
    if (this.#session?.ended === true) await this.closeSession();
    if (cluster.metadata.deletionTimestamp !== undefined) return releaseCluster(this, this.#deps, cluster);
    if (cluster.metadata.finalizers?.includes(FINALIZERS.workloadCluster) !== true) {
      await this.#deps.management.setWorkloadClusterFinalizer(cluster, true);
    }
    const problems = validateWorkloadCluster(cluster);
    if (problems.length > 0) return this.#refuseSpec(cluster, problems);
    return this.#keepRunning(cluster);
  }

  /** Of the session, if there is one. */
  get session(): ClusterSession | undefined {
    return this.#session;
  }

  get status(): ClusterStatus {
    return this.#status;
  }

  /** Is the Lease of this cluster ours at this moment? */
  leaseHeld(): boolean {
    return this.#lease.state().held;
  }

  /** How long the present pass of the loop has taken, in ms. */
  loopRunningForMs(): number {
    return this.#session?.loopRunningForMs() ?? 0;
  }

  async closeSession(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#opened = undefined;
    await session?.close();
    this.#measure();
  }

  /** Ends everything and gives the Lease up. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    await this.closeSession();
    await this.#lease.release();
    this.#deps.telemetry.forget({ cluster: this.#key });
  }

  /** Starts a session on planes that are open already; the session closes them. */
  startSession(
    planes: { readonly workload: WorkloadPlane; readonly cloud: Cloud; readonly definition: 'ready' | 'deleting' },
    mode: SessionMode,
  ): ClusterSession {
    const { management, telemetry, clock, random, polisher } = this.#deps;
    const session = new ClusterSession({
      cluster: () => this.#newest,
      lease: () => this.#lease.state(),
      management,
      telemetry,
      clock,
      random,
      polisher,
      clusterStatus: this.#status,
      ...planes,
      mode,
    });
    this.#session = session;
    session.start();
    this.#deps.telemetry.log('info', 'session opened', { cluster: this.#key, mode });
    return session;
  }

  /** The API answers (again): from now on its silence is counted anew. */
  async writeReachable(cluster: WorkloadCluster): Promise<void> {
    await this.#status.write(cluster, { conditions: [REACHABLE] });
  }

  /** Writes why the cluster is not looked after. */
  async writeRefusal(cluster: WorkloadCluster, refusal: Refusal): Promise<void> {
    const { reason, message } = refusal;
    await this.#status.write(cluster, { conditions: refusalConditions(refusal) });
    this.#warn(cluster, { reason, action: 'OpenSession', note: message });
  }

  /** Where the operator looks first: an event on the WorkloadCluster. One that repeats is counted, not written anew. */
  #warn(cluster: WorkloadCluster, what: { reason: Reason; action: string; note: string }): void {
    const { namespace = '', name, uid } = cluster.metadata;
    const regarding = { apiVersion: GROUP_VERSION, kind: 'WorkloadCluster', namespace, name, uid };
    this.#deps.management.recordEvent({ ...what, regarding, type: 'Warning' });
  }

  /** On any claim of this cluster; -1: on none. */
  #highestEpoch(): number {
    const claims = this.#deps.management.stores.nodeClaims.list().filter((claim) => claim.spec.clusterUid === this.uid);
    return claims.reduce((highest, { status }) => Math.max(highest, status?.epoch ?? -1), -1);
  }

  async #refuseSpec(cluster: WorkloadCluster, problems: readonly SpecProblem[]): Promise<ReconcileOutcome> {
    await this.closeSession();
    const message = problems.map((problem) => `${problem.field}: ${problem.message}`).join(' ');
    const reason = problems[0]?.reason ?? 'InvalidSpec';
    await this.#status.write(cluster, {
      conditions: [
        { type: 'Valid', status: 'False', reason, message },
        { type: 'Ready', status: 'False', reason, message },
      ],
    });
    this.#warn(cluster, { reason, action: 'ValidateSpec', note: message });
    return { kind: 'settled' };
  }

  async #keepRunning(cluster: WorkloadCluster): Promise<ReconcileOutcome> {
    const { clock, management } = this.#deps;
    const opened = this.#opened;
    const { generation } = cluster.metadata;
    const dueMs = opened === undefined ? 0 : opened.readAtMs + SECRETS_INTERVAL_MS - clock.monotonicMs();
    if (opened !== undefined && opened.generation === generation && dueMs > 0) return readAgain(dueMs);
    const readAtMs = clock.monotonicMs();
    const inputs = await readSessionInputs(management, cluster);
    const refused = this.#refused;
    const standsMs = (refused?.untilMs ?? 0) - clock.monotonicMs();
    if (refused?.fingerprint === inputs.fingerprint && refused.generation === generation && standsMs > 0) {
      // The first write may have met another one, our own finalizer's for one: nobody would read why for a minute.
      await this.#status.write(cluster, { conditions: refusalConditions(refused.refusal) });
      return readAgain(Math.min(SECRETS_INTERVAL_REFUSED_MS, standsMs));
    }
    this.#refused = undefined;
    if (this.#session === undefined || opened?.fingerprint !== inputs.fingerprint) {
      await this.closeSession();
      await this.#open(cluster, inputs);
    }
    this.#opened = { fingerprint: inputs.fingerprint, generation, readAtMs };
    this.#measure();
    return readAgain(SECRETS_INTERVAL_MS);
  }

  async #open(cluster: WorkloadCluster, inputs: SessionInputs): Promise<void> {
    const { sessions } = this.#deps;
    await this.#status.write(cluster, {
      conditions: [{ type: 'Valid', status: 'True', reason: 'Accepted', message: 'The spec is accepted.' }],
    });
    const workload = await openWorkload(sessions, inputs.workload, this.#key);
    if (workload.kind === 'refused') return this.#refuse(cluster, workload, inputs);
    const cloud = await openPinnedCloud(sessions, inputs, cluster);
    if (cloud.kind === 'refused') {
      await abandon(workload.plane);
      return this.#refuse(cluster, cloud, inputs);
    }
    if (this.#closed || !this.#lease.state().held) {
      await Promise.all([abandon(workload.plane), abandon(cloud.cloud)]);
      return;
    }
    const { plane, definition } = workload;
    this.startSession({ workload: plane, cloud: cloud.cloud, definition }, 'running');
  }

  async #refuse(cluster: WorkloadCluster, refusal: Refusal, { fingerprint }: SessionInputs): Promise<never> {
    if (refusal.terminal) {
      const untilMs = this.#deps.clock.monotonicMs() + REFUSAL_STANDS_MS;
      this.#refused = { refusal, fingerprint, generation: cluster.metadata.generation, untilMs };
    }
    await this.writeRefusal(cluster, refusal);
    throw refusalError(refusal, SECRETS_INTERVAL_REFUSED_MS);
  }

  #measure(): void {
    const { telemetry } = this.#deps;
    if (this.#closed) return;
    const labels = { cluster: this.#key };
    telemetry.gauge('sluice_lease_held', labels, this.#lease.state().held ? 1 : 0);
    const up = this.#session !== undefined && this.#session.pathSick() === undefined;
    telemetry.gauge('sluice_cluster_up', labels, up ? 1 : 0);
  }
}

const REACHABLE: ConditionInput = {
  type: 'ApiReachable',
  status: 'True',
  reason: 'Connected',
  message: 'The API server answers.',
};

function refusalConditions({ condition: type, reason, message }: Refusal): readonly ConditionInput[] {
  const said: readonly ConditionInput[] = [
    { type, status: 'False', reason, message },
    { type: 'Ready', status: 'False', reason, message },
  ];
  return type === 'CloudReachable' ? [REACHABLE, ...said] : said;
}

function readAgain(afterMs: number): ReconcileOutcome {
  return { kind: 'wait', afterMs, why: 'secrets are read again' };
}
