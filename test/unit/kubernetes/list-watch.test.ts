import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ListWatch } from '../../../src/kubernetes/list-watch.ts';
import { WatchedStore } from '../../../src/kubernetes/object-store.ts';
import { Transport } from '../../../src/kubernetes/transport.ts';
import { FakeClock, FakeRandom, settle } from '../../fakes/fake-clock.ts';
import { FakeTelemetry } from '../../fakes/fake-telemetry.ts';
import { type ScriptedRequest, ScriptedServer } from './scripted-server.ts';

interface Thing {
  readonly name: string;
  readonly size: number;
}

const PATH = '/api/v1/things';
const LABELS = { cluster: 't1/prod', resource: 'things' };
/** More than any backoff, less than the idle timeout of a watch. */
const BACKOFF_MS = 40_000;

let server: ScriptedServer;
let clock: FakeClock;
let telemetry: FakeTelemetry;
let transport: Transport;
let store: WatchedStore<Thing>;
let watch: ListWatch<Thing>;

beforeEach(async () => {
  server = await ScriptedServer.start();
  clock = new FakeClock();
  telemetry = new FakeTelemetry();
  transport = new Transport({ server: server.url }, clock);
  store = new WatchedStore<Thing>('things');
  watch = new ListWatch({
    transport,
    path: PATH,
    labels: LABELS,
    parse: parseThing,
    part: store.openPart(clock.monotonicMs()),
    clock,
    random: new FakeRandom(),
    telemetry,
  });
  watch.start();
});
afterEach(async () => {
  await Promise.all([watch.close(), transport.close()]);
  await server.close();
  expect(clock.timersWaiting).toBe(0);
});

function parseThing(raw: unknown): Thing {
  const { metadata, size } = raw as { metadata: { name: string }; size: number };
  if (typeof size !== 'number') throw new Error('size must be a number');
  return { name: metadata.name, size };
}

function thing(name: string, resourceVersion: number, size: unknown = 1): object {
  return { metadata: { name, resourceVersion: String(resourceVersion) }, size };
}

const added = (name: string, version: number, size?: unknown) => ({
  type: 'ADDED',
  object: thing(name, version, size),
});
const modified = (name: string, version: number, size: unknown) => ({
  type: 'MODIFIED',
  object: thing(name, version, size),
});
const deleted = (name: string, version: number) => ({ type: 'DELETED', object: thing(name, version) });
const bookmark = (version: number) => ({
  type: 'BOOKMARK',
  object: { metadata: { resourceVersion: String(version) } },
});
const initialEnd = (version: number) => ({
  type: 'BOOKMARK',
  object: {
    metadata: { resourceVersion: String(version), annotations: { 'k8s.io/initial-events-end': 'true' } },
  },
});
const expired = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } };

function page(items: readonly object[], version: number, continueToken = ''): object {
  return { kind: 'ThingList', metadata: { resourceVersion: String(version), continue: continueToken }, items };
}

const standing = () =>
  store
    .list()
    .map(({ name, size }) => `${name}=${size}`)
    .sort();

/** Resolves when the list-watch has said so often that it was interrupted; its backoff timer is set then. */
async function interrupted(times: number): Promise<void> {
  const seen = () => telemetry.entries.filter((entry) => entry.name === 'list-watch interrupted').length;
  while (seen() < times) await settle();
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settle();
}

/** The next request, after the backoff that precedes it. */
async function afterBackoff(failures: number): Promise<ScriptedRequest> {
  await interrupted(failures);
  await settle();
  clock.advance(BACKOFF_MS);
  return await server.next();
}

/** Takes the list-watch to where it watches `things` from `version`. */
async function watching(things: readonly object[], version: number): Promise<ScriptedRequest> {
  const request = await server.next();
  request.stream(...things, initialEnd(version));
  await until(() => store.synced);
  return request;
}

