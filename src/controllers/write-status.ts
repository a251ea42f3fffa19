// Stage 9: what a pass came to, as status of NodePools and of the WorkloadCluster, events, metrics and decisions.
// Writes a status only when it says something new. A status that cannot be written is logged and never stops the loop.
import { applyConditions, type ConditionInput, type Reason } from '../api/conditions.ts';
import type { NodePool, NodePoolStatus } from '../api/node-pool.ts';
import type { PassResult } from './autoscaler-loop.ts';
import { claimsByPool } from './claims-of-pools.ts';
import type { ClusterContext } from './cluster-context.ts';
import { canonical, type ClusterStatus, cloudReason } from './cluster-status.ts';
import { clusterFields, errorFields } from './log-fields.ts';
import { nodePoolStatus } from './node-pool-status.ts';
import type { PlacementHints } from './placement-hints.ts';
import type { Observation } from './observe-cluster.ts';
import type { PathProbe } from './path-probe.ts';
import { releaseDeletedPools } from './pool-finalizer.ts';
import { isPortError, type PortError } from './port-errors.ts';
import { ReportEvents } from './report-events.ts';
import { reportMetrics } from './report-metrics.ts';

/** Reports passes of one cluster. */
export class StatusWriter {
  readonly #context: ClusterContext;
  readonly #clusterStatus: ClusterStatus;
  readonly #probe: PathProbe;
  readonly #hints: PlacementHints;
  readonly #events: ReportEvents;
  /** What we wrote, by pool uid, and on which version: the store shows the old one for a while. */
  readonly #written = new Map<string, { readonly onVersion: string; readonly status: NodePoolStatus }>();
  #waitingFor = '';
  #found = '[]';

  constructor(
    context: ClusterContext,
    deps: { readonly clusterStatus: ClusterStatus; readonly probe: PathProbe; readonly hints: PlacementHints },
  ) {
    this.#context = context;
    this.#hints = deps.hints;
    this.#clusterStatus = deps.clusterStatus;
    this.#probe = deps.probe;
    this.#events = new ReportEvents(context);
  }

  /** Tells the world about one pass. Rejects only for programmer errors. */
  async report(result: PassResult): Promise<void> {
    this.#waitingFor = '';
    reportMetrics(this.#context, result);
    this.#logFindings(result);
    if (!this.#mayWrite()) return;
    if (this.#probe.sick() === undefined) {
      this.#events.report(result);
      await this.#writePools((pool, before) => nodePoolStatus(pool, result, before));
      await this.#orLog('finalizers of deleted node pools', () => this.#releasePools(result));
    }
    await this.#orLog('status of the cluster', () => this.#writeCluster(result));
  }

  /** Once, and again when they change: a standing finding would be a line every ten seconds. */
  #logFindings({ findings }: PassResult): void {
    const text = canonical(findings);
    if (text === this.#found) return;
    this.#found = text;
    for (const { severity, kind, message } of findings) {
      const level = severity === 'fatal' ? 'error' : 'warn';
      this.#context.telemetry.log(level, `plan: ${message}`, { ...clusterFields(this.#context), kind });
    }
  }

  /** No pass was possible: says so where the operator looks, unless it is only the first listing. */
  async reportWaiting(observation: Extract<Observation, { kind: 'wait' }>): Promise<void> {
    const { telemetry } = this.#context;
    if (observation.why !== this.#waitingFor) {
      telemetry.log('info', 'no decision yet', { ...clusterFields(this.#context), why: observation.why });
    }
    this.#waitingFor = observation.why;
    const { fault, forbidden } = observation;
    const sick = this.#probe.sick();
    if (!this.#mayWrite() || (fault === undefined && sick === undefined && forbidden === undefined)) return;
    const conditions: ConditionInput[] = [forbidden === undefined ? apiCondition(sick) : forbiddenCondition(forbidden)];
    if (fault !== undefined) conditions.push(cloudCondition([fault]));
    const api = forbidden === undefined ? 'Unreachable' : 'Forbidden';
    const reason = fault === undefined ? api : cloudReason(fault);
    conditions.push({ type: 'Ready', status: 'False', reason, message: fault?.message ?? forbidden ?? sick ?? '' });
    await this.#orLog('status of the cluster', () =>
      this.#clusterStatus.write(this.#context.cluster(), { conditions }),
    );
    if (fault === undefined || sick !== undefined) return;
    // The tenant learns that it is not their pool; the fault's own words are for the operator.
    const message = 'OpenStack cannot be used for this cluster now; the operator sees why in its WorkloadCluster.';
    const blocked: ConditionInput = { type: 'Blocked', status: 'True', reason, message };
    await this.#writePools((pool, before) => {
      const { generation } = pool.metadata;
      const at = { nowMs: this.#context.clock.nowMs(), ...(generation === undefined ? {} : { generation }) };
      return { ...before, conditions: applyConditions(before?.conditions ?? [], [blocked], at) };
    });
  }

  /** All pools, until the API server is found away: a timeout for each would hold up the loop. */
  async #writePools(next: (pool: NodePool, before: NodePoolStatus | undefined) => NodePoolStatus): Promise<void> {
    for (const pool of this.#context.workload.stores.nodePools.list()) {
      const what = `status of node pool ${pool.metadata.name}`;
      const error = await this.#orLog(what, () => this.#writePool(pool, (before) => next(pool, before)));
      if (error?.code === 'unavailable') return;
    }
  }

  async #writePool(pool: NodePool, next: (before: NodePoolStatus | undefined) => NodePoolStatus): Promise<void> {
    const { uid, resourceVersion } = pool.metadata;
    const written = this.#written.get(uid);
    const before = written?.onVersion === resourceVersion ? written.status : pool.status;
    const after = next(before);
    if (before !== undefined && canonical(before) === canonical(after)) return;
    await this.#context.workload.applyNodePoolStatus(pool, after);
    this.#written.set(uid, { onVersion: resourceVersion, status: after });
  }

  async #releasePools(result: PassResult): Promise<void> {
    const { nodePools, claims } = result.snapshot.objects;
    const present = new Set(nodePools.map((pool) => pool.metadata.uid));
    for (const uid of this.#written.keys()) if (!present.has(uid)) this.#written.delete(uid);
    // The store first: live lists only once it looks as if the last claim were gone.
    const owners = claimsByPool(claims);
    const empty = nodePools.filter((pool) => !owners.has(pool.metadata.name));
    for (const pool of await releaseDeletedPools(this.#context, empty)) {
      this.#context.telemetry.log('info', 'node pool is gone', { ...clusterFields(this.#context), pool });
      this.#context.telemetry.forget({ ...clusterFields(this.#context), pool });
    }
  }

  async #writeCluster(result: PassResult): Promise<void> {
    const { objects } = result.snapshot;
    const version = this.#probe.version();
    const cloud = cloudCondition(result.faults);
    const hints = this.#hints.condition();
    await this.#clusterStatus.write(this.#context.cluster(), {
      conditions: [
        apiCondition(this.#probe.sick()),
        cloud,
        readyCondition(result),
        ...(hints === undefined ? [] : [hints]),
      ],
      facts: {
        ...(version === undefined ? {} : { kubernetesVersion: version }),
        nodes: objects.nodes.length,
        claims: objects.claims.length,
        leader: this.#context.lease().holder,
      },
    });
  }

  #mayWrite(): boolean {
    return this.#context.lease().held && !this.#context.signal.aborted;
  }

