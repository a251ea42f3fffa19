// Replacing nodes of a half-empty cluster by cheaper ones: first what scale-down alone leaves, then the same with
// `consolidate`, carried out plan by plan until nothing is done any more. Cost after both, pods that moved, CPU of the plans that
// searched. The flavors differ in size only, with the price model's prices: what is saved is not a cheaper kind of node.
import { parseArgs } from 'node:util';
import type { NodePool } from '../src/api/node-pool.ts';
import { buildSnapshot } from '../src/cluster/build-snapshot.ts';
import type { ClusterObjects } from '../src/cluster/cluster-objects.ts';
import { belongsToNode } from '../src/cluster/pending-groups.ts';
import { checkPlan } from '../src/planner/check-plan.ts';
import { makePlan } from '../src/planner/make-plan.ts';
import type { Plan } from '../src/planner/plan.ts';
import { carriedOut } from './carry-out.ts';
import { percentile, round } from './figures.ts';
import { halfEmptyCluster } from './scale-down.ts';
import { FLAVOR } from './still-cluster.ts';

/** Plans until nothing is left to do; a bound. */
const PLANS_MAX = 2000;
/** Longer than every quiet time. */
const STEP_MS = 700_000;
const SIZES = [2, 4, 8];

export interface ConsolidationTotals {
  readonly nodes: number;
  readonly costPerHour: number;
  readonly plans: number;
  readonly evictions: number;
  readonly searchCpuMs: readonly number[];
}

/** The cluster of the scale-down benchmark, whose pools may have nodes of a half and a quarter of the size too. */
export function mixedCluster(
  size: { readonly nodes: number; readonly pods: number; readonly seed: number },
  consolidate: boolean,
): ClusterObjects {
  const objects = halfEmptyCluster(size);
  const flavors = SIZES.map((vcpus) => {
    const name = `b3-${vcpus * 4}`;
    return { ...FLAVOR, id: `f-${name}`, name, vcpus, memoryMiB: vcpus * 4000, extraSpecs: new Map() };
  });
  const nodePools = objects.nodePools.map((pool): NodePool => {
    const { flavor: _one, ...spec } = pool.spec;
    const autoscaling = {
      consolidate,
      scaleDownUnneededTimeSeconds: 0,
      scaleDownDelayAfterAddSeconds: 0,
      ...(consolidate ? { scaleDownUtilizationThreshold: '0' } : {}),
    };
    return { ...pool, spec: { ...spec, flavors: flavors.map(({ name }) => name), autoscaling } };
  });
  return { ...objects, flavors, nodePools };
}

/** Plans and carries out until a plan does nothing. Throws when a plan does not pass its checks or leaves a pod over. */
export function consolidateAll(start: ClusterObjects): ConsolidationTotals {
  const searchCpuMs: number[] = [];
  let objects = start;
  let evictions = 0;
  let plans = 0;
  for (; plans < PLANS_MAX; plans += 1) {
    const snapshot = buildSnapshot(objects, plans + 1);
    const before = process.cpuUsage();
    const plan = makePlan(snapshot, { nameSeed: `bench ${snapshot.version}` });
    const { user, system } = process.cpuUsage(before);
    if (plan.report.consolidation?.includes('→') === true) searchCpuMs.push((user + system) / 1000);
    const [fatal] = checkPlan(plan, snapshot).filter(({ severity }) => severity === 'fatal');
    if (fatal !== undefined) throw new Error(fatal.message);
    const left = plan.report.pods.find(({ outcome }) => outcome === 'unplaceable');
    if (left !== undefined) throw new Error(`${left.to - left.from} pods have no place`);
    if (plan.steps.every(({ kind }) => kind === 'setTimer') && plan.report.pods.length === 0) break;
    evictions += evictionsOf(plan, objects);
    objects = { ...carriedOut(objects, plan), observedAtMs: objects.observedAtMs + STEP_MS };
    // Long Ready or not at all: a node that just came is in time for its replacement all the same.
    objects = { ...objects, claims: objects.claims.map((claim) => readyNow(claim, objects)) };
  }
  const { costPerHour } = makePlan(buildSnapshot(objects, plans + 1), { nameSeed: 'cost' }).report;
  return { nodes: objects.nodes.length, costPerHour, plans, evictions, searchCpuMs };
}

type Claim = ClusterObjects['claims'][number];

/** A claim of the last plan is Ready at the instant of the next. */
function readyNow(claim: Claim, { observedAtMs }: ClusterObjects): Claim {
  if (claim.metadata.creationTimestamp !== new Date(observedAtMs - STEP_MS).toISOString()) return claim;
  return { ...claim, status: { ...claim.status, readyAt: new Date(observedAtMs).toISOString() } };
}

function evictionsOf(plan: Plan, { pods }: ClusterObjects): number {
  const gone = new Set(plan.steps.flatMap((step) => (step.kind === 'removeClaim' ? [step.claim] : [])));
  return [...pods].filter((pod) => gone.has(pod.nodeName) && !belongsToNode(pod)).length;
}

export function consolidation(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      nodes: { type: 'string', default: '200' },
      pods: { type: 'string', default: '3400' },
      seed: { type: 'string', default: '1' },
    },
  });
  const size = { nodes: Number(values.nodes), pods: Number(values.pods), seed: Number(values.seed) };
  const alone = consolidateAll(mixedCluster(size, false));
  const both = consolidateAll(mixedCluster(size, true));
  return Promise.resolve({
    benchmark: 'consolidation',
    ...size,
    nodes_scale_down: alone.nodes,
    cost_scale_down: round(alone.costPerHour, 4),
    evictions_scale_down: alone.evictions,
    nodes_consolidated: both.nodes,
    cost_consolidated: round(both.costPerHour, 4),
    evictions: both.evictions,
    plans: both.plans,
    p50_search_cpu_ms: round(percentile(both.searchCpuMs, 0.5)),
    max_search_cpu_ms: round(percentile(both.searchCpuMs, 1)),
  });
}
