// The end of a WorkloadCluster: nodes deleted or kept, drained or not, and never by mistake.
import { describe, expect, test } from 'vitest';
import { PortError } from '../../../src/controllers/port-errors.ts';
import { formatProviderId } from '../../../src/api/names.ts';
import { makeNode, makePod, makePool, NAMESPACE } from '../../fakes/fake-objects.ts';
import { interruptPort } from '../../fakes/interrupt-port.ts';
import { FakeFleet, type Reach } from './fake-sessions.ts';

const down = new PortError('unavailable', 'connection refused');

/** One cluster with two Ready nodes, one of them with a pod, reached through a plane that can be cut. */
async function runningCluster() {
  const world = new FakeFleet();
  const reach = world.addCluster('a');
  const path = { cut: false };
  reach.wrapPlane = (plane) => interruptPort(plane, 'workload', () => (path.cut ? down : undefined));
  reach.plane.stores.nodePools.put(makePool('web', { desiredNodes: 2 }));
  world.fleet.start();
  await world.advance(20_000);
  joinNodes(reach);
  await world.advance(60_000);
  const [first] = world.management.stores.nodeClaims.list();
  if (first === undefined) throw new Error('no claim was made');
  reach.plane.stores.pods.put(makePod('web-1', { nodeName: first.metadata.name }));
  expect(world.management.stores.nodeClaims.list().map((claim) => claim.status?.phase)).toEqual(['Ready', 'Ready']);
  return { world, reach, path };
}

/** Every ACTIVE server without a Node joins. */
function joinNodes({ cloud, plane }: Reach): void {
  for (const server of cloud.serversLeft) {
    if (plane.stores.nodes.get(server.name) !== undefined) continue;
    plane.putNode(makeNode(server.name, { uid: `uid-of-${server.id}`, providerId: formatProviderId(server.id) }));
  }
}

const claimsLeft = (world: FakeFleet) => world.management.stores.nodeClaims.list().length;

describe('DeleteNodes', () => {
  test('drains, deletes servers and ports, lets go of pools, then of the object', async () => {
    const { world, reach } = await runningCluster();
    world.deleteCluster('a');
    await world.advance(120_000);
    expect(reach.plane.evictions).toEqual(['web-1']);
    expect(reach.cloud.serversLeft).toEqual([]);
    expect(reach.cloud.portsLeft).toEqual([]);
    expect(claimsLeft(world)).toBe(0);
    expect(reach.plane.stores.nodePools.get('web')?.metadata.finalizers).toEqual([]);
    expect(world.cluster('a')).toBeUndefined();
    expect(reach.plane.started).toBe(false);
    await world.fleet.close();
  });

  test('nothing new is created meanwhile', async () => {
    const { world, reach } = await runningCluster();
    const before = reach.cloud.posts.length;
    reach.plane.onEvict = () => ({ kind: 'blocked', message: 'budget', retryAfterMs: undefined });
    world.deleteCluster('a');
    await world.advance(60_000);
    reach.plane.stores.nodePools.put(makePool('web', { desiredNodes: 9 }));
    await world.advance(60_000);
    expect(reach.cloud.posts).toHaveLength(before);
    expect(world.cluster('a')).toBeDefined();
    await world.fleet.close();
  });

  test('waits while the API is away, and after ten minutes deletes undrained', async () => {
    const { world, reach, path } = await runningCluster();
    path.cut = true;
    reach.silent = true;
    world.deleteCluster('a');
    await world.advance(500_000);
    expect(reach.cloud.serversLeft).toHaveLength(2);
    expect(world.conditions('a')).toContain('ApiReachable False Unreachable');
    await world.advance(400_000);
    expect(reach.cloud.serversLeft).toEqual([]);
    expect(reach.plane.evictions).toEqual([]);
    expect(claimsLeft(world)).toBe(0);
    expect(world.cluster('a')).toBeUndefined();
    await world.fleet.close();
  });

  test('undrained, claims that were deleted by hand go too, and slow servers are waited for in one session', async () => {
    const { world, reach, path } = await runningCluster();
    const [first] = world.management.stores.nodeClaims.list();
    if (first === undefined) throw new Error('no claim');
    path.cut = true;
    reach.silent = true;
    reach.cloud.deleteMs = 200_000;
    world.deleteCluster('a');
    await world.management.deleteClaim(first);
    await world.advance(1_000_000);
    expect(reach.cloud.serversLeft).toEqual([]);
    expect(world.cluster('a')).toBeUndefined();
    const undrained = world.telemetry.entries.filter(
      (entry) => entry.name === 'session opened' && JSON.stringify(entry.value).includes('undrained'),
    );
    expect(undrained).toHaveLength(1);
    await world.fleet.close();
  });

  test('silence is counted anew after the API has answered', async () => {
    const { world, reach, path } = await runningCluster();
    reach.plane.onEvict = () => ({ kind: 'blocked', message: 'budget', retryAfterMs: undefined });
    reach.plane.stores.nodePools.put(makePool('web', { desiredNodes: 2 }));
    path.cut = true;
    world.deleteCluster('a');
    await world.advance(400_000);
    path.cut = false;
    await world.advance(150_000);
    expect(world.conditions('a')).toContain('ApiReachable True Connected');
    path.cut = true;
    await world.advance(300_000); // 850 s after the first silence began, 300 s after the second
    expect(reach.cloud.serversLeft.length).toBeGreaterThan(0);
    await world.fleet.close();
  });

  test('an API that comes back in time is drained', async () => {
    const { world, reach, path } = await runningCluster();
    path.cut = true;
    world.deleteCluster('a');
    await world.advance(300_000);
    path.cut = false;
    await world.advance(300_000);
    expect(reach.plane.evictions).toEqual(['web-1']);
    expect(world.cluster('a')).toBeUndefined();
    await world.fleet.close();
  });

  test('without credentials servers cannot be deleted: claims stay, and the condition says why', async () => {
    const { world, reach } = await runningCluster();
    world.management.secrets.delete(`${NAMESPACE}/a-cloud`);
    world.deleteCluster('a');
    await world.advance(900_000);
    expect(claimsLeft(world)).toBe(2);
    expect(reach.cloud.serversLeft).toHaveLength(2);
    expect(world.conditions('a')).toContain('CloudReachable False CredentialsInvalid');
    world.setSecret('a-cloud', 'clouds.yaml', 'again');
    await world.advance(300_000);
    expect(world.cluster('a')).toBeUndefined();
    expect(reach.cloud.serversLeft).toEqual([]);
    await world.fleet.close();
  });

  test('a cluster that never was reached and has no claims goes at once', async () => {
    const world = new FakeFleet();
    world.addCluster('a').planeError = new PortError('invalidSpec', 'exec is refused');
    world.fleet.start();
    await world.advance(5000);
    world.deleteCluster('a');
    await world.advance(5000);
    expect(world.cluster('a')).toBeUndefined();
    await world.fleet.close();
  });

  test('lets go of the pools also when OpenStack refuses and no node is left', async () => {
    const world = new FakeFleet();
    const reach = world.addCluster('a');
    const { metadata, spec } = makePool('web', { desiredNodes: 0 });
    const held = { ...metadata, finalizers: ['sluice.dev/nodepool'] };
    reach.plane.stores.nodePools.put({ metadata: held, spec });
    world.fleet.start();
    await world.advance(5000);
    reach.cloudError = new PortError('credentials', 'the project is gone');
    world.deleteCluster('a');
    await world.advance(60_000);
    expect(world.cluster('a')).toBeUndefined();
    expect(reach.plane.stores.nodePools.get('web')?.metadata.finalizers).toEqual([]);
    await world.fleet.close();
  });
});

