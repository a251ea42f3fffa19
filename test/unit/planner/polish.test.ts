// A plan made with improved answers is a plan like any other: same code, same checker, same limits.
import { describe, expect, it } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import { NO_LIMIT } from '../../../src/planner/bounds/packing-problem.ts';
import { checkPlan } from '../../../src/planner/check-plan.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import { countPods, type Plan } from '../../../src/planner/plan.ts';
import { planJson, singleSteps } from '../../../src/planner/single-steps.ts';
import { choosePatterns, PATTERN_DEFAULTS } from '../../../src/planner/patterns/choose-patterns.ts';
import { PatternMemory } from '../../../src/planner/patterns/pattern-memory.ts';
import { keepPolished, polish } from '../../../src/planner/patterns/polish.ts';
import { JOB_FLAVORS, JOB_PRICES, jobs } from '../../builders/make-jobs.ts';
import { makePool } from '../../builders/make-pool.ts';
import { faultOf, problemOf } from './packing-cases.ts';

const STEPS = 2e7;
function planOf(objects: ClusterObjects, improved?: PatternMemory): Plan {
  const snapshot = buildSnapshot(objects, 1);
  const plan = makePlan(snapshot, { nameSeed: 'polish', ...(improved === undefined ? {} : { improved }) });
  expect(checkPlan(plan, snapshot)).toEqual([]);
  return plan;
}

function polishableOf(plan: Plan) {
  if (plan.polishable === undefined) throw new Error('a plan that adds nodes for pods must be polishable');
  return plan.polishable;
}

function polishedMemory(plan: Plan): PatternMemory {
  const memory = new PatternMemory();
  keepPolished(memory, polishableOf(plan), polish(polishableOf(plan), { steps: STEPS }));
  return memory;
}

describe('a polished plan', () => {
  const first = planOf(jobs());
  const memory = polishedMemory(first);

  it('places the same pods for less, against a closer bound, and is polished no more', () => {
    const better = planOf(jobs(), memory);
    expect(countPods(better.report, 'onNewNode')).toBe(countPods(first.report, 'onNewNode'));
    expect(better.report.cost?.perHour).toBeLessThan(first.report.cost?.perHour ?? 0);
    expect(better.report.cost?.lowerBoundPerHour).toBeGreaterThanOrEqual(first.report.cost?.lowerBoundPerHour ?? 0);
    expect(better.report.cost?.overLowerBound).toBeLessThan(0.01);
    expect(polishableOf(better).solved.map(({ improved }) => improved)).toEqual([true]);
    expect(polish(polishableOf(better), { steps: STEPS }).choices).toEqual([]);
  });

  it('is held against the bound that the search has found, as long as the problem is of all pods and all offers', () => {
    const [only] = polishableOf(first).solved;
    expect(only?.free).toBe(true);
    expect(first.report.cost).toMatchObject({ lowerBoundKind: 'configurationLp' });
    expect(polishableOf(first).stated.bound).toEqual(only?.choice.bound);
    // One flavor is not offered any more, so what is proven of the other one is not proven of both.
    const quota = { serversLeft: undefined, coresLeft: 6, memoryMiBLeft: undefined };
    const pools = [makePool('jobs').flavors('b3-32').build(), makePool('more').flavors('b3-16').build()];
    const plan = planOf(jobs({ quota, nodePools: pools }));
    expect(polishableOf(plan).solved.map(({ free }) => free)).not.toContain(true);
  });

  it('says nothing of columns of numbers to programs', () => {
    expect(Object.keys(planJson(first))).toEqual(['basedOn', 'steps', 'blocked', 'report']);
  });

  it('keeps the quota, and tells why the other pods wait', () => {
    const quota = { serversLeft: undefined, coresLeft: 40, memoryMiBLeft: undefined };
    const plan = planOf(jobs({ quota }), memory);
    const cores = singleSteps(plan.steps).reduce(
      (sum, step) => sum + (step.kind !== 'createClaim' ? 0 : step.spec.flavor === 'b3-16' ? 4 : 8),
      0,
    );
    expect(cores).toBe(40);
    expect(countPods(plan.report, 'unplaceable')).toBeGreaterThan(0);
    expect(plan.report.pods.every(({ outcome, refusals }) => outcome === 'onNewNode' || refusals.length === 1)).toBe(
      true,
    );
  });

  it('is the answer under other limits that it keeps, and under no others', () => {
    const { solved } = polishableOf(first);
    const nodes = planOf(jobs(), memory).report.cost?.nodes ?? 0;
    const improvedWith = (maxNodes: number): readonly boolean[] => {
      const nodePools = [makePool('jobs').flavors('b3-16', 'b3-32').spec({ maxNodes }).build()];
      return polishableOf(planOf(jobs({ nodePools }), memory)).solved.map(({ improved }) => improved);
    };
    expect(solved).toHaveLength(1);
    expect(improvedWith(nodes)).toEqual([true]);
    expect(improvedWith(nodes - 1)).toEqual([false]);
  });

  it('is not used for other pods, prices or sizes', () => {
    const pods = [...jobs().pods].slice(1);
    const prices = new Map([...JOB_PRICES, ['b3-32', 0.2]] as const);
    const flavors = JOB_FLAVORS.map((flavor) => ({ ...flavor, memoryMiB: flavor.memoryMiB + 1 }));
    for (const fields of [{ pods }, { prices }, { flavors }]) {
      expect(polishableOf(planOf(jobs(fields), memory)).solved[0]?.improved).toBe(false);
    }
  });

  it('stops when the meter says that time is up, with what it has', () => {
    let calls = 0;
    const meter = (): number => (calls += 1) * 1e5;
    const { choices, bound } = polish(polishableOf(first), { steps: 1e6, meter });
    const [{ asked, choice } = { asked: undefined, choice: undefined }] = choices;
    if (asked === undefined || choice === undefined) throw new Error('there must be an answer');
    expect(faultOf(asked.problem, choice)).toBeUndefined();
    expect(choice.cutShort).toBe(true);
    expect(choice.costPerHour).toBeLessThanOrEqual(asked.choice.costPerHour);
    expect(bound.costPerHour).toBeGreaterThanOrEqual(polishableOf(first).stated.bound.costPerHour);
  });
});

