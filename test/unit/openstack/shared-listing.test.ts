// Many questions, one listing: how many requests it takes, and that no answer is older than its question allows.
import { describe, expect, test } from 'vitest';
import { OpenStackError } from '../../../src/openstack/client/openstack-error.ts';
import { type ListingMember, SharedListing } from '../../../src/openstack/shared-listing.ts';
import { ManualClock } from './scripted-cloud.ts';

const PER_PAGE = 10;

/** A project of things with a name, listed or asked for one by one; counts both. */
class World {
  readonly clock = new ManualClock();
  readonly listing = new SharedListing<string>({ clock: this.clock, itemsPerPage: PER_PAGE });
  things: string[] = [];
  listed = { full: 0, changes: 0 };
  asked = 0;
  /** Listings wait for it. */
  gate: Promise<unknown> = Promise.resolve();
  error: Error | undefined;

  member(load = 0): ListingMember<string> & { readonly end: () => void; readonly led: () => number } {
    const abort = new AbortController();
    let led = 0;
    return {
      signal: abort.signal,
      load: () => load,
      led: () => led,
      end: () => abort.abort(),
      list: async (full) => {
        led += 1;
        this.listed[full ? 'full' : 'changes'] += 1;
        const seen = [...this.things];
        await this.gate;
        if (abort.signal.aborted) throw new OpenStackError('lost', 'the session ended');
        if (this.error !== undefined) throw this.error;
        return full ? seen : seen.slice(0, PER_PAGE);
      },
    };
  }

  exists(member: ListingMember<string>, name: string, how: { full?: boolean; shares?: boolean } = {}) {
    return this.listing.ask({
      member,
      full: how.full ?? false,
      shares: how.shares ?? false,
      alone: async () => {
        this.asked += 1;
        return this.things.includes(name);
      },
      pick: ({ items, full }) => (items.includes(name) ? true : full ? false : undefined),
    });
  }
}

function settle(): Promise<void> {
  return new Promise((done) => {
    setImmediate(done);
  });
}

test('300 who wait are answered by one listing; what it does not show is asked by itself', async () => {
  const world = new World();
  world.things = ['a', 'b', 'c'];
  const member = world.member();
  const names = Array.from({ length: 300 }, (_, n) => ['a', 'b', 'c'][n % 3] ?? '');
  const answers = await Promise.all([...names, 'gone'].map((name) => world.exists(member, name)));
  expect(answers.filter(Boolean)).toHaveLength(300);
  expect(answers.at(-1)).toBe(false);
  expect(world.listed).toEqual({ full: 0, changes: 1 });
  expect(world.asked).toBe(1);
});

test('one who asks alone costs one request, unless others profit', async () => {
  const world = new World();
  world.things = ['a'];
  const member = world.member();
  await world.exists(member, 'a');
  expect([world.asked, world.listed.changes]).toEqual([1, 0]);
  await world.exists(member, 'a', { shares: true });
  expect([world.asked, world.listed.changes]).toEqual([1, 1]);
});

test('a listing with more pages than there are questions is not taken', async () => {
  const world = new World();
  world.things = Array.from({ length: PER_PAGE * 4 }, (_, n) => `thing ${n}`);
  const member = world.member();
  await world.listing.full(member, 0);
  expect(world.listing.pages()).toBe(4);
  await Promise.all(
    ['thing 1', 'thing 2', 'thing 3', 'thing 4'].map((name) => world.exists(member, name, { full: true })),
  );
  expect([world.asked, world.listed.full]).toEqual([4, 1]);
  const five = ['thing 1', 'thing 2', 'thing 3', 'thing 4', 'no thing'];
  const answers = await Promise.all(five.map((name) => world.exists(member, name, { full: true })));
  expect(answers).toEqual([true, true, true, true, false]);
  expect([world.asked, world.listed.full]).toEqual([4, 2]);
});

