// Sessions of many clusters: opened, reopened, closed; one cluster's trouble is its own.
import { describe, expect, test } from 'vitest';
import { PortError } from '../../../src/controllers/port-errors.ts';
import { makeClaim, makePool, NAMESPACE } from '../../fakes/fake-objects.ts';
import { interruptPort } from '../../fakes/interrupt-port.ts';
import { FakeFleet } from './fake-sessions.ts';

const HEALTHY = [
  'Valid True Accepted',
  'ApiReachable True Connected',
  'CloudReachable True Connected',
  'Ready True Healthy',
];

function claimsOf(world: FakeFleet, name: string) {
  return world.management.stores.nodeClaims.list().filter((claim) => claim.spec.clusterUid === `uid-${name}`);
}

describe('a session', () => {
  test('opens under its Lease, and the cluster is looked after', async () => {
    const world = new FakeFleet();
    const { plane, opened } = world.addCluster('a');
    plane.stores.nodePools.put(makePool('web', { desiredNodes: 2 }));
    world.fleet.start();
    await world.advance(5000);
    expect(opened).toEqual([{ kubeconfig: 'kubeconfig of a', cloudsYaml: ['clouds of a'] }]);
    expect(world.cluster('a')?.metadata.finalizers).toEqual(['sluice.dev/workloadcluster']);
    expect(world.lease('a').state().held).toBe(true);
    expect(claimsOf(world, 'a')).toHaveLength(2);
    expect(world.conditions('a')).toEqual(HEALTHY);
    await world.advance(20_000);
    expect(world.reaches.get(`${NAMESPACE}/a`)?.cloud.posts).toHaveLength(2); // the claims' queue does its part
    expect(world.cluster('a')?.status).toMatchObject({ kubernetesVersion: 'v1.35.0', claims: 2, leader: 'replica-a' });
    await world.fleet.close();
  });

  test.each<{ name: string; arrange: (world: FakeFleet) => void; want: readonly string[] }>([
    {
      name: 'the kubeconfig secret is missing',
      arrange: (world) => world.management.secrets.delete(`${NAMESPACE}/a-kubeconfig`),
      want: ['Valid True Accepted', 'ApiReachable False KubeconfigMissing', 'Ready False KubeconfigMissing'],
    },
    {
      name: 'the secret has another key',
      arrange: (world) => world.setSecret('a-kubeconfig', 'config', 'text'),
      want: ['Valid True Accepted', 'ApiReachable False KubeconfigMissing', 'Ready False KubeconfigMissing'],
    },
    {
      name: 'the kubeconfig is refused',
      arrange: (world) => (world.addCluster('a').planeError ??= new PortError('invalidSpec', 'exec is refused')),
      want: ['Valid True Accepted', 'ApiReachable False KubeconfigRefused', 'Ready False KubeconfigRefused'],
    },
    {
      name: 'the API server does not answer',
      arrange: (world) => (world.addCluster('a').planeError ??= new PortError('unavailable', 'connection refused')),
      want: ['Valid True Accepted', 'ApiReachable False Unreachable', 'Ready False Unreachable'],
    },
    {
      name: 'a right is missing',
      arrange: (world) => (world.addCluster('a').planeError ??= new PortError('forbidden', 'may not patch')),
      want: ['Valid True Accepted', 'ApiReachable False Forbidden', 'Ready False Forbidden'],
    },
    {
      name: 'the cloud credentials are wrong',
      arrange: (world) => (world.addCluster('a').cloudError ??= new PortError('credentials', '401')),
      want: [
        'Valid True Accepted',
        'ApiReachable True Connected',
        'CloudReachable False CredentialsInvalid',
        'Ready False CredentialsInvalid',
      ],
    },
    {
      name: 'the credentials are for another project',
      arrange: (world) => (world.addCluster('a').cloud.projectId = 'somebody-elses'),
      want: [
        'Valid True Accepted',
        'ApiReachable True Connected',
        'CloudReachable False ProjectMismatch',
        'Ready False ProjectMismatch',
      ],
    },
  ])('says why it cannot open: $name; and opens when that is mended', async ({ arrange, want }) => {
    const world = new FakeFleet();
    world.addCluster('a');
    arrange(world);
    world.fleet.start();
    await world.advance(5000);
    expect(world.conditions('a')).toEqual(want);
    const [told] = world.management.events;
    expect(told).toMatchObject({ type: 'Warning', regarding: { kind: 'WorkloadCluster', name: 'a' } });
    expect(want.at(-1)).toBe(`Ready False ${told?.reason}`);
    const mended = world.reaches.get(`${NAMESPACE}/a`);
    if (mended === undefined) throw new Error('no reach');
    world.setSecret('a-kubeconfig', 'kubeconfig', 'good');
    mended.planeError = undefined;
    mended.cloudError = undefined;
    mended.cloud.projectId = 'project-1';
    await world.advance(150_000);
    expect(world.conditions('a')).toEqual(HEALTHY);
    await world.fleet.close();
  });

  test('an invalid spec is named, closes the session and touches nothing', async () => {
    const world = new FakeFleet();
    const { plane } = world.addCluster('a');
    plane.stores.nodePools.put(makePool('web', { desiredNodes: 1 }));
    world.fleet.start();
    await world.advance(5000);
    const cluster = world.cluster('a');
    if (cluster === undefined) throw new Error('gone');
    const metadata = { ...cluster.metadata, generation: 2 };
    world.management.stores.workloadClusters.put({ ...cluster, metadata, spec: { ...cluster.spec, kubeconfig: {} } });
    await world.advance(1000);
    expect(world.conditions('a')[0]).toBe('Valid False InvalidSpec');
    expect(plane.started).toBe(false);
    expect(claimsOf(world, 'a')).toHaveLength(1);
    await world.fleet.close();
  });

  test('is reopened within a minute when a secret was rotated, and only then', async () => {
    const world = new FakeFleet();
    const { opened } = world.addCluster('a');
    world.fleet.start();
    await world.advance(200_000);
    expect(opened).toHaveLength(1);
    world.setSecret('a-kubeconfig', 'kubeconfig', 'rotated');
    await world.advance(61_000);
    expect(opened.map((opening) => opening.kubeconfig)).toEqual(['kubeconfig of a', 'rotated']);
    expect(world.conditions('a')).toEqual(HEALTHY);
    await world.fleet.close();
  });

  test('a refused login is tried once a minute while the secrets are the same', async () => {
    const world = new FakeFleet();
    const reach = world.addCluster('a');
    reach.cloudError = new PortError('credentials', '401');
    world.fleet.start();
    await world.advance(5000);
    expect(reach.opened).toHaveLength(1);
    await world.advance(600_000);
    expect(reach.opened).toHaveLength(11);
    await world.fleet.close();
  });

  test.each<{ name: string; mend: (world: FakeFleet) => void }>([
    { name: 'the secret', mend: (world) => world.setSecret('a-cloud', 'clouds.yaml', 'right') },
    {
      name: 'the spec',
      mend: (world) => {
        const cluster = world.cluster('a');
        if (cluster === undefined) throw new Error('gone');
        const metadata = { ...cluster.metadata, generation: 2 };
        world.management.stores.workloadClusters.put({ ...cluster, metadata });
      },
    },
  ])('opens within seconds once $name that was refused is mended', async ({ mend }) => {
    const world = new FakeFleet();
    const reach = world.addCluster('a');
    reach.cloudError = new PortError('credentials', '401');
    world.fleet.start();
    await world.advance(300_000);
    reach.cloudError = undefined;
    mend(world);
    await world.advance(10_000);
    expect(world.conditions('a')).toEqual(HEALTHY);
    await world.fleet.close();
  });

  test('is closed when the Lease is lost, writes nothing meanwhile, and opens again with it', async () => {
    const world = new FakeFleet();
    const { plane, opened } = world.addCluster('a');
    world.fleet.start();
    await world.advance(5000);
    world.lease('a').set({ held: false });
    await world.advance(100);
    expect(plane.started).toBe(false);
    plane.stores.nodePools.put(makePool('web', { desiredNodes: 3 }));
    await world.advance(120_000);
    expect(claimsOf(world, 'a')).toHaveLength(0);
    expect(plane.stores.nodePools.get('web')?.status).toBeUndefined();
    world.lease('a').set({ held: true, epoch: 2 });
    await world.advance(5000);
    expect(opened).toHaveLength(2);
    expect(claimsOf(world, 'a')).toHaveLength(3);
    await world.fleet.close();
  });

  test('says what it may not list: a right that is missing for one kind stops every decision', async () => {
    const world = new FakeFleet();
    const { plane } = world.addCluster('a');
    plane.stores.csiNodes.synced = false;
    Object.defineProperty(plane.stores.csiNodes, 'heardMs', {
      get: () => 0,
      set() {
        // silent, whatever the world says of the others
      },
    });
    world.fleet.start();
    await world.advance(200_000);
    const ready = world.cluster('a')?.status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'False', reason: 'Unreachable' });
    expect(ready?.message).toMatch(/csiNodes .*could not be listed.*rights/);
    await world.fleet.close();
  });

  test('goes on with claims of a later epoch than a Lease that was deleted would begin with', async () => {
    const world = new FakeFleet();
    world.addCluster('a');
    const claim = makeClaim('web-node-aaaaaa', { spec: { clusterUid: 'uid-a' }, status: { epoch: 41 } });
    world.management.stores.nodeClaims.put(claim);
    world.fleet.start();
    await world.advance(5000);
    expect(world.lease('a').state().epoch).toBe(42);
    await world.fleet.close();
  });

  test('is opened anew when the Lease was lost and won again before anybody looked', async () => {
    const world = new FakeFleet();
    const { plane, opened } = world.addCluster('a');
    world.fleet.start();
    await world.advance(5000);
    world.lease('a').set({ held: false });
    world.lease('a').set({ held: true, epoch: 2 });
    plane.stores.nodePools.put(makePool('web', { desiredNodes: 3 }));
    await world.advance(5000);
    expect(opened).toHaveLength(2);
    expect(claimsOf(world, 'a')).toHaveLength(3);
    await world.fleet.close();
  });
});

