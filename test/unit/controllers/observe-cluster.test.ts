// Observing refuses what is incomplete, late or silent; the path probe; the finalizer of pools; events that repeat not.
import { makePod } from '../../builders/make-pod.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { serverGroupName } from '../../../src/api/names.ts';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import { ClaimExpectations } from '../../../src/controllers/claim-expectations.ts';
import { CloudFacts } from '../../../src/controllers/cloud-facts.ts';
import { MassChangeGuard } from '../../../src/controllers/mass-change-guard.ts';
import { observeCluster } from '../../../src/controllers/observe-cluster.ts';
import { PathProbe } from '../../../src/controllers/path-probe.ts';
import { PlacementHints } from '../../../src/controllers/placement-hints.ts';
import { holdPool, releaseDeletedPools } from '../../../src/controllers/pool-finalizer.ts';
import { PortError } from '../../../src/controllers/port-errors.ts';
import { ReportEvents } from '../../../src/controllers/report-events.ts';
import type { PodRun } from '../../../src/planner/plan.ts';
import { makeClaim, makePool, POOL_UID } from '../../fakes/fake-objects.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';
import { interruptPort } from '../../fakes/interrupt-port.ts';

const down = new PortError('unavailable', 'no answer');

let world: FakeWorld;

beforeEach(() => {
  world = new FakeWorld();
});

function makeSources(context = world.context()) {
  return {
    facts: new CloudFacts(context),
    guard: new MassChangeGuard(),
    probe: new PathProbe(context.workload, world.clock),
    expectations: new ClaimExpectations(world.clock),
    hints: new PlacementHints(context, () => 'v1.37.1'),
    definition: () => 'ready' as const,
  };
}

describe('observeCluster', () => {
  test.each<{ name: string; arrange: () => void; want: RegExp }>([
    { name: 'a store is not yet listed', arrange: () => (world.workload.stores.pods.synced = false), want: /pods/ },
    {
      name: 'claims are not yet listed',
      arrange: () => (world.management.stores.nodeClaims.synced = false),
      want: /nodeClaims/,
    },
    { name: 'the lease is elsewhere', arrange: () => world.lease.set({ held: false }), want: /another replica/ },
    {
      name: 'the project is another',
      arrange: () => (world.cloud.projectId = 'other'),
      want: /spec.openstack.projectId/,
    },
  ])('waits when $name', async ({ arrange, want }) => {
    arrange();
    const observation = await observeCluster(world.context(), makeSources());
    expect(observation).toMatchObject({ kind: 'wait', why: expect.stringMatching(want) });
  });

  test('says which right is missing in the workload cluster', async () => {
    world.workload.stores.csiDrivers.synced = false;
    world.workload.stores.csiDrivers.missingRight = 'list and watch csidrivers.storage.k8s.io';
    expect(await observeCluster(world.context(), makeSources())).toMatchObject({
      kind: 'wait',
      why: 'not yet listed: csiDrivers',
      forbidden: expect.stringMatching(
        /missing.*: list and watch csidrivers\.storage\.k8s\.io\. Upgrade the workload chart/,
      ),
    });
  });

  describe('an object that cannot be read', () => {
    const why = "Pod 'shop/web' cannot be read as spec.containers must be a list";

    test.each([
      'nodePools',
      'nodes',
      'pods',
      'podDisruptionBudgets',
      'persistentVolumeClaims',
      'resourceClaims',
    ] as const)('of %s freezes removals and names the field; planning goes on', async (kind) => {
      const { doubtful } = world.workload.stores[kind];
      doubtful.set('shop/web', why);
      const sources = makeSources();
      const observation = await observeCluster(world.context(), sources);
      expect(observation).toMatchObject({ kind: 'ready', objects: { frozen: expect.stringContaining(why) } });
      expect(sources.guard.reason()).toContain(why);
      doubtful.clear();
      expect(await observeCluster(world.context(), sources)).toMatchObject({ objects: { frozen: undefined } });
    });

    test('of another namespace of claims holds up nobody else', async () => {
      world.management.stores.nodeClaims.doubtful.set('tenant-2/web-node-aaaaaa', why);
      expect(await observeCluster(world.context(), makeSources())).toMatchObject({ objects: { frozen: undefined } });
      world.management.stores.nodeClaims.doubtful.set(`${world.context().namespace}/web-node-aaaaaa`, why);
      const frozen = expect.stringContaining(why);
      expect(await observeCluster(world.context(), makeSources())).toMatchObject({ objects: { frozen } });
    });
  });

  test('sees only the claims of this cluster', async () => {
    world.management.stores.nodeClaims.put(makeClaim('mine'));
    world.management.stores.nodeClaims.put(makeClaim('other-cluster', { spec: { clusterUid: 'another' } }));
    world.management.stores.nodeClaims.put(makeClaim('other-namespace', { metadata: { namespace: 'tenant-2' } }));
    const observation = await observeCluster(world.context(), makeSources());
    if (observation.kind !== 'ready') throw new Error(observation.why);
    expect(observation.objects.claims.map((claim) => claim.metadata.name)).toEqual(['mine']);
  });

  test('waits for its own writes, then reads claims live', async () => {
    const sources = makeSources();
    sources.expectations.expect('claim x', () => false);
    expect(await observeCluster(world.context(), sources)).toMatchObject({ kind: 'wait' });
    world.clock.advance(6000);
    const context = world.context({
      wrap: {
        management: (plane) => ({
          ...plane,
          stores: plane.stores,
          listClaims: () => Promise.resolve([makeClaim('only-live')]),
          getConfigMap: () => Promise.resolve(undefined),
        }),
      },
    });
    const observation = await observeCluster(context, sources);
    if (observation.kind !== 'ready') throw new Error(observation.why);
    expect(observation.objects.claims.map((claim) => claim.metadata.name)).toEqual(['only-live']);
    expect(sources.expectations.state()).toEqual({ kind: 'met' });
  });

  test('stores that have gone silent freeze removals', async () => {
    world.clock.advance(180_001);
    const observation = await observeCluster(world.context(), makeSources());
    if (observation.kind !== 'ready') throw new Error(observation.why);
    expect(observation.objects.frozen).toMatch(/Nothing was heard of nodePools/);
  });

  test('removals already under way are judged even when the cloud gives no facts', async () => {
    world.cloud.projectId = 'other';
    const sources = makeSources();
    expect(sources.guard.reason()).toBeDefined();
    expect((await observeCluster(world.context(), sources)).kind).toBe('wait');
    expect(sources.guard.reason()).toBeUndefined();
  });

  test('the version grows with every change of any store', async () => {
    const sources = makeSources();
    const first = await observeCluster(world.context(), sources);
    world.workload.stores.nodePools.put(makePool());
    const second = await observeCluster(world.context(), sources);
    if (first.kind !== 'ready' || second.kind !== 'ready') throw new Error('not ready');
    expect(second.version).toBeGreaterThan(first.version);
  });
});

