// Which plans are polished, and what becomes of the answers.
import { describe, expect, test } from 'vitest';
import type { WorkloadClusterSpec } from '../../../src/api/workload-cluster.ts';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { PassResult } from '../../../src/controllers/autoscaler-loop.ts';
import { PlanPolish } from '../../../src/controllers/polish-plans.ts';
import type { Polisher, PolishWork } from '../../../src/controllers/polish-plans.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import { polish as solveAgain } from '../../../src/planner/patterns/polish.ts';
import { jobs } from '../../builders/make-jobs.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';

class FakePolisher implements Polisher {
  readonly asked: PolishWork[] = [];
  readonly dropped: string[] = [];
  full = false;

  add(work: PolishWork): boolean {
    if (!this.full) this.asked.push(work);
    return !this.full;
  }

  drop(cluster: string): void {
    this.dropped.push(cluster);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The newest work, done now. */
  finish(): void {
    const work = this.asked.at(-1);
    work?.done(solveAgain(work.polishable, { steps: 2e7 }));
  }
}

function setUp(autoscaler: WorkloadClusterSpec['autoscaler'] = {}) {
  const world = new FakeWorld();
  world.cluster = { ...world.cluster, spec: { ...world.cluster.spec, autoscaler } };
  const polisher = new FakePolisher();
  const polish = new PlanPolish(world.context(), polisher);
  const snapshot = buildSnapshot(jobs(), 1);
  const pass = (): PassResult => {
    const plan = makePlan(snapshot, { nameSeed: 'pass', improved: polish.memory });
    return { snapshot, plan, findings: [], outcomes: [], faults: [] };
  };
  return { world, polisher, polish, pass };
}

describe('PlanPolish', () => {
  test('a plan well above its bound is polished, and the next one for the same pods is better', () => {
    const { world, polisher, polish, pass } = setUp();
    const first = pass();
    polish.consider(first);
    const [work] = polisher.asked;
    expect(work).toMatchObject({
      cluster: `${world.cluster.metadata.namespace}/${world.cluster.metadata.name}`,
      seconds: 5,
    });
    polisher.finish();
    const cost = first.plan.report.cost?.perHour ?? 0;
    const better = pass().plan.report.cost;
    expect(better?.perHour).toBeLessThan(cost);
    // What the first plan's nodes cost, over what is now known to be needed.
    expect(world.telemetry.last('sluice_cost_over_lower_bound')).toBeCloseTo(
      cost / (better?.lowerBoundPerHour ?? 1) - 1,
      4,
    );
    world.clock.advance(60_000);
    polish.consider(pass());
    expect(polisher.asked).toHaveLength(1);
  });

  test('a cluster asks once a minute, and again at once when nobody had room for it', () => {
    const { world, polisher, polish, pass } = setUp();
    polisher.full = true;
    polish.consider(pass());
    polisher.full = false;
    polish.consider(pass());
    polish.consider(pass());
    expect(polisher.asked).toHaveLength(1);
    world.clock.advance(60_000);
    polish.consider(pass());
    expect(polisher.asked).toHaveLength(2);
  });

  test.each([
    { name: 'the operator wants none', autoscaler: { polishSeconds: 0 }, change: {} },
    {
      name: 'the plan breaks a rule',
      autoscaler: {},
      change: { findings: [{ severity: 'fatal', kind: 'x', message: 'x' }] },
    },
  ] as const)('nothing is polished when $name', ({ autoscaler, change }) => {
    const { polisher, polish, pass } = setUp(autoscaler);
    const result = { ...pass(), ...change } as PassResult;
    polish.consider(result);
    expect(polisher.asked).toEqual([]);
  });

  test('nothing is polished when the plan is close to its bound, or adds nothing', () => {
    const { polisher, polish, pass } = setUp();
    const result = pass();
    const { cost } = result.plan.report;
    if (cost === undefined) throw new Error('there must be new nodes');
    const close = { ...result.plan, report: { ...result.plan.report, cost: { ...cost, overLowerBound: 0.005 } } };
    polish.consider({ ...result, plan: close });
    const { polishable: _none, ...idle } = result.plan;
    polish.consider({ ...result, plan: idle });
    expect(polisher.asked).toEqual([]);
  });

  test('polishSeconds is the time that is asked for', () => {
    const { polisher, polish, pass } = setUp({ polishSeconds: 30 });
    polish.consider(pass());
    expect(polisher.asked.map(({ seconds }) => seconds)).toEqual([30]);
  });

  test('a session that has ended waits for nothing and learns nothing', () => {
    const { world, polisher, polish, pass } = setUp();
    polish.consider(pass());
    world.abort.abort();
    expect(polisher.dropped).toEqual([polisher.asked[0]?.cluster]);
    polisher.finish();
    expect(polish.memory.size).toBe(0);
    expect(world.telemetry.last('sluice_cost_over_lower_bound')).toBeUndefined();
  });
});