describe('many clusters', () => {
  test('one that cannot be reached and one that hangs delay no other', async () => {
    const world = new FakeFleet();
    const broken = world.addCluster('broken');
    broken.planeError = new PortError('unavailable', 'connection refused');
    world.addCluster('hanging').hangs = true;
    for (const name of ['x', 'y']) {
      world.addCluster(name).plane.stores.nodePools.put(makePool('web', { desiredNodes: 1 }));
    }
    world.fleet.start();
    await world.advance(5000);
    for (const name of ['x', 'y']) {
      expect(world.conditions(name)).toEqual(HEALTHY);
      expect(claimsOf(world, name)).toHaveLength(1);
    }
    expect(world.conditions('broken')).toContain('ApiReachable False Unreachable');
    expect(world.telemetry.last('sluice_clusters')).toBe(2);
    broken.planeError = undefined;
    await world.advance(130_000);
    expect(world.conditions('broken')).toEqual(HEALTHY);
    const closing = world.fleet.close();
    await world.advance(20_000);
    await closing;
  });

  test('a cluster object that is gone ends its session; nothing is deleted', async () => {
    const world = new FakeFleet();
    const { plane } = world.addCluster('a');
    plane.stores.nodePools.put(makePool('web', { desiredNodes: 1 }));
    world.fleet.start();
    await world.advance(5000);
    world.management.stores.workloadClusters.remove(`${NAMESPACE}/a`);
    await world.advance(1000);
    expect(plane.started).toBe(false);
    expect(claimsOf(world, 'a')[0]?.metadata.deletionTimestamp).toBeUndefined();
    expect(world.lease('a').state().held).toBe(false);
    await world.fleet.close();
  });

  test('a cluster of the same name with another uid gets a session of its own', async () => {
    const world = new FakeFleet();
    const { opened } = world.addCluster('a');
    world.fleet.start();
    await world.advance(5000);
    const cluster = world.cluster('a');
    if (cluster === undefined) throw new Error('gone');
    world.management.stores.workloadClusters.put({ ...cluster, metadata: { ...cluster.metadata, uid: 'uid-new' } });
    await world.advance(100);
    world.lease('a').set({ held: true });
    await world.advance(70_000);
    expect(opened).toHaveLength(2);
    await world.fleet.close();
  });
});

