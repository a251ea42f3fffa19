// Removing nodes of a half-empty cluster: every node has been unneeded for long, services under PodDisruptionBudgets are on
// a fifth of them. The first plan is timed on fresh state; then plans are carried out one after another until none removes
// anything. Each plan's evictions are counted against the budgets by this file, not by the planner.
import { parseArgs } from 'node:util';
import { buildSnapshot, type ClusterSnapshot, type SnapshotNode } from '../src/cluster/build-snapshot.ts';
import type { ClusterObjects, PodShape } from '../src/cluster/cluster-objects.ts';
import { arrayOf } from '../src/cluster/listed.ts';
import { selectorMatches } from '../src/cluster/label-selector.ts';
import { belongsToNode } from '../src/cluster/pending-groups.ts';
import { PodShapeInterner } from '../src/cluster/pod-shape-interner.ts';
import { checkPlan } from '../src/planner/check-plan.ts';
import { makePlan } from '../src/planner/make-plan.ts';
import type { Plan } from '../src/planner/plan.ts';
import { claimsCreated } from '../src/planner/single-steps.ts';
import { carriedOut } from './carry-out.ts';
import { percentile, round, rssMiB } from './figures.ts';
import { objectsOf } from './steady-state.ts';
import { stillCluster } from './still-cluster.ts';

const LONG_AGO = '2026-11-20T06:00:00Z';
/** The API's most: how many nodes drain at once is the operator's wish, ten unless said. */
const DRAINING_MAX = 5000;
/** Plans until nothing is left to remove; a bound. */
const PLANS_MAX = 200;
/** Plans before the measured ones: what a start costs is `first_ms`. */
const WARM_UP = 15;

export interface ScaleDownTotals {
  readonly firstRemoved: number;
  readonly firstEvictions: number;
  readonly removed: number;
  /** Nodes that a plan adds, because pods of removed ones were left over: a removal that undid itself. */
  readonly created: number;
  readonly plans: number;
  readonly evictions: number;
  /** Budgets of which one plan evicts more pods than they allow. */
  readonly breaches: number;
}

/** A cluster of which much is to go. */
export function halfEmptyCluster(size: {
  readonly nodes: number;
  readonly pods: number;
  readonly seed: number;
}): ClusterObjects {
  const objects = objectsOf(stillCluster({ ...size, idleSince: LONG_AGO }), new PodShapeInterner());
  const { cluster } = objects;
  const autoscaler = { ...cluster.spec.autoscaler, scaleDownNodesMax: DRAINING_MAX };
  return { ...objects, cluster: { ...cluster, spec: { ...cluster.spec, autoscaler } } };
}

/** Plans and carries out until no plan removes a node. Throws when a plan does not pass its checks. */
export function scaleAllDown(start: ClusterObjects): ScaleDownTotals {
  const totals = { firstRemoved: 0, firstEvictions: 0, removed: 0, created: 0, plans: 0, evictions: 0, breaches: 0 };
  let objects = start;
  while (totals.plans < PLANS_MAX) {
    const snapshot = buildSnapshot(objects, totals.plans + 1);
    const plan = checked(snapshot);
    const removed = removedBy(plan).length;
    const lost = plan.report.pods.reduce(
      (sum, run) => sum + (run.outcome === 'unplaceable' ? run.to - run.from : 0),
      0,
    );
    if (lost > 0) throw new Error(`${lost} pods have no place after a removal`);
    if (removed === 0 && !plan.report.pods.some((run) => run.target !== '')) break;
    const cost = costOf(plan, snapshot);
    if (totals.plans === 0) {
      totals.firstRemoved = removed;
      totals.firstEvictions = cost.evictions;
    }
    totals.created += plan.steps.reduce((sum, step) => sum + claimsCreated(step), 0);
    totals.plans += 1;
    totals.removed += removed;
    totals.evictions += cost.evictions;
    totals.breaches += cost.breaches;
    objects = carriedOut(objects, plan);
  }
  return totals;
}