describe('WatchList', () => {
  test('asks for initial events, and nothing is seen before they are complete', async () => {
    const request = await server.next();
    expect(request.path).toBe(PATH);
    expect(Object.fromEntries(request.query)).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      timeoutSeconds: '450',
    });
    request.stream(added('a', 1), added('b', 2));
    await settle();
    expect([store.synced, store.list()]).toEqual([false, []]);
    request.send(initialEnd(5));
    await until(() => store.synced);
    expect(standing()).toEqual(['a=1', 'b=1']);
    expect(telemetry.total('sluice_watch_relists_total', { ...LABELS, reason: 'first' })).toBe(1);
  });

  test('events that follow the end mark in the same chunk count', async () => {
    (await server.next()).stream(added('a', 1), initialEnd(5), modified('a', 6, 2), deleted('b', 7));
    await until(() => store.version === 2);
    expect(standing()).toEqual(['a=2']);
  });

  test.each([400, 422])('a server that refuses it with %i is listed in pages', async (status) => {
    (await server.next()).json(status, { kind: 'Status', message: 'sendInitialEvents is forbidden' });
    const list = await afterBackoff(1);
    expect(list.query.get('limit')).toBe('500');
    list.json(200, page([thing('a', 1)], 9));
    const resumed = await server.next();
    expect(resumed.query.get('resourceVersion')).toBe('9');
    expect(resumed.query.has('sendInitialEvents')).toBe(false);
    expect(standing()).toEqual(['a=1']);
  });

  test('a server that takes no notice of it never ends the initial events: pages', async () => {
    const mute = await server.next();
    mute.stream();
    await settle();
    clock.advance(1);
    mute.send(added('a', 1));
    await until(() => store.heardMs === 1);
    await settle();
    clock.advance(15_000);
    expect((await afterBackoff(1)).query.get('limit')).toBe('500');
    await mute.gone();
  });

  test('a line that is too long for a stream may fit a page', async () => {
    const request = await server.next();
    request.stream();
    for (let megabytes = 0; megabytes < 17; megabytes += 1) request.raw('x'.repeat(1024 * 1024));
    expect((await afterBackoff(1)).query.get('limit')).toBe('500');
  });
});

describe('pages', () => {
  async function firstPage(): Promise<ScriptedRequest> {
    (await server.next()).json(422, {});
    return await afterBackoff(1);
  }

  test('are joined, and the store is swapped once', async () => {
    const first = await firstPage();
    first.json(200, page([thing('a', 1), thing('b', 2)], 9, 'next'));
    const second = await server.next();
    expect(second.query.get('continue')).toBe('next');
    expect(store.synced).toBe(false);
    second.json(200, page([thing('c', 3)], 9));
    await server.next();
    expect(standing()).toEqual(['a=1', 'b=1', 'c=1']);
    expect(store.version).toBe(1);
  });

  test('an expired continue token begins the list again', async () => {
    (await firstPage()).json(200, page([thing('a', 1)], 9, 'next'));
    (await server.next()).json(410, { kind: 'Status', reason: 'Expired' });
    const again = await afterBackoff(2);
    expect(again.query.has('continue')).toBe(false);
    again.json(200, page([thing('b', 1)], 12));
    await server.next();
    expect(standing()).toEqual(['b=1']);
  });

  test('a failed page is asked for again, the ones before it are kept', async () => {
    (await firstPage()).json(200, page([thing('a', 1)], 9, 'next'));
    (await server.next()).json(503, {});
    const again = await afterBackoff(2);
    expect(again.query.get('continue')).toBe('next');
    again.json(200, page([thing('b', 1)], 9));
    await server.next();
    expect(standing()).toEqual(['a=1', 'b=1']);
  });

  test.each<[string, unknown]>([
    ['an error body', { kind: 'Status', code: 500 }],
    ['no items', { kind: 'ThingList', metadata: { resourceVersion: '1' }, items: 'none' }],
    ['no version', { kind: 'ThingList', metadata: {}, items: [] }],
    ['nothing', undefined],
  ])('%s under status 200 is not an empty list', async (_name, body) => {
    (await firstPage()).json(200, body ?? null);
    const again = await afterBackoff(2);
    expect(store.synced).toBe(false);
    again.json(200, page([], 3));
    await until(() => store.synced);
  });

  test('a page that is too big is asked for in smaller pieces', async () => {
    const first = await firstPage();
    first.stream();
    for (let megabytes = 0; megabytes < 66; megabytes += 1) first.raw(Buffer.alloc(1024 * 1024, 0x20));
    const smaller = await afterBackoff(2);
    expect(smaller.query.get('limit')).toBe('50');
  });
});