describe('health and close', () => {
  test('ready once the management stores are complete', async () => {
    const world = new FakeFleet();
    const { workloadClusters, nodeClaims } = world.management.stores;
    nodeClaims.synced = false;
    const { opened } = world.addCluster('a');
    world.fleet.start();
    await world.advance(5000);
    expect(world.fleet.health()).toMatchObject({ ready: false, live: true, detail: ['nodeclaims are not yet listed'] });
    expect(opened).toHaveLength(0);
    nodeClaims.synced = true;
    expect(workloadClusters.synced).toBe(true);
    await world.advance(1000);
    expect(world.fleet.health()).toEqual({ ready: true, live: true, detail: [] });
    expect(opened).toHaveLength(1);
    await world.fleet.close();
  });

  test('not live when a pass does not end', async () => {
    const world = new FakeFleet();
    const reach = world.addCluster('a');
    reach.cloud.listFlavors = () => new Promise(() => undefined);
    world.fleet.start();
    await world.advance(590_000);
    expect(world.fleet.health().live).toBe(true);
    await world.advance(20_000);
    expect(world.fleet.health()).toMatchObject({ live: false, detail: [expect.stringContaining('tenant-1/a')] });
    const closing = world.fleet.close();
    await world.advance(30_000);
    await expect(closing).resolves.toBeUndefined();
  });

  test('close gives every Lease up, ends every session and leaves no timer', async () => {
    const world = new FakeFleet();
    const planes = ['a', 'b'].map((name) => world.addCluster(name).plane);
    world.fleet.start();
    await world.advance(5000);
    await world.fleet.close();
    expect(planes.map((plane) => plane.started)).toEqual([false, false]);
    expect(['a', 'b'].map((name) => world.lease(name).state().held)).toEqual([false, false]);
    expect(world.clock.timersWaiting).toBe(0);
    await world.fleet.close();
  });

  test('no secret is told to anybody', async () => {
    const world = new FakeFleet();
    const reach = world.addCluster('a');
    world.setSecret('a-kubeconfig', 'kubeconfig', 's3cret-kubeconfig');
    world.setSecret('a-cloud', 'clouds.yaml', 's3cret-clouds');
    reach.wrapPlane = (plane) =>
      interruptPort(plane, 'workload', ({ name }) =>
        name === 'workload.ensureNodePoolDefinition' ? new PortError('forbidden', 'may not patch') : undefined,
      );
    world.fleet.start();
    await world.advance(65_000);
    const told = JSON.stringify([world.telemetry.entries, world.management.events, world.cluster('a')?.status]);
    expect(told).toContain('Forbidden');
    expect(told).not.toContain('s3cret');
    await world.fleet.close();
  });
});
