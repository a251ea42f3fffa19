// A whole session on the fakes and a scripted clock: what a full, a raised and a shared quota do to a pool that wants nodes,
// and what a refused credential does to one that has them.
import { afterEach, describe, expect, test } from 'vitest';
import type { Quota } from '../../../src/cluster/cluster-objects.ts';
import { PortError } from '../../../src/controllers/port-errors.ts';
import type { Cloud } from '../../../src/controllers/ports.ts';
import type { ClusterSession } from '../../../src/fleet/cluster-session.ts';
import { ProjectHolds } from '../../../src/openstack/quota-holds.ts';
import type { FakeCloud } from '../../fakes/fake-cloud.ts';
import { makePool } from '../../fakes/fake-objects.ts';
import { startSession } from '../../fakes/fake-session.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';
import { interruptPort } from '../../fakes/interrupt-port.ts';

let session: ClusterSession | undefined;

afterEach(async () => {
  const closing = session?.close();
  session = undefined;
  await closing;
});

const quota = (servers: number): Quota => ({ serversLeft: servers, coresLeft: undefined, memoryMiBLeft: undefined });

/** A pool that wants `nodes`, and the controller of its cluster. */
function start(nodes: number, cloudOf: (cloud: FakeCloud) => Cloud = (cloud) => cloud): FakeWorld {
  const world = new FakeWorld();
  world.workload.stores.nodePools.put(makePool('web', { flavor: 'b2-7', desiredNodes: nodes }));
  session = startSession(world, cloudOf(world.cloud));
  return world;
}

/** Seconds until it holds; at most `most`. */
async function secondsUntil(world: FakeWorld, holds: () => boolean, most = 600): Promise<number> {
  for (let seconds = 0; seconds <= most; seconds += 1) {
    if (holds()) return seconds;
    await world.clock.advanceAndSettle(1000);
    world.bootKubelets();
  }
  throw new Error(`not within ${most} s`);
}

describe('a quota that is raised', { timeout: 20_000 }, () => {
  test.for([0, 7, 13, 29, 31])('lets scale-up go on within 60 s, raised %i s after a reading', async (afterSeconds) => {
    const world = start(3);
    world.cloud.quota = quota(0);
    await world.clock.advanceAndSettle(120_000);
    expect(world.cloud.posts).toHaveLength(0);
    await world.clock.advanceAndSettle(afterSeconds * 1000);
    world.cloud.quota = quota(5);
    expect(await secondsUntil(world, () => world.cloud.posts.length === 3)).toBeLessThanOrEqual(60);
  });

  test('also when the limits had room and Nova said no', async () => {
    let full = true;
    const refuses = new PortError('quota', 'Quota exceeded for cores');
    const world = start(1, (cloud) =>
      interruptPort(cloud, 'cloud', ({ name, when }) =>
        full && name === 'cloud.createServer' && when === 'before' ? refuses : undefined,
      ),
    );
    await world.clock.advanceAndSettle(1000);
    full = false;
    expect(world.cloud.posts).toHaveLength(0);
    expect(await secondsUntil(world, () => world.cloud.posts.length === 1)).toBeLessThanOrEqual(60);
  });
});

test('another cluster of the project holds the last of it, and lets go', { timeout: 20_000 }, async () => {
  const project = new ProjectHolds({ monotonicMs: () => 0 });
  const other = project.open();
  const world = start(1, (cloud) => Object.defineProperty(cloud, 'quotaHolds', { value: project.open() }));
  other.set({ servers: 1, ports: 1, cores: 2, memoryMiB: 7000 });
  world.cloud.quota = quota(1);
  await world.clock.advanceAndSettle(60_000);
  expect(world.cloud.posts).toHaveLength(0);
  other.set({ servers: 0, ports: 0, cores: 0, memoryMiB: 0 });
  expect(await secondsUntil(world, () => world.cloud.posts.length === 1)).toBeLessThanOrEqual(20);
});

test('credentials that are refused delete nothing, say one thing, and are asked for a few times a minute', {
  timeout: 20_000,
}, async () => {
  let refused = false;
  let tries = 0;
  const wrong = new PortError('credentials', 'The request you have made requires authentication.');
  const world = start(5, (cloud) =>
    interruptPort(cloud, 'cloud', ({ when }) => {
      if (!refused || when === 'after') return undefined;
      tries += 1;
      return wrong;
    }),
  );
  const claims = () => world.management.stores.nodeClaims.list();
  await secondsUntil(world, () => claims().filter(({ status }) => status?.phase === 'Ready').length === 5);
  refused = true;
  // The pool is to shrink: reason enough to delete, if only the cloud could be asked.
  world.workload.stores.nodePools.put(makePool('web', { flavor: 'b2-7', desiredNodes: 3 }));
  await world.clock.advanceAndSettle(30 * 60_000);
  expect(world.cloud.deletedServers).toEqual([]);
  expect(world.cloud.deletedPorts).toEqual([]);
  const conditions = world.management.stores.workloadClusters.list().flatMap(({ status }) => status?.conditions ?? []);
  expect(conditions.filter(({ reason }) => reason === 'CredentialsInvalid').map(({ type }) => type)).toEqual([
    'CloudReachable',
    'Ready',
  ]);
  // Calls of the port: a refused login stands for a minute in the client, so most of them are answered without one.
  expect(tries / 30).toBeLessThanOrEqual(5);
});