describe('PathProbe', () => {
  test('three lost answers in a row are sick, one good answer heals', async () => {
    let lost = true;
    const { workload } = world.context({
      wrap: {
        workload: (plane) =>
          interruptPort(plane, 'workload', ({ name }) =>
            lost && name === 'workload.serverVersion' ? down : undefined,
          ),
      },
    });
    const probe = new PathProbe(workload, world.clock);
    const seen: boolean[] = [];
    for (let times = 0; times < 4; times++) {
      await probe.ask();
      seen.push(probe.sick() !== undefined);
    }
    expect(seen).toEqual([false, false, true, true]);
    lost = false;
    await probe.ask();
    expect(probe.sick()).toBeUndefined();
    expect(probe.version()).toBe('v1.35.0');
  });
});

describe('pool finalizer', () => {
  const deletedPool = () => {
    const { metadata, ...rest } = makePool('web');
    const at = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['sluice.dev/nodepool'] };
    return { ...rest, metadata: { ...metadata, ...at } };
  };

  test('is put on once', async () => {
    world.workload.stores.nodePools.put(makePool('web'));
    const held = await holdPool(world.context(), 'web', POOL_UID);
    expect(held?.metadata.finalizers).toEqual(['sluice.dev/nodepool']);
    const again = await holdPool(world.context(), 'web', POOL_UID);
    expect(again?.metadata.resourceVersion).toBe(held?.metadata.resourceVersion);
  });

  test.each([
    { name: 'no claim is left', claims: [], want: ['web'] },
    { name: 'a claim is left', claims: [makeClaim('web-node-000001')], want: [] },
    {
      name: 'a claim of an older pool of that name is left',
      claims: [makeClaim('x', { spec: { poolUid: 'old' } })],
      want: [],
    },
    { name: 'only other pools have claims', claims: [makeClaim('x', { spec: { poolName: 'db' } })], want: ['web'] },
  ])('comes off when $name', async ({ claims, want }) => {
    world.workload.stores.nodePools.put(deletedPool());
    for (const claim of claims) world.management.stores.nodeClaims.put(claim);
    const released = await releaseDeletedPools(world.context(), world.workload.stores.nodePools.list());
    expect(released).toEqual(want);
    expect(world.workload.stores.nodePools.get('web') === undefined).toBe(want.length > 0);
  });

  test('the server group of an anti-affine pool goes with it, and no other', async () => {
    const pool = deletedPool();
    world.workload.stores.nodePools.put({ ...pool, spec: { ...pool.spec, antiAffinity: true } });
    const context = world.context();
    const own = serverGroupName({ clusterUid: context.clusterUid, poolUid: pool.metadata.uid });
    for (const name of [own, 'sluice-other']) world.cloud.serverGroups.set(name, name);
    await releaseDeletedPools(context, world.workload.stores.nodePools.list());
    expect([...world.cloud.serverGroups.keys()]).toEqual(['sluice-other']);
  });

  test('a pool whose deletion only a stale store shows is kept', async () => {
    world.workload.stores.nodePools.put(makePool('web'));
    expect(await releaseDeletedPools(world.context(), [deletedPool()])).toEqual([]);
  });

  test('claims that only the live list shows keep the pool', async () => {
    world.workload.stores.nodePools.put(deletedPool());
    const context = world.context({
      wrap: {
        management: (plane) => ({
          ...plane,
          stores: plane.stores,
          listClaims: () => Promise.resolve([makeClaim('x')]),
        }),
      },
    });
    expect(await releaseDeletedPools(context, world.workload.stores.nodePools.list())).toEqual([]);
  });
});