test('who asks while a listing is under way is answered by the next one: it may have begun before what he did', async () => {
  const world = new World();
  const member = world.member();
  let open = (): void => undefined;
  world.gate = new Promise<void>((done) => (open = done));
  const before = world.exists(member, 'new', { full: true, shares: true });
  await settle();
  world.things.push('new');
  const after = world.exists(member, 'new', { full: true, shares: true });
  open();
  expect(await before).toBe(false);
  expect(await after).toBe(true);
  expect(world.listed.full).toBe(2);
});

test('a listing that hangs holds nobody up for long, and an old answer does not replace a newer one', async () => {
  const world = new World();
  const member = world.member();
  world.things = ['a'];
  let open = (): void => undefined;
  world.gate = new Promise<void>((done) => (open = done));
  const hanging = world.exists(member, 'a', { full: true, shares: true });
  await settle();
  world.gate = Promise.resolve();
  world.things = ['b'];
  const next = world.exists(member, 'b', { full: true, shares: true });
  world.clock.advance(4900);
  await settle();
  expect(world.listed.full).toBe(1);
  world.clock.advance(100);
  expect(await next).toBe(true);
  open();
  expect(await hanging).toBe(true);
  expect(world.listing.recentFull(60_000)?.items).toEqual(['b']);
});

describe('an age that is allowed', () => {
  test('one listing serves all who come within it, and none from before it', async () => {
    const world = new World();
    const members = Array.from({ length: 20 }, () => world.member());
    for (const member of members) {
      await world.listing.full(member, 45_000);
      world.clock.advance(2000);
    }
    expect(world.listed.full).toBe(1);
    world.clock.advance(5000);
    await world.listing.full(world.member(), 45_000);
    expect(world.listed.full).toBe(2);
    await world.listing.full(world.member(), 0);
    expect(world.listed.full).toBe(3);
    expect(world.listing.recent(1000)).toBeDefined();
    world.clock.advance(1000);
    expect(world.listing.recent(1000)).toBeUndefined();
  });

  test('a listing under way is waited for', async () => {
    const world = new World();
    await Promise.all([1, 2, 3].map(() => world.listing.full(world.member(), 45_000)));
    world.clock.advance(60_000);
    const first = world.listing.full(world.member(), 45_000);
    await settle();
    await Promise.all([first, world.listing.full(world.member(), 45_000)]);
    expect(world.listed.full).toBe(2);
  });
});

describe('sessions', () => {
  test('a listing goes through the one that has the least to do', async () => {
    const world = new World();
    const [noisy, quiet] = [world.member(500), world.member(0)];
    const all = [noisy, noisy, quiet, noisy].map((member) => world.exists(member, 'x', { shares: true }));
    await Promise.all(all);
    expect([noisy.led(), quiet.led()]).toEqual([0, 1]);
  });

  test('one that ends takes its own questions with it, not those of others', async () => {
    const world = new World();
    world.things = ['a'];
    let open = (): void => undefined;
    world.gate = new Promise<void>((done) => (open = done));
    const [ending, staying] = [world.member(0), world.member(1)];
    const lost = world.exists(ending, 'a', { shares: true });
    const kept = world.exists(staying, 'a', { shares: true });
    await settle();
    ending.end();
    open();
    await expect(lost).rejects.toThrow('the session ended');
    expect(await kept).toBe(true);
    expect(staying.led()).toBe(1);
    await expect(world.exists(ending, 'a')).rejects.toThrow('not sent');
  });

  test('a listing that fails fails all who were to be answered by it, and the next one is tried anew', async () => {
    const world = new World();
    const member = world.member();
    world.error = new OpenStackError('lost', 'no answer');
    const all = await Promise.allSettled(['a', 'b'].map((name) => world.exists(member, name)));
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    world.error = undefined;
    world.things = ['a'];
    expect(await world.exists(member, 'a', { shares: true })).toBe(true);
  });
});
