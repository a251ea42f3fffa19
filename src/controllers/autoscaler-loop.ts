// START HERE. One cluster's decisions, from observe to report: each stage is a file of its own, called here in order.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { Finding } from '../planner/finding.ts';
import type { Plan } from '../planner/plan.ts';
import { admitSteps } from './admit-steps.ts';
import { ChangeTrigger } from './change-trigger.ts';
import type { ClusterContext } from './cluster-context.ts';
import type { StepOutcome } from './execute-plan.ts';
import { clusterFields, errorFields } from './log-fields.ts';
import type { Observation } from './observe-cluster.ts';
import type { PortError } from './port-errors.ts';

/** What one pass came to; `report` tells the world. */
export interface PassResult {
  readonly snapshot: ClusterSnapshot;
  readonly plan: Plan;
  readonly findings: readonly Finding[];
  readonly outcomes: readonly StepOutcome[];
  /** Facts of the cloud that are old or missing. */
  readonly faults: readonly PortError[];
}

/** The stages, bound to their sources by autoscaler-stages.ts. */
export interface AutoscalerStages {
  readonly observe: () => Promise<Observation>;
  readonly snapshot: (observation: Extract<Observation, { kind: 'ready' }>) => ClusterSnapshot;
  readonly plan: (snapshot: ClusterSnapshot) => Plan;
  readonly check: (plan: Plan, snapshot: ClusterSnapshot) => readonly Finding[];
  readonly execute: (plan: Plan, snapshot: ClusterSnapshot) => Promise<readonly StepOutcome[]>;
  readonly report: (result: PassResult) => Promise<void>;
  /** Nothing could be decided: says why, in the WorkloadCluster's conditions. */
  readonly reportWaiting: (observation: Extract<Observation, { kind: 'wait' }>) => Promise<void>;
}

/** A Deployment's pods arrive within it. */
const QUIET_MS = 200;
/** A steady stream of changes still gets a decision every second. */
const LONGEST_MS = 1000;
/** Timers in claims have no event of their own. */
const IDLE_MS = 10_000;
/** First and longest extra wait after failures in a row; the idle pass keeps coming anyway. */
const BACKOFF_FIRST_MS = 1000;
const BACKOFF_LONGEST_MS = 60_000;

/** The loop of one cluster. It never overlaps itself, and no error ends it. */
export class AutoscalerLoop {
  readonly #context: ClusterContext;
  readonly #stages: AutoscalerStages;
  readonly #trigger: ChangeTrigger;
  #unsubscribe: (() => void)[] = [];
  #failures = 0;
  #notBeforeMs = 0;

  constructor(context: ClusterContext, stages: AutoscalerStages) {
    this.#context = context;
    this.#stages = stages;
    const timing = { quietMs: QUIET_MS, longestMs: LONGEST_MS, idleMs: IDLE_MS };
    this.#trigger = new ChangeTrigger({ run: () => this.#pass(), clock: context.clock, ...timing });
  }

  start(): void {
    const stores = [...Object.values(this.#context.workload.stores), this.#context.management.stores.nodeClaims];
    this.#unsubscribe = stores.map((store) => store.subscribe(() => this.#trigger.changed()));
    this.#trigger.start();
  }

  async close(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await this.#trigger.close();
  }

  /** How long the present pass has taken, in ms; 0 between passes. */
  runningForMs(): number {
    return this.#trigger.runningForMs();
  }

  /** Returns in how many ms a timer falls due. */
  async #pass(): Promise<number> {
    const { clock, signal, telemetry } = this.#context;
    const labels = clusterFields(this.#context);
    const startedMs = clock.monotonicMs();
    if (!this.#context.lease().held || signal.aborted || startedMs < this.#notBeforeMs) return IDLE_MS;
    let dueMs = Number.POSITIVE_INFINITY;
    try {
      dueMs = await this.#decide();
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      this.#notBeforeMs = startedMs + Math.min(BACKOFF_LONGEST_MS, BACKOFF_FIRST_MS * 2 ** (this.#failures - 1));
      telemetry.count('sluice_plans_total', { ...labels, outcome: 'failed' });
      telemetry.log('error', 'pass failed', { ...labels, failures: this.#failures, ...errorFields(error) });
    }
    telemetry.observe('sluice_loop_duration_seconds', labels, (clock.monotonicMs() - startedMs) / 1000);
    return dueMs - clock.nowMs();
  }

  /** Returns when the soonest timer falls due, in wall-clock ms. */
  async #decide(): Promise<number> {
    const { observe, snapshot: build, plan: make, check, execute, report, reportWaiting } = this.#stages;
    const observation = await this.#timed('observe', observe);
    if (observation.kind === 'wait') return reportWaiting(observation).then(() => Number.POSITIVE_INFINITY);
    const snapshot = await this.#timed('snapshot', () => build(observation));
    const plan = await this.#timed('plan', () => make(snapshot));
    const findings = await this.#timed('check', () => check(plan, snapshot));
    const { plan: admitted, refused } = admitSteps(plan, findings, snapshot);
    const done = admitted === undefined ? [] : await this.#timed('execute', () => execute(admitted, snapshot));
    const outcomes = [...done, ...refused];
    await this.#timed('report', () => report({ snapshot, plan, findings, outcomes, faults: observation.faults }));
    return plan.report.nextDueMs ?? Number.POSITIVE_INFINITY;
  }

  async #timed<T>(stage: string, run: () => T | Promise<T>): Promise<T> {
    const { clock, telemetry } = this.#context;
    const startedMs = clock.monotonicMs();
    const result = await run();
    const seconds = (clock.monotonicMs() - startedMs) / 1000;
    telemetry.observe('sluice_stage_duration_seconds', { ...clusterFields(this.#context), stage }, seconds);
    return result;
  }
}
