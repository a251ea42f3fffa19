// One cluster while this replica leads it and can reach it: its context, its loop, its queues. Opened and closed by the
// supervisor; knows nothing of leases beyond asking whether it is held, and nothing of other clusters. Above 250 lines because
// what is opened here is closed here.
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import { assertNodes } from '../controllers/assert-nodes.ts';
import { AutoscalerLoop } from '../controllers/autoscaler-loop.ts';
import { autoscalerStages } from '../controllers/autoscaler-stages.ts';
import { reconcileClaim } from '../controllers/claim-reconciler.ts';
import { ClaimExpectations } from '../controllers/claim-expectations.ts';
import { CloudFacts } from '../controllers/cloud-facts.ts';
import { CloudInventory } from '../controllers/cloud-inventory.ts';
import type { ClusterContext, ReconcileOutcome } from '../controllers/cluster-context.ts';
import type { ClusterStatus } from '../controllers/cluster-status.ts';
import { createFaultBook } from '../controllers/fault-book.ts';
import { clusterFields, errorFields } from '../controllers/log-fields.ts';
import { MassChangeGuard } from '../controllers/mass-change-guard.ts';
import { isOwnClaim, ownClaims } from '../controllers/observe-cluster.ts';
import { openPlacedNodes } from '../controllers/open-placed-nodes.ts';
import { PathProbe, PROBE_INTERVAL_MS } from '../controllers/path-probe.ts';
import { PlacementHints } from '../controllers/placement-hints.ts';
import { PlanPolish } from '../controllers/polish-plans.ts';
import type { Polisher } from '../controllers/polish-plans.ts';
import type {
  Clock,
  Cloud,
  LeaseState,
  ManagementPlane,
  Random,
  Telemetry,
  WorkloadPlane,
} from '../controllers/ports.ts';
import { WorkQueue } from '../controllers/work-queue.ts';
import { StatusWriter } from '../controllers/write-status.ts';
import { within } from './within.ts';

export interface ClusterSessionOptions {
  /** The newest WorkloadCluster of this uid. */
  cluster(): WorkloadCluster;
  lease(): LeaseState;
  readonly management: ManagementPlane;
  readonly workload: WorkloadPlane;
  readonly cloud: Cloud;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: Random;
  readonly polisher: Polisher | undefined;
  readonly clusterStatus: ClusterStatus;
  readonly definition: 'ready' | 'deleting';
  readonly mode: SessionMode;
}

/** running: pools are looked after. releasing: the cluster is being deleted, claims are only brought to their end.
 *  undrained: likewise, and its API is gone for good. */
export type SessionMode = 'running' | 'releasing' | 'undrained';

const CHORES: Readonly<Record<SessionMode, readonly string[]>> = {
  running: ['probe', 'resync', 'definition', 'assert', 'open', 'sweep'],
  releasing: ['probe', 'resync', 'open'],
  undrained: ['resync'],
};

/** Claims worked on at once in one cluster: OpenStack's usual rate limits serve about this many callers. */
const CLAIM_CONCURRENCY = 16;
/** Labels and taints are put right within half a minute even without an event. */
const ASSERT_INTERVAL_MS = 30_000;
/** A node that has just changed is looked at when its burst of updates is over. */
const ASSERT_AFTER_CHANGE_MS = 1000;
/** A deleted definition is noticed within a minute; a deletion of pools is checked live besides. */
const DEFINITION_INTERVAL_MS = 60_000;
/** Unless the inventory says otherwise: its grace is minutes, so this is often enough. */
const SWEEP_INTERVAL_MS = 60_000;
/** Every claim is looked at this often whatever happened to its events. */
const RESYNC_INTERVAL_MS = 300_000;
/** A paused cluster is looked at again this often; its object changes when it is unpaused, but keys wait here. */
const PAUSED_RETRY_MS = 10_000;
/** A Lease can be unsure for a moment and then be renewed, without the session's end: what was due then is not lost. */
const NOT_LEADING: ReconcileOutcome = { kind: 'wait', afterMs: 2000, why: 'not leading' };
/** Longest that closing waits for work under way: below the process's own shutdown time. */
const CLOSE_WAIT_MS = 10_000;