describe('PatternMemory', () => {
  const problem = (count: number) =>
    problemOf({ shapes: [{ request: [4, 1, 1], count }], offers: [{ room: [8, 8, 8], price: 1 }] });

  it('forgets what was used least recently', () => {
    const memory = new PatternMemory();
    const asked = (count: number) => ({ problem: problem(count), options: PATTERN_DEFAULTS });
    for (let count = 1; count <= 16; count++) memory.keepChoice(asked(count), choosePatterns(problem(count)));
    expect(memory.find(asked(1))?.nodes).toBe(1);
    memory.keepChoice(asked(17), choosePatterns(problem(17)));
    expect(memory.size).toBe(16);
    expect(memory.find(asked(1))?.nodes).toBe(1);
    expect(memory.find(asked(2))).toBeUndefined();
    expect(memory.find(asked(17))?.nodes).toBe(9);
  });

  it('keeps no problem that would take the room of all others', () => {
    const memory = new PatternMemory();
    const shapes = Array.from({ length: 100_000 }, () => ({ request: [1, 1, 1], count: 0 }));
    const huge = problemOf({ shapes, offers: [{ room: [8, 8, 8], price: 1 }] });
    memory.keepBound(huge, { kind: 'axis', costPerHour: 0, nodes: 0 });
    expect(memory.size).toBe(0);
  });

  it('tells questions apart that differ in the wishes alone', () => {
    const memory = new PatternMemory();
    const asked = { problem: problem(9), options: { ...PATTERN_DEFAULTS, flavorsMax: 1 } };
    memory.keepChoice(asked, choosePatterns(problem(9)));
    expect(memory.find({ ...asked, options: { ...asked.options, steps: 5 } })).toBeDefined();
    for (const options of [{ flavorsMax: NO_LIMIT }, { flavorsUsed: [0] }, { leastCapacity: [8] }]) {
      expect(memory.find({ ...asked, options: { ...asked.options, ...options } })).toBeUndefined();
    }
  });
});
