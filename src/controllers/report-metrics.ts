// Turns one pass into metrics and lines of the decision log. Names are those of the metric catalogue.
import { NODE_CLAIM_PHASES } from '../api/node-claim.ts';
import { countPods, type PodPlace, podsIn } from '../planner/plan.ts';
import type { SingleStep } from '../planner/single-steps.ts';
import type { PassResult } from './autoscaler-loop.ts';
import { claimsOfPool, countPhases } from './claims-of-pools.ts';
import type { ClusterContext } from './cluster-context.ts';
import type { StepOutcome } from './execute-plan.ts';
import { clusterFields } from './log-fields.ts';
import { countClaims } from './node-pool-status.ts';
import type { TelemetryLabels } from './ports.ts';

const POD_OUTCOMES: readonly PodPlace['outcome'][] = [
  'onExistingNode',
  'onUpcomingNode',
  'onNewNode',
  'unplaceable',
  'waitingForPreemption',
];

/** Counts, gauges and decisions of one pass. */
export function reportMetrics(context: ClusterContext, result: PassResult): void {
  const { telemetry } = context;
  const labels = clusterFields(context);
  const { plan, snapshot, findings, outcomes } = result;
  telemetry.count('sluice_plans_total', { ...labels, outcome: planOutcome(result) });
  for (const finding of findings) telemetry.count('sluice_plan_findings_total', { ...labels, kind: finding.kind });
  for (const outcome of outcomes) {
    if (outcome.kind === 'done') telemetry.count('sluice_plan_steps_total', { ...labels, kind: outcome.step.kind });
    if (outcome.step.kind !== 'setTimer') telemetry.decision(decisionOf(outcome, labels, context.clock.nowMs()));
  }
  for (const outcome of POD_OUTCOMES) {
    telemetry.gauge('sluice_pending_pods', { ...labels, outcome }, countPods(plan.report, outcome));
  }
  const phases = countPhases(snapshot.objects.claims);
  for (const phase of NODE_CLAIM_PHASES) telemetry.gauge('sluice_claims', { ...labels, phase }, phases.get(phase) ?? 0);
  telemetry.gauge('sluice_cluster_cost_per_hour', labels, plan.report.costPerHour);
  const { cost } = plan.report;
  if (cost !== undefined) telemetry.gauge('sluice_cost_over_lower_bound', labels, cost.overLowerBound);
  telemetry.gauge('sluice_cluster_frozen', labels, snapshot.objects.frozen === undefined ? 0 : 1);
  reportPools(context, result);
}

function reportPools(context: ClusterContext, { plan, snapshot }: PassResult): void {
  const { telemetry } = context;
  const { objects } = snapshot;
  for (const pool of objects.nodePools) {
    const labels = { ...clusterFields(context), pool: pool.metadata.name };
    const claims = claimsOfPool(objects.claims, pool.metadata.name);
    const { ready, upcoming, leaving, failed } = countClaims(claims, pool, objects);
    for (const [state, nodes] of Object.entries({ ready, upcoming, leaving, failed })) {
      telemetry.gauge('sluice_nodepool_nodes', { ...labels, state }, nodes);
    }
    const size = plan.report.pools.find((candidate) => candidate.pool === pool.metadata.name);
    if (size === undefined) continue;
    telemetry.gauge('sluice_nodepool_size', { ...labels, bound: 'min' }, size.minNodes);
    telemetry.gauge('sluice_nodepool_size', { ...labels, bound: 'max' }, size.maxNodes);
    telemetry.gauge('sluice_nodepool_size', { ...labels, bound: 'desired' }, size.desiredNodes);
    telemetry.gauge('sluice_nodepool_cost_per_hour', labels, size.pricePerHour);
  }
}

function planOutcome({ plan, findings, snapshot }: PassResult): string {
  if (findings.some((finding) => finding.severity === 'fatal')) return 'refused';
  if (snapshot.objects.cluster.spec.paused === true) return 'paused';
  return plan.steps.length === 0 ? 'empty' : 'executed';
}

function decisionOf(outcome: StepOutcome, labels: TelemetryLabels, nowMs: number): Readonly<Record<string, unknown>> {
  const { step, kind, why } = outcome;
  return { at: new Date(nowMs).toISOString(), ...labels, ...stepFields(step), outcome: kind, why };
}

function stepFields(step: SingleStep): Readonly<Record<string, unknown>> {
  if (step.kind !== 'createClaim') return step;
  const { kind, pool, name: claim, reason } = step;
  const pods = podsIn(step.pods).map((pod) => pod.uid);
  return { kind, pool, claim, flavor: step.spec.flavor, zone: step.spec.zone, reason, pods };
}
