// Kinds that older servers do not have: told apart from empty ones by discovery, looked for again, never guessed.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../../src/controllers/ports.ts';
import { PlaneStores } from '../../../src/kubernetes/plane-stores.ts';
import { Transport } from '../../../src/kubernetes/transport.ts';
import { FakeClock, FakeRandom, settle } from '../../fakes/fake-clock.ts';
import { FakeTelemetry } from '../../fakes/fake-telemetry.ts';
import { ScriptedServer } from './scripted-server.ts';

const LIST = '/apis/things.example/v1/things';
const THINGS = { group: 'things.example', version: 'v1', plural: 'things' };
const BACKOFF_MS = 40_000;
const LOOK_EVERY_MS = 120_000;

let server: ScriptedServer;
let clock: FakeClock;
let telemetry: FakeTelemetry;
let transport: Transport;
let stores: PlaneStores;
let store: ObjectStore<string>;

beforeEach(async () => {
  server = await ScriptedServer.start();
  clock = new FakeClock();
  telemetry = new FakeTelemetry();
  transport = new Transport({ server: server.url }, clock);
  stores = new PlaneStores({ transport, cluster: 't1/prod', clock, random: new FakeRandom(), telemetry });
  store = stores.add(THINGS, (raw) => JSON.stringify(raw).length.toString(), { optional: true });
  stores.start();
});
afterEach(async () => {
  await Promise.all([stores.close(), transport.close()]);
  await server.close();
  expect(clock.timersWaiting).toBe(0);
});

const groups = (...groupVersions: readonly string[]) => ({
  kind: 'APIGroupList',
  groups: [
    { name: 'apps', versions: [{ groupVersion: 'apps/v1' }] },
    { versions: groupVersions.map((groupVersion) => ({ groupVersion })) },
  ],
});
const resources = (...names: readonly string[]) => ({
  kind: 'APIResourceList',
  resources: names.map((name) => ({ name })),
});
const initialEnd = {
  type: 'BOOKMARK',
  object: { metadata: { resourceVersion: '9', annotations: { 'k8s.io/initial-events-end': 'true' } } },
};
const thing = { type: 'ADDED', object: { metadata: { name: 'a', resourceVersion: '8' } } };
const saidAbsent = () =>
  telemetry.entries.filter((entry) => entry.kind === 'log' && entry.name.includes('not served by this cluster')).length;

async function answer(path: string, status: number, body: unknown): Promise<void> {
  const request = await server.next();
  expect(request.path).toBe(path);
  request.json(status, body);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settle();
}

/** The list-watch waits for its next look or try; only its own timer is left. */
async function afterPause(ms: number): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await settle();
  clock.advance(ms);
}

async function findsItAbsent(): Promise<void> {
  await answer(LIST, 404, {});
  await answer('/apis', 200, groups());
  await until(() => store.synced);
}

describe('a kind that the server does not have', () => {
  test.each<[string, object, object | undefined]>([
    ['no such group', groups(), undefined],
    ['another version of the group', groups('things.example/v1beta1'), undefined],
    ['the version without the kind', groups('things.example/v1'), resources('others')],
  ])('%s: complete, and empty', async (_, all, ofVersion) => {
    await answer(LIST, 404, {});
    await answer('/apis', 200, all);
    if (ofVersion !== undefined) await answer('/apis/things.example/v1', 200, ofVersion);
    await until(() => store.synced);
    expect([store.list(), saidAbsent()]).toEqual([[], 1]);
  });

  test('is looked for again, quietly, with a sign of life each time, and found when it comes', async () => {
    await findsItAbsent();
    const { version, heardMs } = store;
    await afterPause(LOOK_EVERY_MS);
    await answer('/apis', 200, groups());
    await until(() => store.heardMs > heardMs);
    expect([store.version, saidAbsent()]).toEqual([version, 1]);
    await afterPause(LOOK_EVERY_MS);
    await answer('/apis', 200, groups('things.example/v1'));
    await answer('/apis/things.example/v1', 200, resources('things'));
    (await server.next()).stream(thing, initialEnd);
    await until(() => store.list().length === 1);
  });

  test('may go while we watch, with the server that had it', async () => {
    const watch = await server.next();
    watch.stream(thing, initialEnd);
    await until(() => store.list().length === 1);
    watch.send({ type: 'ERROR', object: { kind: 'Status', code: 404 } });
    await answer('/apis', 200, groups());
    await until(() => store.list().length === 0);
    expect(store.synced).toBe(true);
  });
});

test('a kind that we may not see is said with the right that is missing, until it is given', async () => {
  (await server.next()).json(403, { kind: 'Status', code: 403, message: 'things.things.example is forbidden' });
  await until(() => store.missingRight !== undefined);
  expect([store.synced, store.missingRight]).toEqual([false, 'list and watch things.things.example']);
  await afterPause(BACKOFF_MS);
  (await server.next()).stream(thing, initialEnd);
  await until(() => store.synced);
  expect(store.missingRight).toBeUndefined();
});

describe('a 404 that proves nothing', () => {
  test.each<[string, number, unknown]>([
    ['discovery is not found either', 404, {}],
    ['discovery is forbidden', 403, {}],
    ['discovery fails', 503, {}],
    ['a page of a proxy', 200, { title: 'welcome' }],
    ['no list of groups', 200, { kind: 'APIGroupList', groups: null }],
  ])('%s: not complete, tried again', async (_, status, body) => {
    await answer(LIST, 404, {});
    await answer('/apis', status, body);
    await afterPause(BACKOFF_MS);
    expect([store.synced, saidAbsent()]).toEqual([false, 0]);
    (await server.next()).stream(thing, initialEnd);
    await until(() => store.synced);
    expect(store.list()).toHaveLength(1);
  });

  test('the kind is served all the same: what was known stands', async () => {
    const watch = await server.next();
    watch.stream(thing, initialEnd);
    await until(() => store.synced);
    watch.send({ type: 'ERROR', object: { kind: 'Status', code: 404 } });
    await answer('/apis', 200, groups('things.example/v1'));
    await answer('/apis/things.example/v1', 200, resources('things', 'things/status'));
    await afterPause(BACKOFF_MS);
    expect((await server.next()).path).toBe(LIST);
    expect(store.list()).toHaveLength(1);
  });
});