  /** Returns the failure; a changed or vanished object is none, as the next pass sees it. */
  async #orLog(what: string, write: () => Promise<void>): Promise<PortError | undefined> {
    try {
      await write();
      return undefined;
    } catch (error) {
      if (!isPortError(error)) throw error;
      if (error.code === 'conflict' || error.code === 'notFound') return undefined;
      const fields = { ...clusterFields(this.#context), what, ...errorFields(error) };
      this.#context.telemetry.log('warn', 'report could not be written', fields);
      return error;
    }
  }
}

function apiCondition(sick: string | undefined): ConditionInput {
  return sick === undefined
    ? { type: 'ApiReachable', status: 'True', reason: 'Connected', message: 'The API server answers.' }
    : { type: 'ApiReachable', status: 'False', reason: 'Unreachable', message: sick };
}

/** A silent store makes the path sick too, but the missing right is why. */
function forbiddenCondition(message: string): ConditionInput {
  return { type: 'ApiReachable', status: 'False', reason: 'Forbidden', message };
}

function cloudCondition(faults: readonly PortError[]): ConditionInput {
  const first = faults[0];
  if (first === undefined) {
    return { type: 'CloudReachable', status: 'True', reason: 'Connected', message: 'OpenStack answers.' };
  }
  const message = [...new Set(faults.map((fault) => fault.message))].join('; ');
  return { type: 'CloudReachable', status: 'False', reason: cloudReason(first), message };
}

function readyCondition(result: PassResult): ConditionInput {
  const { objects } = result.snapshot;
  const fatal = result.findings.filter((finding) => finding.severity === 'fatal');
  const no = (reason: Reason, message: string): ConditionInput => ({
    type: 'Ready',
    status: 'False',
    reason,
    message,
  });
  if (fatal.length > 0) return no('PlanRefused', fatal.map((finding) => finding.message).join('; '));
  if (objects.cluster.spec.paused === true) return no('Paused', 'spec.paused is true: nothing is created or removed.');
  if (objects.frozen !== undefined) return no('Frozen', objects.frozen);
  // What only a person can put right; a cloud that does not answer for a moment is in CloudReachable alone.
  const lasting = result.faults.find((fault) => fault.code !== 'unavailable' && fault.code !== 'throttled');
  if (lasting !== undefined) return no(cloudReason(lasting), lasting.message);
  return { type: 'Ready', status: 'True', reason: 'Healthy', message: 'Node pools are looked after.' };
}
