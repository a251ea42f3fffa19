// The loop: order of its stages, what stops it from executing, and that nothing ends it. Then with the real stages.
import { describe, expect, test } from 'vitest';
import { buildSnapshot, type ClusterSnapshot } from '../../../src/cluster/build-snapshot.ts';
import { AutoscalerLoop, type AutoscalerStages, type PassResult } from '../../../src/controllers/autoscaler-loop.ts';
import { autoscalerStages } from '../../../src/controllers/autoscaler-stages.ts';
import { ClaimExpectations } from '../../../src/controllers/claim-expectations.ts';
import { CloudFacts } from '../../../src/controllers/cloud-facts.ts';
import { ClusterStatus } from '../../../src/controllers/cluster-status.ts';
import { MassChangeGuard } from '../../../src/controllers/mass-change-guard.ts';
import { type Observation, observeCluster } from '../../../src/controllers/observe-cluster.ts';
import { PathProbe } from '../../../src/controllers/path-probe.ts';
import { PlacementHints } from '../../../src/controllers/placement-hints.ts';
import { PlanPolish } from '../../../src/controllers/polish-plans.ts';
import { StatusWriter } from '../../../src/controllers/write-status.ts';
import type { Finding } from '../../../src/planner/finding.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { makeCluster, makePod, makePool } from '../../fakes/fake-objects.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';

const EMPTY_PLAN: Plan = {
  basedOn: 1,
  steps: [],
  blocked: [],
  report: { pods: [], nodes: [], pools: [], costPerHour: 0, costIsRelative: true, cutShort: [], nextDueMs: undefined },
};

function sourcesOf(world: FakeWorld, context = world.context()) {
  return {
    facts: new CloudFacts(context),
    guard: new MassChangeGuard(),
    probe: new PathProbe(context.workload, world.clock),
    expectations: new ClaimExpectations(world.clock),
    hints: new PlacementHints(context, () => 'v1.37.1'),
    definition: () => 'ready' as const,
  };
}

/** Stages that note their names; the parts replace them. */
function noted(world: FakeWorld, parts: Partial<AutoscalerStages> = {}) {
  const calls: string[] = [];
  const sources = sourcesOf(world);
  const stages: AutoscalerStages = {
    observe: () => observeCluster(world.context(), sources),
    snapshot: ({ objects, version }) => buildSnapshot(objects, version),
    plan: () => EMPTY_PLAN,
    check: () => [],
    execute: () => Promise.resolve([]),
    report: () => Promise.resolve(),
    reportWaiting: () => Promise.resolve(),
    ...parts,
  };
  const note =
    <A extends readonly unknown[], R>(name: string, stage: (...args: A) => R) =>
    (...args: A): R => {
      calls.push(name);
      return stage(...args);
    };
  const loop = new AutoscalerLoop(world.context(), {
    observe: note('observe', stages.observe),
    snapshot: note('snapshot', stages.snapshot),
    plan: note('plan', stages.plan),
    check: note('check', stages.check),
    execute: note('execute', stages.execute),
    report: note('report', stages.report),
    reportWaiting: note('reportWaiting', stages.reportWaiting),
  });
  return { loop, calls };
}

const fatal: readonly Finding[] = [{ severity: 'fatal', kind: 'overMax', message: 'too many' }];
const warning: readonly Finding[] = [{ severity: 'warning', kind: 'costly', message: 'dear' }];
const waiting: Observation = { kind: 'wait', why: 'not yet listed', fault: undefined };
const ALL = ['observe', 'snapshot', 'plan', 'check', 'execute', 'report'];
const WITHOUT_EXECUTE = ALL.filter((stage) => stage !== 'execute');

describe('one pass', () => {
  test.each<{ name: string; parts: Partial<AutoscalerStages>; paused?: boolean; want: readonly string[] }>([
    { name: 'all stages in order', parts: {}, want: ALL },
    { name: 'a warning does not stop it', parts: { check: () => warning }, want: ALL },
    { name: 'a fatal finding does', parts: { check: () => fatal }, want: WITHOUT_EXECUTE },
    { name: 'a paused cluster is only reported', parts: {}, paused: true, want: WITHOUT_EXECUTE },
    {
      name: 'nothing to decide upon',
      parts: { observe: () => Promise.resolve(waiting) },
      want: ['observe', 'reportWaiting'],
    },
  ])('$name', async ({ parts, paused, want }) => {
    const world = new FakeWorld(makeCluster(paused === true ? { paused: true } : {}));
    const { loop, calls } = noted(world, parts);
    loop.start();
    await world.clock.advanceAndSettle(1);
    expect(calls).toEqual(want);
    await loop.close();
  });

  test('without the lease nothing is even looked at', async () => {
    const world = new FakeWorld();
    world.lease.set({ held: false });
    const { loop, calls } = noted(world);
    loop.start();
    await world.clock.advanceAndSettle(30_000);
    expect(calls).toEqual([]);
    await loop.close();
  });
});

test('an error is counted and backed off, and the loop goes on', async () => {
  const world = new FakeWorld();
  let plans = 0;
  const { loop, calls } = noted(world, {
    plan: () => {
      plans += 1;
      if (plans < 3) throw new Error('bug in the planner');
      return EMPTY_PLAN;
    },
  });
  loop.start();
  await world.clock.advanceAndSettle(0);
  for (let times = 0; times < 3; times++) {
    world.workload.stores.pods.put(makePod(`pod-${times}`));
    await world.clock.advanceAndSettle(250);
  }
  expect(plans).toBe(1); // backed off for a second
  await world.clock.advanceAndSettle(60_000);
  expect(plans).toBeGreaterThanOrEqual(3);
  expect(calls).toContain('report');
  expect(world.telemetry.total('sluice_plans_total', { outcome: 'failed' })).toBe(2);
  await loop.close();
});

