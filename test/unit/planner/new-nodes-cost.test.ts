import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planText } from '../../../src/planner/plan-text.ts';
import { makeFlavor, makeObjects, makePod, makePods, makePool, makeShape, planFor, stepsOf } from './planner-world.ts';

const PRICES = new Map([
  ['b2-4', 0.2],
  ['b2-8', 0.38],
  ['c2-4', 0.1],
]);
const FLAVORS = [makeFlavor('b2-4', 4), makeFlavor('b2-8', 8), makeFlavor('c2-4', 4, 8)];

describe('cost of the new nodes', () => {
  it('is reported with what is proven to be needed, and by what', () => {
    const plan = planFor(
      makeObjects({
        nodePools: [makePool('web', { flavors: ['b2-4'] })],
        flavors: FLAVORS,
        prices: PRICES,
        pods: makePods(9),
      }),
    );
    expect(plan.report.cost).toEqual({
      nodes: 3,
      perHour: 0.6,
      lowerBoundNodes: 3,
      lowerBoundPerHour: 0.6,
      lowerBoundKind: 'axis',
      overLowerBound: 0,
    });
    expect(planText(plan)).toContain(
      'New nodes for pods: 3 for 0.6000 per hour; no plan needs less than 3 or 0.6000 (by the scarcest resource): 0.00 % over it',
    );
  });

  it('is absent when no node is added for pods: a pool that is given its least size is no cost of pods', () => {
    const plan = planFor(
      makeObjects({ nodePools: [makePool('web', { minNodes: 2 })], flavors: FLAVORS, pods: makePods(3) }),
    );
    expect(stepsOf(plan, 'createClaim')).toHaveLength(2);
    expect(plan.report.cost).toBeUndefined();
    expect(planText(plan)).not.toContain('New nodes for pods');
  });

  it('counts only flavors that a pod may use: a selector for a dear pool is no waste', () => {
    const plan = planFor(
      makeObjects({
        nodePools: [
          makePool('cheap', { flavors: ['c2-4'] }),
          makePool('dear', { flavors: ['b2-4'], template: { metadata: { labels: { disk: 'ssd' } } } }),
        ],
        flavors: FLAVORS,
        prices: PRICES,
        pods: makePods(4, { shape: makeShape({ nodeSelector: new Map([['disk', 'ssd']]) }) }),
      }),
    );
    expect(plan.report.cost).toMatchObject({ perHour: 0.2, lowerBoundPerHour: 0.2, overLowerBound: 0 });
  });

  it('knows that pods with the same host port need a node each', () => {
    const plan = planFor(
      makeObjects({
        nodePools: [makePool('web', { flavors: ['b2-4'] })],
        flavors: FLAVORS,
        prices: PRICES,
        pods: Array.from({ length: 3 }, (_, at) =>
          makePod(`edge-${at}`, {
            shape: makeShape({ cpuMillis: 10, hostPorts: [{ protocol: 'TCP', hostIp: '0.0.0.0', port: 80 }] }),
          }),
        ),
      }),
    );
    expect(plan.report.cost).toMatchObject({ nodes: 3, lowerBoundNodes: 3, lowerBoundKind: 'clique' });
  });

  it('is never below the bound, whatever is asked for', () => {
    const pods = fc.array(
      fc.record({
        cpuMillis: fc.integer({ min: 1, max: 5000 }),
        memoryBytes: fc.integer({ min: 1, max: 20 }).map((gib) => gib * 2 ** 30),
      }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(pods, (requests) => {
        const plan = planFor(
          makeObjects({
            nodePools: [makePool('web', { flavors: ['b2-4', 'b2-8', 'c2-4'] })],
            flavors: FLAVORS,
            prices: PRICES,
            pods: requests.map((request, at) => makePod(`pod-${at}`, { shape: makeShape(request) })),
          }),
        );
        const { cost } = plan.report;
        const prices = stepsOf(plan, 'createClaim').map((step) => PRICES.get(step.spec.flavor) ?? 0);
        if (cost === undefined) expect(prices).toEqual([]);
        else {
          expect(cost.perHour).toBeCloseTo(
            prices.reduce((sum, price) => sum + price, 0),
            5,
          );
          expect(cost.lowerBoundPerHour).toBeLessThanOrEqual(cost.perHour);
          expect(cost.lowerBoundPerHour).toBeGreaterThan(0);
          expect(cost.lowerBoundNodes).toBeLessThanOrEqual(prices.length);
        }
      }),
      { numRuns: 60 },
    );
  });
});