export function scaleDown(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      nodes: { type: 'string', default: '2000' },
      pods: { type: 'string', default: '34000' },
      repeat: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
    },
  });
  const size = { nodes: Number(values.nodes), pods: Number(values.pods), seed: Number(values.seed) };
  const objects = halfEmptyCluster(size);
  const timesMs: number[] = [];
  const planCpuMs: number[] = [];
  const checkCpuMs: number[] = [];
  let first = 0;
  for (let turn = -WARM_UP; turn < Number(values.repeat); turn += 1) {
    const snapshot = buildSnapshot(objects, 1);
    const startedMs = performance.now();
    const startedCpuMs = cpuMs();
    const plan = planOf(snapshot);
    const plannedCpuMs = cpuMs();
    check(plan, snapshot);
    const tookMs = performance.now() - startedMs;
    if (turn === -WARM_UP) first = tookMs;
    if (turn < 0) continue;
    timesMs.push(tookMs);
    planCpuMs.push(plannedCpuMs - startedCpuMs);
    checkCpuMs.push(cpuMs() - plannedCpuMs);
  }
  const totals = scaleAllDown(objects);
  return Promise.resolve({
    benchmark: 'scale-down',
    ...size,
    used_percent: round(usedShare(objects) * 100, 1),
    first_ms: round(first),
    p50_ms: round(percentile(timesMs, 0.5)),
    p99_ms: round(percentile(timesMs, 0.99)),
    p50_plan_cpu_ms: round(percentile(planCpuMs, 0.5)),
    p50_check_cpu_ms: round(percentile(checkCpuMs, 0.5)),
    removed_by_first_plan: totals.firstRemoved,
    evictions_by_first_plan: totals.firstEvictions,
    removed: totals.removed,
    created: totals.created,
    plans: totals.plans,
    evictions: totals.evictions,
    budget_breaches: totals.breaches,
    rss_mb: rssMiB(),
  });
}

function checked(snapshot: ClusterSnapshot): Plan {
  const plan = planOf(snapshot);
  check(plan, snapshot);
  return plan;
}

function planOf(snapshot: ClusterSnapshot): Plan {
  return makePlan(snapshot, { nameSeed: `bench ${snapshot.version}` });
}

/** Throws when a plan does not pass. */
function check(plan: Plan, snapshot: ClusterSnapshot): void {
  const fatal = checkPlan(plan, snapshot).find((finding) => finding.severity === 'fatal');
  if (fatal !== undefined) throw new Error(fatal.message);
}

/** Of this process: what a shared machine does to the clock is not in it. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function removedBy(plan: Plan): readonly string[] {
  return plan.steps.flatMap((step) => (step.kind === 'removeClaim' ? [step.claim] : []));
}

/** Pods that must move when the plan's nodes go, and budgets that do not admit it. A node's pods of one budget leave one
 *  after another, so a single node never breaks a budget that allows anything; two nodes at once may. */
function costOf(plan: Plan, snapshot: ClusterSnapshot): { readonly evictions: number; readonly breaches: number } {
  const going = removedBy(plan).flatMap((name) => snapshot.nodes[snapshot.nodeIndexByName.get(name) ?? -1] ?? []);
  const nodesOf = new Map<PodShape, SnapshotNode[]>();
  for (const node of going) {
    for (const { shape } of node.pods) nodesOf.set(shape, [...(nodesOf.get(shape) ?? []), node]);
  }
  let breaches = 0;
  for (const budget of snapshot.objects.podDisruptionBudgets) {
    const asked = [...nodesOf].flatMap(([shape, nodes]) =>
      selectorMatches(budget.selector, shape.labels) ? nodes : [],
    );
    const none = budget.disruptionsAllowed < 1 && asked.length > 0;
    if (none || (new Set(asked).size > 1 && asked.length > budget.disruptionsAllowed)) breaches += 1;
  }
  const evictions = going.reduce((sum, { pods }) => sum + pods.filter((pod) => !belongsToNode(pod)).length, 0);
  return { evictions, breaches };
}

/** CPU that pods ask for, of all that there is. */
function usedShare(objects: ClusterObjects): number {
  const asked = [...objects.pods].reduce((sum, pod) => sum + pod.shape.requests.cpuMillis, 0);
  return asked / arrayOf(objects.nodes).reduce((sum, node) => sum + node.allocatable.cpuMillis, 0);
}