describe('events on pods', () => {
  const pods = [{ ...makePod('web-1').build(), uid: 'pod-1' }];
  const verdict = (message: string): PodRun => ({
    pods,
    from: 0,
    to: 1,
    outcome: 'unplaceable',
    target: '',
    refusals: [{ pool: 'web', message }],
  });

  function report(events: ReportEvents, pods: readonly PodRun[]) {
    const observed = makeSnapshot();
    const base = { nodes: [], pools: [], costPerHour: 0, costIsRelative: true, cutShort: [], nextDueMs: undefined };
    const plan = { basedOn: 1, steps: [], blocked: [], report: { ...base, pods } };
    events.report({ snapshot: observed, plan, findings: [], outcomes: [], faults: [] });
    return world.workload.events.map((event) => event.note);
  }

  function makeSnapshot() {
    const { stores } = world.workload;
    return buildSnapshot(
      {
        cluster: world.cluster,
        observedAtMs: world.clock.nowMs(),
        nodePools: stores.nodePools.list(),
        claims: [],
        pods: [],
        nodes: [],
        podDisruptionBudgets: [],
        daemonSets: [],
        persistentVolumeClaims: [],
        persistentVolumes: [],
        storageClasses: [],
        csiNodes: [],
        namespaces: [],
        flavors: [],
        targets: world.cloud.targets,
        quota: world.cloud.quota,
        prices: undefined,
        backoffs: [],
        frozen: undefined,
      },
      1,
    );
  }

  test('the same "no" is said once; a changed one not within a minute; after the pod went it is forgotten', () => {
    const events = new ReportEvents(world.context());
    expect(report(events, [verdict('7 cores short')])).toEqual(['No new node would take this pod: web: 7 cores short']);
    expect(report(events, [verdict('7 cores short')])).toHaveLength(1);
    expect(report(events, [verdict('6 cores short')])).toHaveLength(1);
    world.clock.advance(60_000);
    expect(report(events, [verdict('6 cores short')])).toHaveLength(2);
    expect(report(events, [])).toHaveLength(2);
    expect(report(events, [verdict('6 cores short')])).toHaveLength(3);
    expect(world.workload.events[0]).toMatchObject({
      reason: 'NotTriggerScaleUp',
      regarding: { kind: 'Pod', namespace: 'default', name: 'web-1', uid: 'pod-1' },
    });
  });

  test('one pass tells a bounded number of pods; the rest follow', () => {
    const events = new ReportEvents(world.context());
    const many = Array.from({ length: 70 }, (_, index) => ({
      ...makePod(`web-${index}`).build(),
      uid: `pod-${index}`,
    }));
    const run = { ...verdict('no'), pods: many, to: many.length };
    expect(report(events, [run])).toHaveLength(50);
    expect(report(events, [run])).toHaveLength(70);
  });
});
