// Nodes for pods that kube-scheduler would leave over: it fills nodes in its own order, whatever the plan is.
import { describe, expect, it } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects, PodObject } from '../../../src/cluster/cluster-objects.ts';
import { checkPlan } from '../../../src/planner/check-plan.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import { countPods, type Plan, podsIn } from '../../../src/planner/plan.ts';
import { planJson, singleSteps } from '../../../src/planner/single-steps.ts';
import { planText } from '../../../src/planner/plan-text.ts';
import { makeCluster, makeFlavor, makeObjects } from '../../builders/make-objects.ts';
import { makePod, matchLabels, type PodBuilder } from '../../builders/make-pod.ts';
import { makePool } from '../../builders/make-pool.ts';

/** Each node of four cores takes one of each, but the small ones are older and fill ten nodes among themselves. */
function unlucky(rule: (pod: PodBuilder) => PodBuilder = (pod) => pod): readonly PodObject[] {
  const small = makePod('small').requests({ cpuMillis: 1000, memoryBytes: 0 }).createdMs(1000);
  const big = makePod('big').requests({ cpuMillis: 3000, memoryBytes: 0 }).labels({ app: 'big' }).createdMs(2000);
  return [...small.buildMany(40), ...rule(big).buildMany(40)];
}

function planOf(fields: Partial<ClusterObjects>, options: { hints?: boolean; nodesMax?: number } = {}): Plan {
  const { hints = false, nodesMax } = options;
  const objects = makeObjects({
    cluster: makeCluster({
      reserved: { cpuMillis: 0, cpuMillisPerCore: 0, memoryMiB: 0 },
      autoscaler: { placementHints: hints },
      ...(nodesMax === undefined ? {} : { ceilings: { nodesMax } }),
    }),
    nodePools: [makePool('web').flavors('b3-16').spec({ maxNodes: 90 }).build()],
    flavors: [makeFlavor('b3-16')],
    prices: new Map([['b3-16', 1]]),
    ...fields,
  });
  const snapshot = buildSnapshot(objects, 1);
  const plan = makePlan(snapshot, { nameSeed: 'first round' });
  expect(checkPlan(plan, snapshot).filter(({ severity }) => severity === 'fatal')).toEqual([]);
  return plan;
}

function created(plan: Plan): number {
  return singleSteps(plan.steps).filter(({ kind }) => kind === 'createClaim').length;
}

describe('nodes for what the first round leaves', () => {
  it.each([
    ['packed by their sizes', unlucky()],
    ['that keep off each other', unlucky((pod) => pod.antiAffinity({ selector: matchLabels({ app: 'big' }) }))],
  ])('pods %s get more nodes, as few as leave a hundredth', (_name, pods) => {
    const plan = planOf({ pods });
    const { firstRound, cost } = plan.report;
    expect(firstRound).toMatchObject({ pods: 80 });
    expect(firstRound?.leftAsPlanned).toBeGreaterThanOrEqual(5);
    expect(firstRound?.left).toBeLessThanOrEqual(0.8);
    expect(firstRound?.amendedNodes).toBeGreaterThan(0);
    // No more than the pods left would ask for one round later.
    expect(firstRound?.amendedNodes).toBeLessThanOrEqual(firstRound?.leftAsPlanned ?? 0);
    expect(created(plan)).toBe(40 + (firstRound?.amendedNodes ?? 0));
    expect(cost?.nodes).toBe(created(plan));
    // Every pod has its one place still, on a node of the plan.
    expect(countPods(plan.report, 'onNewNode')).toBe(80);
    const named = singleSteps(plan.steps).flatMap((step) => (step.kind === 'createClaim' ? podsIn(step.pods) : []));
    expect([named.length, new Set(named).size]).toEqual([80, 80]);
    expect(plan.report.pools[0]?.desiredNodes).toBe(created(plan));
  });

  it('are added where hints are wanted and the server does not heed them', () => {
    expect(created(planOf({ pods: unlucky(), placing: true }, { hints: true }))).toBe(40);
    expect(created(planOf({ pods: unlucky(), placing: false }, { hints: true }))).toBeGreaterThan(40);
  });

  it('the plan says so to people and to programs', () => {
    const plan = planOf({ pods: unlucky() });
    const { leftAsPlanned, left, amendedNodes } = plan.report.firstRound ?? {};
    expect(planText(plan)).toContain(
      `First round: the scheduler would leave ${leftAsPlanned} of 80 pods pending; with ${amendedNodes} more nodes, ` +
        `which those pods would ask for later, ${left}`,
    );
    expect(planJson(plan)).toMatchObject({ report: { firstRound: { pods: 80, amendedNodes } } });
    const reasons = singleSteps(plan.steps).flatMap((step) => (step.kind === 'createClaim' ? [step.reason] : []));
    expect(reasons.filter((reason) => reason.includes('leave over'))).toHaveLength(amendedNodes ?? -1);
  });

  it('where hints bind pods as planned, the plan stays as it is', () => {
    const plan = planOf({ pods: unlucky() }, { hints: true });
    expect(created(plan)).toBe(40);
    expect(plan.report.firstRound).toBeUndefined();
  });

  it('a plan that any order carries out gets nothing, and says what is left', () => {
    const pods = makePod('even').requests({ cpuMillis: 2000, memoryBytes: 0 }).buildMany(40);
    const plan = planOf({ pods });
    expect(created(plan)).toBe(20);
    expect(plan.report.firstRound).toEqual({ pods: 40, leftAsPlanned: 0, left: 0, amendedNodes: 0 });
    expect(planText(plan)).toContain('First round: the scheduler is expected to leave 0 of 40 pods pending');
  });

  it('limits hold for these nodes too', () => {
    const plan = planOf({ pods: unlucky() }, { nodesMax: 42 });
    expect(created(plan)).toBe(42);
    expect(plan.report.firstRound?.amendedNodes).toBe(2);
    expect(plan.report.firstRound?.left).toBeGreaterThan(0);
  });

  it('the same pods in another order give the same plan', () => {
    const steps = (pods: readonly PodObject[]): unknown => planOf({ pods }).steps;
    expect(steps([...unlucky()].reverse())).toEqual(steps(unlucky()));
  });
});