describe('KeepNodes', () => {
  test('lets go of pools without a node as well', async () => {
    const world = new FakeFleet();
    const { plane } = world.addCluster('a');
    const { metadata, spec } = makePool('web', { desiredNodes: 0 });
    plane.stores.nodePools.put({ metadata: { ...metadata, finalizers: ['sluice.dev/nodepool'] }, spec });
    world.fleet.start();
    await world.advance(5000);
    world.deleteCluster('a', { onDelete: 'KeepNodes' });
    await world.advance(10_000);
    expect(world.cluster('a')).toBeUndefined();
    expect(plane.stores.nodePools.get('web')?.metadata.finalizers).toEqual([]);
    await world.fleet.close();
  });

  test('takes the finalizers off and touches neither nodes nor servers', async () => {
    const { world, reach } = await runningCluster();
    world.deleteCluster('a', { onDelete: 'KeepNodes' });
    await world.advance(10_000);
    expect(world.cluster('a')).toBeUndefined();
    expect(claimsLeft(world)).toBe(0);
    await world.advance(900_000);
    expect(reach.cloud.serversLeft).toHaveLength(2);
    expect(reach.cloud.deletedServers).toEqual([]);
    expect(reach.plane.stores.nodes.list()).toHaveLength(2);
    expect(reach.plane.evictions).toEqual([]);
    expect(reach.plane.stores.nodePools.get('web')?.metadata.finalizers).toEqual([]);
    await world.fleet.close();
  });
});

test('claims of another cluster in the same namespace are left alone', async () => {
  const { world } = await runningCluster();
  const other = world.addCluster('b');
  other.plane.stores.nodePools.put(makePool('web', { desiredNodes: 1 }));
  await world.advance(20_000);
  world.deleteCluster('a');
  await world.advance(200_000);
  expect(world.cluster('a')).toBeUndefined();
  const left = world.management.stores.nodeClaims.list();
  expect(left.map((claim) => claim.spec.clusterUid)).toEqual(['uid-b']);
  expect(left[0]?.metadata.deletionTimestamp).toBeUndefined();
  await world.fleet.close();
});
