// Cached facts of the cloud: how old they get, what a failure does to them, and what quota counts.
import { describe, expect, test, vi } from 'vitest';
import { CachedFact } from '../../../src/controllers/cached-fact.ts';
import { CloudFacts } from '../../../src/controllers/cloud-facts.ts';
import { PortError } from '../../../src/controllers/port-errors.ts';
import { FakeClock, FakeRandom, settle } from '../../fakes/fake-clock.ts';
import { makeClaim, makeCluster, NAMESPACE } from '../../fakes/fake-objects.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';
import { interruptPort } from '../../fakes/interrupt-port.ts';

const down = new PortError('unavailable', 'down');

function makeFact() {
  const clock = new FakeClock();
  const state = { reads: 0, error: undefined as Error | undefined };
  const fact = new CachedFact({
    name: 'quota',
    clock,
    random: new FakeRandom(),
    intervalMs: 60_000,
    ageMaxMs: 600_000,
    load: async () => {
      state.reads += 1;
      if (state.error !== undefined) throw state.error;
      return state.reads;
    },
  });
  return { clock, fact, state };
}

describe('CachedFact', () => {
  test('is read anew after its interval only, beside the reader', async () => {
    const { clock, fact, state } = makeFact();
    expect(await fact.read()).toBe(1);
    clock.advance(59_999);
    expect(await fact.read()).toBe(1);
    expect(state.reads).toBe(1);
    clock.advance(1);
    expect(await fact.read()).toBe(1); // does not wait for the refresh that it starts
    await settle();
    expect(await fact.read()).toBe(2);
    expect(state.reads).toBe(2);
  });

  test('an old value bridges a failure until it is too old, then it is the fault', async () => {
    const { clock, fact, state } = makeFact();
    await fact.read();
    state.error = down;
    clock.advance(300_000);
    expect(await fact.read()).toBe(1);
    await settle();
    expect(await fact.read()).toBe(1);
    expect(fact.fault()).toBe(down);
    clock.advance(300_001);
    await expect(fact.read()).rejects.toBe(down);
    state.error = undefined;
    clock.advance(60_000);
    expect(await fact.read()).toBeGreaterThan(1);
    expect(fact.fault()).toBeUndefined();
  });

  test('a failure is not repeated at each reading', async () => {
    const { clock, fact, state } = makeFact();
    state.error = down;
    for (let times = 0; times < 20; times++) {
      await expect(fact.read()).rejects.toBe(down);
      clock.advance(100);
    }
    expect(state.reads).toBeLessThan(6);
  });

  test('when the world moved the reader waits for the new value, no sooner than the gap', async () => {
    const { clock, fact } = makeFact();
    await fact.read();
    fact.stale(1000);
    clock.advance(999);
    fact.stale(1000);
    expect(await fact.read()).toBe(1);
    clock.advance(1);
    fact.stale(1000);
    expect(await fact.read()).toBe(2);
  });

  test('a refresh of what was forgotten meanwhile brings nothing', async () => {
    const ends: ((value: string) => void)[] = [];
    const fact = new CachedFact<string>({
      name: 'targets',
      clock: new FakeClock(),
      random: new FakeRandom(),
      intervalMs: 60_000,
      ageMaxMs: 600_000,
      load: () => new Promise((resolve) => ends.push(resolve)),
    });
    const first = fact.read();
    fact.forget();
    const second = fact.read();
    ends[0]?.('old network');
    ends[1]?.('new network');
    expect(await second).toBe('new network');
    expect(await first).toBe('new network');
  });

  test('a programmer error reaches the reader and is not kept as a fault', async () => {
    const { fact, state } = makeFact();
    state.error = new TypeError('bug');
    await expect(fact.read()).rejects.toBe(state.error);
    expect(fact.fault()).toBeUndefined();
  });
});