describe('watching', () => {
  test('applies events of one chunk together and tells their keys', async () => {
    const request = await watching([added('a', 1)], 5);
    const told: (readonly string[] | undefined)[] = [];
    store.subscribe((keys) => told.push(keys));
    const before = store.list();
    request.send(added('b', 6, 2), modified('a', 7, 3), deleted('b', 8));
    await until(() => told.length === 1);
    expect(told).toEqual([['b', 'a', 'b']]);
    expect(standing()).toEqual(['a=3']);
    expect(before).toEqual([{ name: 'a', size: 1 }]);
    expect(telemetry.total('sluice_watch_events_total', LABELS)).toBe(3);
  });

  test('goes on from the last bookmark at once when the server ends the watch in good order', async () => {
    const request = await watching([added('a', 1)], 5);
    request.send(bookmark(77));
    await settle();
    clock.advance(60_000);
    request.end();
    const resumed = await server.next();
    expect(resumed.query.get('resourceVersion')).toBe('77');
    expect(telemetry.total('sluice_watch_relists_total')).toBe(1);
  });

  test('goes on from the last whole event when the stream breaks in the middle of one', async () => {
    const request = await watching([], 5);
    request.send(added('a', 6));
    request.raw('{"type":"ADDED","object":{"metadata":{"name":"half","resour');
    await until(() => store.list().length === 1);
    request.destroy();
    const resumed = await afterBackoff(1);
    expect(resumed.query.get('resourceVersion')).toBe('6');
    resumed.stream(added('b', 7));
    await until(() => store.list().length === 2);
    expect(standing()).toEqual(['a=1', 'b=1']);
  });

  test.each<[string, (request: ScriptedRequest) => Promise<void>]>([
    [
      'as an event',
      async (request) => {
        request.send(added('late', 6), expired);
        await Promise.resolve();
      },
    ],
    [
      'as an answer',
      async (request) => {
        request.destroy();
        (await afterBackoff(1)).json(410, { kind: 'Status', code: 410 });
        await interrupted(2);
      },
    ],
  ])('an expired version, %s, leads to a new list in one swap', async (_name, expire) => {
    const request = await watching([added('a', 1), added('b', 2)], 5);
    await expire(request);
    const relist = await afterBackoff(1);
    expect(relist.query.get('sendInitialEvents')).toBe('true');
    expect(store.synced).toBe(true);
    expect(store.get('a')).toBeDefined();
    relist.stream(added('b', 2), added('c', 8), initialEnd(9));
    await until(() => store.get('c') !== undefined);
    expect(standing()).toEqual(['b=1', 'c=1']);
    expect(telemetry.total('sluice_watch_relists_total', { reason: 'expired' })).toBe(1);
  });

  test('a server that calls every version expired is listed every 10 s at most', async () => {
    (await watching([], 5)).send(expired);
    await interrupted(1);
    await settle();
    clock.advance(9_999);
    await settle();
    expect(server.count).toBe(1);
    clock.advance(1);
    expect((await server.next()).query.get('sendInitialEvents')).toBe('true');
  });

  test('an expired version of a watch that ran for long is listed within a second', async () => {
    const request = await watching([], 5);
    clock.advance(100_000);
    request.send(expired);
    await interrupted(1);
    await settle();
    clock.advance(1_000);
    expect((await server.next()).query.get('sendInitialEvents')).toBe('true');
  });

  test('a silent watch is given up when two bookmarks are missing, and heardMs says since when', async () => {
    const request = await watching([], 5);
    clock.advance(20_000);
    request.send(bookmark(6));
    await until(() => store.heardMs === 20_000);
    await settle();
    clock.advance(129_999);
    await settle();
    expect(telemetry.entries.some((entry) => entry.name === 'list-watch interrupted')).toBe(false);
    clock.advance(1);
    const resumed = await afterBackoff(1);
    expect(resumed.query.get('resourceVersion')).toBe('6');
    await request.gone();
    expect(store.heardMs).toBe(20_000);
  });

  test('a server that ends every watch at once is not asked in a spin', async () => {
    (await watching([], 5)).end();
    await interrupted(1);
    await settle();
    expect(server.count).toBe(1);
    (await afterBackoff(1)).stream().end();
    await interrupted(2);
    await settle();
    expect(server.count).toBe(2);
  });

  test('a version that never works again is left for a new list', async () => {
    (await watching([added('a', 1)], 5)).destroy();
    for (let failures = 1; failures <= 5; failures += 1) {
      const resumed = await afterBackoff(failures);
      expect(resumed.query.get('resourceVersion')).toBe('5');
      resumed.json(504, { kind: 'Status' });
    }
    const relist = await afterBackoff(6);
    expect(relist.query.get('sendInitialEvents')).toBe('true');
    relist.stream(initialEnd(2));
    await until(() => store.list().length === 0);
    expect(telemetry.total('sluice_watch_relists_total', { reason: 'failed' })).toBe(1);
  });

  test.each<[string, unknown]>([
    ['of an unknown type', { type: 'MADE', object: thing('a', 6) }],
    ['without a version', { type: 'ADDED', object: { metadata: { name: 'a' } } }],
    ['without a name', { type: 'ADDED', object: { metadata: { resourceVersion: '6' } } }],
    ['that is no object', 7],
  ])('an event %s breaks the watch, not the process', async (_name, event) => {
    const request = await watching([added('a', 1)], 5);
    request.send(added('b', 6), event, added('never', 8));
    const resumed = await afterBackoff(1);
    expect(resumed.query.get('resourceVersion')).toBe('6');
    expect(standing()).toEqual(['a=1', 'b=1']);
  });
});

