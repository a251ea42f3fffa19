// Executing a plan: what is written, what is dropped, and that doing it twice changes nothing.
import { beforeEach, describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { NodeClaimStatus } from '../../../src/api/node-claim.ts';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import { ClaimExpectations } from '../../../src/controllers/claim-expectations.ts';
import { executePlan, type StepOutcome } from '../../../src/controllers/execute-plan.ts';
import { PortError } from '../../../src/controllers/port-errors.ts';
import type { Plan, PlanStep } from '../../../src/planner/plan.ts';
import {
  makeClaim,
  makeClaimSpec,
  makeNode,
  makePod,
  makePool,
  NAMESPACE,
  POOL_UID,
} from '../../fakes/fake-objects.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';
import { interruptPort } from '../../fakes/interrupt-port.ts';

const create = (name: string): PlanStep => ({
  kind: 'createClaims',
  pool: 'web',
  names: { pool: name.slice(0, -'-node-000000'.length), numbers: [Number.parseInt(name.slice(-6), 16)] },
  spec: makeClaimSpec(),
  reason: 'pods wait',
  pods: [],
});
const desire = (from: number | undefined, to: number): PlanStep => ({
  kind: 'setDesiredNodes',
  pool: 'web',
  poolUid: POOL_UID,
  from,
  to,
  reason: 'ScaleUp',
});
const remove = (claim: string, parts: Partial<Extract<PlanStep, { kind: 'removeClaim' }>> = {}): PlanStep => ({
  kind: 'removeClaim',
  pool: 'web',
  claim,
  claimUid: 'claim-uid-000001',
  reason: 'ScaleDown',
  message: 'unneeded',
  ...parts,
});

function planOf(...steps: PlanStep[]): Plan {
  const report = {
    pods: [],
    nodes: [],
    pools: [],
    costPerHour: 0,
    costIsRelative: true,
    cutShort: [],
    nextDueMs: undefined,
  };
  return { basedOn: 1, steps, blocked: [], report };
}

function objectsOf(world: FakeWorld): ClusterObjects {
  const { stores } = world.workload;
  return {
    cluster: world.cluster,
    observedAtMs: world.clock.nowMs(),
    nodePools: stores.nodePools.list(),
    claims: world.management.stores.nodeClaims.list(),
    pods: stores.pods.list(),
    nodes: stores.nodes.list(),
    podDisruptionBudgets: [],
    daemonSets: [],
    persistentVolumeClaims: [],
    persistentVolumes: [],
    storageClasses: [],
    csiNodes: [],
    namespaces: [],
    flavors: world.cloud.flavors,
    targets: world.cloud.targets,
    quota: world.cloud.quota,
    prices: undefined,
    backoffs: [],
    frozen: undefined,
  };
}

let world: FakeWorld;
let expectations: ClaimExpectations;

beforeEach(() => {
  world = new FakeWorld();
  world.workload.stores.nodePools.put(makePool('web'));
  expectations = new ClaimExpectations(world.clock);
});

const execute = (plan: Plan, wrap: Parameters<FakeWorld['context']>[0] = {}) =>
  executePlan(world.context(wrap), plan, { snapshot: buildSnapshot(objectsOf(world), 1), expectations });
const kinds = (outcomes: readonly StepOutcome[]) => outcomes.map((outcome) => `${outcome.step.kind} ${outcome.kind}`);
const claimNames = () => world.management.stores.nodeClaims.list().map((claim) => claim.metadata.name);
const pool = () => world.workload.stores.nodePools.get('web');

describe('scale-up', () => {
  const plan = planOf(create('web-node-000001'), create('web-node-000002'), desire(1, 3));

  test('writes desiredNodes, holds the pool, creates the claims as owned by their cluster', async () => {
    const outcomes = await execute(plan);
    expect(kinds(outcomes)).toEqual(['setDesiredNodes done', 'createClaim done', 'createClaim done']);
    expect(pool()?.spec.desiredNodes).toBe(3);
    expect(pool()?.metadata.finalizers).toEqual(['sluice.dev/nodepool']);
    const claim = world.management.stores.nodeClaims.get(`${NAMESPACE}/web-node-000001`);
    expect(claim?.metadata).toMatchObject({
      namespace: NAMESPACE,
      finalizers: ['sluice.dev/nodeclaim'],
      labels: {
        'sluice.dev/nodepool': 'web',
        'sluice.dev/nodepool-uid': POOL_UID,
        'sluice.dev/cluster': 'cluster-uid-1',
      },
      ownerReferences: [
        { apiVersion: 'sluice.dev/v1alpha1', kind: 'WorkloadCluster', name: 't1', uid: 'cluster-uid-1' },
      ],
    });
    expect(claim?.spec).toEqual(makeClaimSpec());
  });

  test('the same plan twice creates nothing more', async () => {
    await execute(plan);
    const outcomes = await execute(plan);
    expect(outcomes.every((outcome) => outcome.kind === 'dropped')).toBe(true);
    expect(claimNames()).toEqual(['web-node-000001', 'web-node-000002']);
    expect(world.workload.desiredNodesWritten).toHaveLength(1);
  });

  test('a name that a server of the project has is dropped, the others are made', async () => {
    world.cloud.addServer({ name: 'web-node-000001' });
    const outcomes = await execute(plan);
    expect(kinds(outcomes)).toEqual(['setDesiredNodes done', 'createClaim dropped', 'createClaim done']);
    expect(claimNames()).toEqual(['web-node-000002']);
  });

  test.each<{ name: string; arrange: () => void; plan: Plan }>([
    {
      name: 'somebody else set desiredNodes',
      arrange: () => world.workload.stores.nodePools.put(makePool('web', { desiredNodes: 7 })),
      plan,
    },
    { name: 'the pool is gone', arrange: () => world.workload.stores.nodePools.remove('web'), plan },
    {
      name: 'the pool is another one of the same name',
      arrange: () => {
        const other = makePool('web');
        world.workload.stores.nodePools.put({ ...other, metadata: { ...other.metadata, uid: 'another' } });
      },
      plan: planOf(create('web-node-000001')),
    },
    {
      name: 'the pool is being deleted',
      arrange: () => {
        const { metadata, ...rest } = makePool('web');
        const deletionTimestamp = '2026-01-01T00:00:00Z';
        world.workload.stores.nodePools.put({ ...rest, metadata: { ...metadata, deletionTimestamp } });
      },
      plan: planOf(create('web-node-000001')),
    },
    { name: 'the lease is lost', arrange: () => world.lease.set({ held: false }), plan },
    { name: 'the session has ended', arrange: () => world.abort.abort(), plan },
  ])('nothing is created when $name', async ({ arrange, plan }) => {
    arrange();
    const outcomes = await execute(plan);
    expect(outcomes.map((outcome) => outcome.kind)).not.toContain('done');
    expect(claimNames()).toEqual([]);
    expect(world.workload.desiredNodesWritten).toEqual([]);
  });

  test('names that cannot be checked are not used', async () => {
    const down = new PortError('unavailable', 'Nova is away');
    const outcomes = await execute(plan, {
      wrap: {
        cloud: (cloud) =>
          interruptPort(cloud, 'cloud', ({ name }) => (name === 'cloud.serverNamesTaken' ? down : undefined)),
      },
    });
    expect(new Set(outcomes.map((outcome) => outcome.kind))).toEqual(new Set(['dropped']));
    expect(claimNames()).toEqual([]);
  });

  test('a failure in one pool leaves the others alone', async () => {
    world.workload.stores.nodePools.put({ ...makePool('db'), metadata: { ...makePool('db').metadata, uid: 'db-uid' } });
    const db = { ...create('db-node-000001'), pool: 'db', spec: makeClaimSpec({ poolName: 'db', poolUid: 'db-uid' }) };
    const outcomes = await execute(planOf(desire(9, 10), create('web-node-000001'), db));
    expect(kinds(outcomes)).toEqual(['setDesiredNodes dropped', 'createClaim dropped', 'createClaim done']);
    expect(claimNames()).toEqual(['db-node-000001']);
  });

  test('an API server that does not answer is not asked again for every pool', async () => {
    const asked: string[] = [];
    const pools = ['a', 'b', 'c'];
    for (const name of pools) world.workload.stores.nodePools.put(makePool(name));
    const steps = pools.map((pool) => ({ ...desire(1, 2), pool }));
    await execute(planOf(...steps), {
      wrap: {
        workload: (plane) =>
          interruptPort(plane, 'workload', ({ name }) => {
            asked.push(name);
            return new PortError('unavailable', 'timed out');
          }),
      },
    });
    expect(asked).toEqual(['workload.getNodePool']);
  });

  test('a claim whose creation lost its answer holds up planning until it has been looked up', async () => {
    const lost = new PortError('outcomeUnknown', 'the answer was lost');
    await execute(planOf(create('web-node-000001')), {
      wrap: {
        management: (plane) =>
          interruptPort(plane, 'management', ({ name, when }) =>
            name === 'management.createClaim' && when === 'before' ? lost : undefined,
          ),
      },
    });
    expect(expectations.state().kind).toBe('waiting');
    world.clock.advance(6000);
    expect(expectations.state().kind).toBe('overdue');
  });

  test('planning waits until the store shows what was created', async () => {
    const stored = world.management.stores.nodeClaims;
    await execute(planOf(create('web-node-000001')));
    expect(expectations.state()).toEqual({ kind: 'met' });
    await execute(planOf(create('web-node-000002')));
    stored.remove(`${NAMESPACE}/web-node-000002`); // as if the watch had not brought it yet
    expect(expectations.state()).toMatchObject({ kind: 'waiting', what: 'claim web-node-000002' });
  });
});

describe('removal', () => {
  const name = 'web-node-abcdef';
  const claim = () => world.management.stores.nodeClaims.get(`${NAMESPACE}/${name}`);

  beforeEach(() => {
    world.management.stores.nodeClaims.put(makeClaim(name, { status: { phase: 'Ready', serverId: 'server-1' } }));
    world.workload.putNode(makeNode(name));
  });

  test('records the reason, then deletes; a second time changes nothing', async () => {
    const plan = planOf(desire(1, 0), remove(name));
    expect(kinds(await execute(plan))).toEqual(['setDesiredNodes done', 'removeClaim done']);
    expect(claim()?.status?.removal).toMatchObject({ reason: 'ScaleDown', message: 'unneeded' });
    expect(claim()?.metadata.deletionTimestamp).toBeDefined();
    const version = claim()?.metadata.resourceVersion;
    expect(kinds(await execute(plan))).toEqual(['setDesiredNodes dropped', 'removeClaim dropped']);
    expect(claim()?.metadata.resourceVersion).toBe(version);
  });

  test.each<{ name: string; status: NodeClaimStatus; want: number }>([
    { name: 'after its server was asked for', status: { createAttemptedAt: '2026-01-01T10:00:00Z' }, want: 1 },
    { name: 'before that', status: {}, want: 0 },
    { name: 'and was Ready once', status: { createAttemptedAt: 'x', readyAt: '2026-01-01T10:00:00Z' }, want: 0 },
  ])('of a node that did not join in time is remembered: $name', async ({ status, want }) => {
    world.management.stores.nodeClaims.put(makeClaim('web-node-0b0b0b', { status: { phase: 'Booting', ...status } }));
    const late = world.management.stores.nodeClaims.get(`${NAMESPACE}/web-node-0b0b0b`);
    const claimUid = late?.metadata.uid ?? '';
    await execute(planOf(remove('web-node-0b0b0b', { claimUid, reason: 'Failed', message: 'not Ready' })));
    expect(world.faults.unjoined).toHaveLength(want);
  });

  test('what a lost controller marked and did not delete is deleted by the next', async () => {
    const removal = { reason: 'ScaleDown' as const, message: '', at: '2026-01-01T00:00:00Z' };
    world.management.stores.nodeClaims.put(makeClaim(name, { status: { removal } }));
    await execute(planOf());
    expect(claim()?.metadata.deletionTimestamp).toBeDefined();
  });

  test('frozen: neither the removal nor the lower desiredNodes is written', async () => {
    world.frozen = 'too much vanished';
    expect(kinds(await execute(planOf(desire(1, 0), remove(name))))).toEqual([
      'setDesiredNodes dropped',
      'removeClaim dropped',
    ]);
    expect(pool()?.spec.desiredNodes).toBe(1);
    expect(claim()?.status?.removal).toBeUndefined();
  });

  test('a claim of that name with another uid is left alone', async () => {
    expect(kinds(await execute(planOf(remove(name, { claimUid: 'another' }))))).toEqual(['removeClaim dropped']);
    expect(claim()?.status?.removal).toBeUndefined();
  });

  test('a pod that was bound after the plan was made keeps the node', async () => {
    const snapshot = buildSnapshot(objectsOf(world), 1);
    world.workload.stores.pods.put(makePod('late', { nodeName: name }));
    const outcomes = await executePlan(world.context(), planOf(remove(name)), { snapshot, expectations });
    expect(outcomes[0]).toMatchObject({ kind: 'dropped', why: expect.stringContaining('default/late') });
    expect(claim()?.status?.removal).toBeUndefined();
  });

  test.each([
    { name: 'deleted by its owner', deleting: true, definition: 'ready' as const, wantDone: true },
    { name: 'not being deleted', deleting: false, definition: 'ready' as const, wantDone: false },
    { name: 'going with its definition', deleting: true, definition: 'deleting' as const, wantDone: false },
  ])('PoolDeleted is checked live: $name', async ({ deleting, definition, wantDone }) => {
    world.workload.definition = definition;
    const { metadata, ...rest } = makePool('web');
    const at = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['sluice.dev/nodepool'] };
    world.workload.stores.nodePools.put({ ...rest, metadata: deleting ? { ...metadata, ...at } : metadata });
    const [outcome] = await execute(planOf(remove(name, { reason: 'PoolDeleted' })));
    expect(outcome?.kind).toBe(wantDone ? 'done' : 'dropped');
    expect(claim()?.status?.removal !== undefined).toBe(wantDone);
  });
});

describe('timers', () => {
  const name = 'web-node-abcdef';
  const timer = (sinceMs: number | undefined): PlanStep => ({
    kind: 'setTimer',
    claim: name,
    claimUid: 'claim-uid-000001',
    timer: 'unneededSince',
    sinceMs,
  });
  const status = () => world.management.stores.nodeClaims.get(`${NAMESPACE}/${name}`)?.status;

  test('start and clear without touching the rest of the status', async () => {
    world.management.stores.nodeClaims.put(makeClaim(name, { status: { phase: 'Ready' } }));
    await execute(planOf(timer(world.clock.nowMs())));
    expect(status()).toEqual({ phase: 'Ready', unneededSince: '2026-01-01T00:00:00.000Z' });
    await execute(planOf(timer(undefined)));
    expect(status()).toEqual({ phase: 'Ready' });
  });
});