/** A cluster being looked after. */
export class ClusterSession {
  readonly #options: ClusterSessionOptions;
  readonly #abort = new AbortController();
  readonly #context: ClusterContext;
  readonly #probe: PathProbe;
  readonly #loop: AutoscalerLoop;
  readonly #claims: WorkQueue;
  readonly #upkeep: WorkQueue;
  readonly #inventory: CloudInventory;
  readonly #hints: PlacementHints;
  #definition: 'ready' | 'deleting' | 'unknown';
  #unsubscribe: (() => void)[] = [];

  constructor(options: ClusterSessionOptions) {
    const { clock, random, telemetry, workload, management, cloud } = options;
    this.#options = options;
    this.#definition = options.definition;
    this.#probe = new PathProbe(workload, clock);
    const guard = new MassChangeGuard();
    const freeze = () => (options.mode === 'running' ? guard.reason() : undefined);
    const { metadata } = options.cluster();
    this.#context = {
      cluster: () => options.cluster(),
      namespace: metadata.namespace ?? '',
      clusterName: metadata.name,
      clusterUid: metadata.uid,
      management,
      workload,
      cloud,
      telemetry,
      clock,
      random,
      faults: createFaultBook({ clock, random }),
      lease: () => options.lease(),
      frozen: () => (options.mode === 'undrained' ? undefined : (this.#probe.sick() ?? freeze())),
      signal: this.#abort.signal,
    };
    this.#hints = new PlacementHints(this.#context, () => this.#probe.version());
    const { clusterStatus } = options;
    const writer = new StatusWriter(this.#context, { clusterStatus, probe: this.#probe, hints: this.#hints });
    const sources = {
      facts: new CloudFacts(this.#context),
      guard,
      probe: this.#probe,
      expectations: new ClaimExpectations(clock),
      hints: this.#hints,
      definition: () => this.#definition,
    };
    const polish = new PlanPolish(this.#context, options.polisher);
    this.#loop = new AutoscalerLoop(this.#context, autoscalerStages(this.#context, { sources, writer, polish }));
    this.#inventory = new CloudInventory(this.#context);
    const queue = { clock, random, telemetry, cluster: `${this.#context.namespace}/${this.#context.clusterName}` };
    this.#claims = new WorkQueue({
      ...queue,
      name: 'claims',
      concurrency: CLAIM_CONCURRENCY,
      run: (name) => this.#reconcile(name),
    });
    this.#upkeep = new WorkQueue({ ...queue, name: 'upkeep', concurrency: 6, run: (chore) => this.#doChore(chore) });
  }

  start(): void {
    const { management, workload, mode } = this.#options;
    workload.start();
    this.#unsubscribe = [
      management.stores.nodeClaims.subscribe((keys) => this.#claimsChanged(keys)),
      workload.stores.nodes.subscribe((keys) => this.#nodesChanged(keys)),
    ];
    this.#claimsChanged(undefined);
    for (const chore of CHORES[mode]) this.#upkeep.add(chore);
    if (mode === 'running') this.#loop.start();
  }

  get mode(): SessionMode {
    return this.#options.mode;
  }

  get reach(): { readonly workload: WorkloadPlane; readonly cloud: Cloud } {
    return this.#options;
  }

  /** Why the path to the control plane counts as sick; undefined: it is well. */
  pathSick(): string | undefined {
    return this.#probe.sick();
  }

  /** How long the present pass of the loop has taken, in ms. */
  loopRunningForMs(): number {
    return this.#loop.runningForMs();
  }

  /** Was it aborted? Then it does nothing any more, and only a new one can. */
  get ended(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Ends all writing at once; close() follows. */
  abort(): void {
    this.#abort.abort();
  }

  /** Ends the session within a bounded time; what is still under way after it can no longer write. */
  async close(): Promise<void> {
    this.abort();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    const ended = Promise.all([this.#loop.close(), this.#claims.close(), this.#upkeep.close()]);
    await within(this.#options.clock, CLOSE_WAIT_MS, ended);
    await within(this.#options.clock, CLOSE_WAIT_MS, this.#closePlanes());
  }

  /** A connection that does not close cleanly must not keep the next session from opening. */
  async #closePlanes(): Promise<void> {
    const { workload, cloud, telemetry } = this.#options;
    for (const outcome of await Promise.allSettled([workload.close(), cloud.close()])) {
      if (outcome.status === 'fulfilled') continue;
      const fields = { ...clusterFields(this.#context), ...errorFields(outcome.reason) };
      telemetry.log('warn', 'a connection did not close cleanly', fields);
    }
  }

  async #reconcile(name: string): Promise<ReconcileOutcome> {
    const context = this.#context;
    if (context.signal.aborted) return { kind: 'settled' };
    if (!context.lease().held) return NOT_LEADING;
    const claim = context.management.stores.nodeClaims.get(`${context.namespace}/${name}`);
    if (claim === undefined || !isOwnClaim(context, claim)) return { kind: 'settled' };
    if (context.cluster().spec.paused === true) return { kind: 'wait', afterMs: PAUSED_RETRY_MS, why: 'paused' };
    return reconcileClaim(context, claim);
  }

  async #doChore(chore: string): Promise<ReconcileOutcome> {
    const context = this.#context;
    if (context.signal.aborted) return { kind: 'settled' };
    if (!context.lease().held) return NOT_LEADING;
    const paused = context.cluster().spec.paused === true;
    switch (chore) {
      case 'probe':
        await this.#probe.ask();
        return again(PROBE_INTERVAL_MS);
      case 'resync':
        this.#claimsChanged(undefined);
        return again(RESYNC_INTERVAL_MS);
      case 'definition':
        this.#definition = await context.workload.ensureNodePoolDefinition();
        return again(DEFINITION_INTERVAL_MS);
      case 'assert':
        return paused ? again(PAUSED_RETRY_MS) : orAgain(await assertNodes(context), ASSERT_INTERVAL_MS);
      case 'open':
        // Also while paused or frozen: a node that stays closed serves nobody.
        return openPlacedNodes(context, { hints: this.#hints, placing: this.mode === 'running' });
      case 'sweep':
        return paused ? again(PAUSED_RETRY_MS) : orAgain(await this.#inventory.sweep(), SWEEP_INTERVAL_MS);
      default:
        throw new Error(`unknown chore '${chore}'`);
    }
  }

  #claimsChanged(keys: readonly string[] | undefined): void {
    const context = this.#context;
    if (keys === undefined) {
      for (const claim of ownClaims(context)) this.#claims.add(claim.metadata.name);
      return;
    }
    for (const key of keys) {
      const claim = context.management.stores.nodeClaims.get(key);
      if (claim !== undefined && isOwnClaim(context, claim)) this.#claims.add(claim.metadata.name);
    }
  }

  #nodesChanged(keys: readonly string[] | undefined): void {
    if (this.#options.mode === 'running') this.#upkeep.add('assert', ASSERT_AFTER_CHANGE_MS);
    this.#upkeep.add('open', ASSERT_AFTER_CHANGE_MS);
    // A node is named after its claim.
    this.#claimsChanged(keys?.map((name) => `${this.#context.namespace}/${name}`));
  }
}

function again(afterMs: number): ReconcileOutcome {
  return { kind: 'wait', afterMs, why: 'periodic' };
}

function orAgain(outcome: ReconcileOutcome, intervalMs: number): ReconcileOutcome {
  return outcome.kind === 'wait' && outcome.afterMs < intervalMs ? outcome : again(intervalMs);
}