describe('objects that cannot be parsed', () => {
  const why = 'size must be a number';

  test('are counted and doubtful; the last good version stands until a better one comes, or the end', async () => {
    const request = await watching([added('a', 1), added('bad', 2, 'big')], 5);
    expect(standing()).toEqual(['a=1']);
    expect([...store.doubtful]).toEqual([['bad', why]]);
    request.send(modified('a', 6, 'huge'), added('b', 7));
    await until(() => store.get('b') !== undefined);
    expect(standing()).toEqual(['a=1', 'b=1']);
    expect([...store.doubtful.keys()].sort()).toEqual(['a', 'bad']);
    expect(telemetry.total('sluice_unparsable_objects_total', LABELS)).toBe(2);
    request.send(modified('a', 8, 3), deleted('bad', 9));
    await until(() => store.doubtful.size === 0);
    expect(standing()).toEqual(['a=3', 'b=1']);
  });

  test('keep their last good version over a new list, and are told once per version', async () => {
    const request = await watching([added('a', 1), added('gone', 2)], 5);
    request.send(modified('a', 6, 'huge'), expired);
    const relist = await afterBackoff(1);
    relist.stream(added('a', 6, 'huge'), added('b', 7), initialEnd(8));
    await until(() => store.get('b') !== undefined);
    expect(standing()).toEqual(['a=1', 'b=1']);
    expect([...store.doubtful]).toEqual([['a', why]]);
    expect(telemetry.total('sluice_unparsable_objects_total', LABELS)).toBe(1);
  });

  test('do not flood the log', async () => {
    const bad = Array.from({ length: 200 }, (_, index) => added(`bad-${index}`, index + 1, 'big'));
    await watching(bad, 500);
    expect(telemetry.total('sluice_unparsable_objects_total', LABELS)).toBe(200);
    expect(telemetry.entries.filter((entry) => entry.kind === 'log').length).toBe(10);
  });
});

describe('a resource that is not there yet', () => {
  test('is tried until it is, and the log says what may be missing', async () => {
    (await server.next()).text(404, '404 page not found\n');
    (await afterBackoff(1)).text(404, '404 page not found\n');
    (await afterBackoff(2)).stream(added('a', 1), initialEnd(2));
    await until(() => store.synced);
    expect(standing()).toEqual(['a=1']);
    expect(telemetry.entries.find((entry) => entry.labels['level'] === 'warn')?.value).toMatchObject({
      code: 'notFound',
      hint: expect.stringContaining('CustomResourceDefinition'),
    });
  });
});