describe('CloudFacts', () => {
  const serving = (uid: string) =>
    makeClaim(`node-${uid}`, { status: { serverId: `server-${uid}` }, metadata: { uid } });

  test('quota is read anew when servers came or went', async () => {
    const world = new FakeWorld();
    const facts = new CloudFacts(world.context());
    world.cloud.quota = { serversLeft: 10, coresLeft: 40, memoryMiBLeft: undefined };
    expect((await facts.read([])).quota.serversLeft).toBe(10);
    world.clock.advance(2000);
    world.cloud.quota = { serversLeft: 9, coresLeft: 38, memoryMiBLeft: undefined };
    expect((await facts.read([serving('a')])).quota.serversLeft).toBe(9); // by our own count
    world.cloud.quota = { serversLeft: 5, coresLeft: 30, memoryMiBLeft: undefined };
    world.clock.advance(7000);
    expect((await facts.read([serving('a')])).quota.serversLeft).toBe(9);
    world.clock.advance(2000);
    expect((await facts.read([serving('a')])).quota.serversLeft).toBe(5);
    world.clock.advance(2000);
    world.cloud.quota = { serversLeft: 10, coresLeft: 40, memoryMiBLeft: undefined };
    expect((await facts.read([])).quota.serversLeft).toBe(10);
  });

  test('while servers come up one after the other quota is read a few times, not once for each', async () => {
    const world = new FakeWorld();
    const facts = new CloudFacts(world.context());
    world.cloud.quota = { serversLeft: 50, coresLeft: 200, memoryMiBLeft: undefined };
    const readQuota = vi.spyOn(world.cloud, 'readQuota');
    const claims = Array.from({ length: 50 }, (_, index) => serving(`${index}`));
    for (const index of claims.keys()) {
      await facts.read(claims.slice(0, index));
      world.clock.advance(1000);
    }
    expect(readQuota.mock.calls.length).toBeLessThanOrEqual(6);
  });

  test('servers that came after the reading are counted against it until the next', async () => {
    const world = new FakeWorld();
    const facts = new CloudFacts(world.context());
    world.cloud.quota = { serversLeft: 10, coresLeft: 40, memoryMiBLeft: 70_000 };
    await facts.read([]);
    world.clock.advance(10);
    const { quota } = await facts.read([serving('a'), serving('b')]);
    expect(quota).toEqual({ serversLeft: 8, coresLeft: 36, memoryMiBLeft: 56_000 });
  });

  test('credentials of another project are a fault, not a quota', async () => {
    const world = new FakeWorld();
    world.cloud.projectId = 'somebody-elses';
    await expect(new CloudFacts(world.context()).read([])).rejects.toMatchObject({ code: 'credentials' });
  });

  test('an edited spec.openstack is resolved anew', async () => {
    const world = new FakeWorld();
    const facts = new CloudFacts(world.context());
    await facts.read([]);
    world.cloud.targets = { ...world.cloud.targets, networkId: 'network-2' };
    expect((await facts.read([])).targets.networkId).toBe('network-1');
    const { openstack } = world.cluster.spec;
    world.cluster = makeCluster({ openstack: { ...openstack, network: 'other' } });
    expect((await facts.read([])).targets.networkId).toBe('network-2');
  });

  test.each<{
    name: string;
    data: ReadonlyMap<string, string> | undefined;
    want: unknown;
    problem: RegExp | undefined;
  }>([
    { name: 'a list', data: new Map([['b2-7', '0.07']]), want: new Map([['b2-7', 0.07]]), problem: undefined },
    { name: 'missing', data: undefined, want: undefined, problem: /'prices' .*does not exist/ },
    { name: 'not a number', data: new Map([['b2-7', 'cheap']]), want: undefined, problem: /'b2-7' is not a number/ },
  ])('prices: $name', async ({ data, want, problem }) => {
    const world = new FakeWorld(makeCluster({ pricesRef: { name: 'prices' } }));
    if (data !== undefined) world.management.configMaps.set(`${NAMESPACE}/prices`, data);
    const reading = await new CloudFacts(world.context()).read([]);
    expect(reading.prices).toEqual(want);
    if (problem === undefined) expect(reading.faults).toEqual([]);
    else expect(reading.faults.map((fault) => fault.message).join()).toMatch(problem);
  });

  test('names that do not resolve leave no image to create from, and are a fault', async () => {
    const world = new FakeWorld();
    const wrong = new PortError('invalidSpec', "spec.openstack.network: no network 'privat'");
    const context = world.context({
      wrap: {
        cloud: (cloud) =>
          interruptPort(cloud, 'cloud', ({ name }) => (name === 'cloud.resolveTargets' ? wrong : undefined)),
      },
    });
    const reading = await new CloudFacts(context).read([]);
    expect(reading.targets.images).toEqual([]);
    expect(reading.faults).toEqual([wrong]);
  });

  test('no server list is no answer, not an empty one', async () => {
    const world = new FakeWorld();
    const context = world.context({
      wrap: {
        cloud: (cloud) =>
          interruptPort(cloud, 'cloud', ({ name }) => (name === 'cloud.listServers' ? down : undefined)),
      },
    });
    expect(await new CloudFacts(context).servers()).toBeUndefined();
    expect((await new CloudFacts(world.context()).servers())?.ids).toEqual(new Set());
  });
});