test('a change of any store leads to one pass after 200 ms', async () => {
  const world = new FakeWorld();
  const { loop, calls } = noted(world);
  loop.start();
  await world.clock.advanceAndSettle(0);
  calls.length = 0;
  world.workload.stores.pods.put(makePod('a'));
  world.workload.stores.nodePools.put(makePool());
  await world.clock.advanceAndSettle(199);
  expect(calls).toEqual([]);
  await world.clock.advanceAndSettle(1);
  expect(calls).toEqual(ALL);
  await loop.close();
  world.workload.stores.pods.put(makePod('b'));
  await world.clock.advanceAndSettle(20_000);
  expect(calls).toEqual(ALL);
});

describe('with the real stages', () => {
  test('a fatal finding of one pool stops its steps and no others, and is told', async () => {
    const world = new FakeWorld();
    world.workload.stores.nodePools.put(makePool('bad', { desiredNodes: 1 }));
    world.workload.stores.nodePools.put(makePool('good', { desiredNodes: 1 }));
    const loop = realLoop(world, undefined, () => [
      { severity: 'fatal', kind: 'maxNodes', message: 'too many', pool: 'bad' },
    ]);
    loop.start();
    await world.clock.advanceAndSettle(5000);
    expect(world.management.claimsEverCreated.map((claim) => claim.spec.poolName)).toEqual(['good']);
    const blocked = (name: string) =>
      world.workload.stores.nodePools.get(name)?.status?.conditions?.find(({ type }) => type === 'Blocked');
    expect(blocked('bad')).toMatchObject({
      status: 'True',
      reason: 'PlanRefused',
      message: expect.stringContaining('too many'),
    });
    expect(blocked('good')).toMatchObject({ status: 'False' });
    expect(world.telemetry.total('sluice_plan_findings_total', { kind: 'maxNodes' })).toBeGreaterThan(0);
    expect(world.telemetry.entries).toContainEqual(
      expect.objectContaining({
        kind: 'decision',
        value: expect.objectContaining({ kind: 'createClaim', pool: 'bad', outcome: 'dropped' }),
      }),
    );
    await loop.close();
  });

  function realLoop(
    world: FakeWorld,
    onReport: (result: PassResult) => void = () => undefined,
    check?: AutoscalerStages['check'],
  ) {
    const context = world.context();
    const sources = sourcesOf(world, context);
    const clusterStatus = new ClusterStatus(world.management, world.clock);
    const writer = new StatusWriter(context, { clusterStatus, probe: sources.probe, hints: sources.hints });
    const stages = autoscalerStages(context, { sources, writer, polish: new PlanPolish(context, undefined) });
    const report = (result: PassResult) => {
      onReport(result);
      return stages.report(result);
    };
    return new AutoscalerLoop(context, { ...stages, report, ...(check === undefined ? {} : { check }) });
  }

  test('a pool that wants two nodes gets two claims, and then the loop stays still', async () => {
    const world = new FakeWorld();
    world.workload.stores.nodePools.put(makePool('web', { desiredNodes: 2 }));
    const passes: ClusterSnapshot[] = [];
    const loop = realLoop(world, ({ snapshot }) => passes.push(snapshot));
    loop.start();
    await world.clock.advanceAndSettle(5000);
    expect(world.management.stores.nodeClaims.list()).toHaveLength(2);
    const pool = world.workload.stores.nodePools.get('web');
    expect(pool?.status).toMatchObject({ currentNodes: 2, availableNodes: 0, selector: 'sluice.dev/nodepool=web' });
    expect(pool?.status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
      'Ready False ScalingUp',
      'Scaling True ScalingUp',
      'Updating False UpToDate',
      'Blocked False Unblocked',
      'Valid True Accepted',
    ]);
    expect(world.management.stores.workloadClusters.list()[0]?.status).toMatchObject({
      claims: 2,
      leader: 'replica-a',
    });
    const writes = [
      pool?.metadata.resourceVersion,
      world.management.stores.workloadClusters.list()[0]?.metadata.resourceVersion,
    ];
    const before = passes.length;
    await world.clock.advanceAndSettle(120_000);
    expect(world.management.claimsEverCreated).toHaveLength(2);
    expect([
      world.workload.stores.nodePools.get('web')?.metadata.resourceVersion,
      world.management.stores.workloadClusters.list()[0]?.metadata.resourceVersion,
    ]).toEqual(writes);
    expect(passes.length - before).toBe(12); // one each ten seconds, none by its own writes
    await loop.close();
  });

  test('an invalid pool is refused with the field, and nothing is created', async () => {
    const world = new FakeWorld();
    world.workload.stores.nodePools.put(makePool('web', { desiredNodes: 2, minNodes: 3, maxNodes: 1 }));
    const loop = realLoop(world);
    loop.start();
    await world.clock.advanceAndSettle(5000);
    const valid = world.workload.stores.nodePools.get('web')?.status?.conditions?.find(({ type }) => type === 'Valid');
    expect(valid).toMatchObject({
      status: 'False',
      reason: 'InvalidSpec',
      message: expect.stringContaining('minNodes'),
    });
    expect(world.management.claimsEverCreated).toHaveLength(0);
    await loop.close();
  });
});
