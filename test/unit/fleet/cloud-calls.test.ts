// What a whole session asks the cloud when nothing happens: counted over ten scripted minutes, with few and with many pools.
import { expect, test } from 'vitest';
import { makePool } from '../../fakes/fake-objects.ts';
import { startSession } from '../../fakes/fake-session.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';
import { interruptPort } from '../../fakes/interrupt-port.ts';

const NODES = 20;
const MINUTES = 10;

/** Calls per minute by operation, once all nodes of so many pools are Ready. */
async function callsPerMinute(pools: number): Promise<ReadonlyMap<string, number>> {
  const world = new FakeWorld();
  const calls = new Map<string, number>();
  for (let n = 0; n < pools; n += 1) {
    const pool = makePool(`pool-${n}`, { desiredNodes: NODES / pools });
    world.workload.stores.nodePools.put({ ...pool, metadata: { ...pool.metadata, uid: `uid-of-pool-${n}` } });
  }
  const cloud = interruptPort(world.cloud, 'cloud', ({ name, when }) => {
    if (when === 'before') calls.set(name, (calls.get(name) ?? 0) + 1);
    return undefined;
  });
  const session = startSession(world, cloud);
  const ready = () =>
    world.management.stores.nodeClaims.list().filter(({ status }) => status?.phase === 'Ready').length;
  for (let seconds = 0; seconds < 300 && ready() < NODES; seconds += 1) {
    await world.clock.advanceAndSettle(1000);
    world.bootKubelets();
  }
  expect(ready()).toBe(NODES);
  await world.clock.advanceAndSettle(120_000);
  calls.clear();
  await world.clock.advanceAndSettle(MINUTES * 60_000);
  const closing = session.close();
  await world.clock.advanceAndSettle(20_000);
  await closing;
  return new Map([...calls].map(([name, count]) => [name, count / MINUTES]));
}

test('the number of pools makes no difference, and each list is taken once a minute', { timeout: 30_000 }, async () => {
  const one = await callsPerMinute(1);
  const many = await callsPerMinute(20);
  const lists = ['cloud.listServers', 'cloud.listPorts', 'cloud.findServers', 'cloud.findPorts', 'cloud.getServer'];
  const of = (calls: ReadonlyMap<string, number>) => lists.map((name) => calls.get(name) ?? 0);
  expect(of(many)).toEqual(of(one));
  // Servers twice, by the sweep and by the second source of the guard: of an age that one listing serves both.
  expect(one.get('cloud.listServers')).toBeLessThanOrEqual(2.1);
  expect(one.get('cloud.listPorts')).toBeLessThanOrEqual(1.1);
  expect(many.get('cloud.readQuota')).toBe(one.get('cloud.readQuota'));
  expect(one.get('cloud.readQuota')).toBeLessThanOrEqual(2.1);
});
