import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LeaseState } from '../../../src/controllers/ports.ts';
import { Lease } from '../../../src/kubernetes/lease.ts';
import { Transport } from '../../../src/kubernetes/transport.ts';
import { FakeClock, FakeRandom, settle } from '../../fakes/fake-clock.ts';
import { FakeTelemetry } from '../../fakes/fake-telemetry.ts';
import { type ScriptedRequest, ScriptedServer } from './scripted-server.ts';

type Json = Readonly<Record<string, unknown>>;

const PATH = '/apis/coordination.k8s.io/v1/namespaces/t1/leases';

/** What FakeRandom makes of the jitter. */
const RETRY_MS = 2_200;
const RENEW_MS = 3_630;

/** Knows whether the Lease waits for its next turn, which is when the last one has ended. */
class TurnClock extends FakeClock {
  waiting = false;

  override setTimer(afterMs: number, run: () => void): () => void {
    if (afterMs !== RETRY_MS && afterMs !== RENEW_MS) return super.setTimer(afterMs, run);
    this.waiting = true;
    return super.setTimer(afterMs, () => {
      this.waiting = false;
      run();
    });
  }
}

let server: ScriptedServer;
let clock: TurnClock;
let transport: Transport;
let lease: Lease;
let states: LeaseState[];
/** Highest epoch on any claim. */
let floor: number;

beforeEach(async () => {
  server = await ScriptedServer.start();
  clock = new TurnClock();
  floor = -1;
  transport = new Transport({ server: server.url }, clock);
  lease = new Lease({
    transport,
    namespace: 't1',
    name: 'prod',
    identity: 'me',
    epochFloor: () => floor,
    clock,
    random: new FakeRandom(),
    telemetry: new FakeTelemetry(),
  });
  states = [];
  lease.subscribe((state) => states.push(state));
  clock.advance(0);
});
afterEach(async () => {
  await transport.close();
  await lease.release();
  await server.close();
});

function record(holder: string, transitions: number, renewTime = 'r0', resourceVersion = '1'): Json {
  return {
    metadata: { name: 'prod', namespace: 't1', uid: 'u1', resourceVersion },
    spec: { holderIdentity: holder, leaseDurationSeconds: 15, renewTime, leaseTransitions: transitions },
  };
}

/** Accepts a write as the server does: what was sent, under a new version. */
function accept(request: ScriptedRequest, resourceVersion: string): void {
  const { metadata, spec } = request.body as { metadata: Json; spec: Json };
  request.json(200, { metadata: { ...metadata, uid: 'u1', resourceVersion }, spec });
}

const specOf = (request: ScriptedRequest) => (request.body as { spec: Json }).spec;
const versionOf = (request: ScriptedRequest) =>
  (request.body as { metadata: { resourceVersion?: string } }).metadata.resourceVersion;

/** Lets the turn that was answered end and set its next timer, then runs that timer. */
async function nextTurn(afterMs: number): Promise<ScriptedRequest> {
  await turnEnded();
  clock.advance(afterMs);
  return await server.next();
}

async function turnEnded(): Promise<void> {
  while (!clock.waiting) await settle();
}

/** Takes a free Lease at monotonic time 0. */
async function held(epoch = 4): Promise<void> {
  (await server.next()).json(200, record('', epoch - 1));
  accept(await server.next(), '2');
  await turnEnded();
  expect(lease.state()).toEqual({ held: true, epoch, holder: 'me' });
}

describe('taking', () => {
  test('a Lease that is not there is made', async () => {
    (await server.next()).json(404, {});
    const create = await server.next();
    expect([create.method, create.path]).toEqual(['POST', PATH]);
    expect(specOf(create)).toMatchObject({ holderIdentity: 'me', leaseDurationSeconds: 15, leaseTransitions: 0 });
    accept(create, '1');
    await turnEnded();
    expect(states).toEqual([{ held: true, epoch: 0, holder: 'me' }]);
  });

  test.each<{ name: string; status: number; standing: Json }>([
    { name: 'was deleted', status: 404, standing: {} },
    { name: 'was put back from a backup', status: 200, standing: record('', 3) },
  ])('a Lease that $name gets an epoch above those that stand on claims', async ({ status, standing }) => {
    floor = 7;
    (await server.next()).json(status, standing);
    const take = await server.next();
    expect(specOf(take)).toMatchObject({ holderIdentity: 'me', leaseTransitions: 8 });
    accept(take, '1');
    await turnEnded();
    expect(states).toEqual([{ held: true, epoch: 8, holder: 'me' }]);
  });

  test('a free Lease is taken with the next epoch, on the version that was read', async () => {
    (await server.next()).json(200, record('', 3));
    const take = await server.next();
    expect([take.method, take.path, versionOf(take)]).toEqual(['PUT', `${PATH}/prod`, '1']);
    expect(specOf(take)).toMatchObject({ holderIdentity: 'me', leaseTransitions: 4 });
    accept(take, '2');
    await turnEnded();
    expect(states).toEqual([{ held: true, epoch: 4, holder: 'me' }]);
  });

  test('a Lease that another one renews is left alone for ever, whatever its wall clock says', async () => {
    (await server.next()).json(200, record('other', 3, '1999-01-01T00:00:00.000000Z'));
    for (let turn = 1; turn <= 12; turn += 1) {
      const read = await nextTurn(RETRY_MS);
      expect(read.method).toBe('GET');
      read.json(200, record('other', 3, `1999-01-01T00:00:${10 + turn}.000000Z`, String(turn)));
    }
    await turnEnded();
    expect(lease.state()).toEqual({ held: false, epoch: 3, holder: 'other' });
  });

  test('a Lease that has not changed for its duration on our clock is taken', async () => {
    (await server.next()).json(200, record('other', 3));
    for (let turn = 1; turn <= 6; turn += 1) (await nextTurn(RETRY_MS)).json(200, record('other', 3));
    // 13.2 s have passed; the next look is at 15.4 s.
    const read = await nextTurn(RETRY_MS);
    read.json(200, record('other', 3));
    const take = await server.next();
    expect(specOf(take)).toMatchObject({ holderIdentity: 'me', leaseTransitions: 4 });
    accept(take, '9');
    await turnEnded();
    expect(lease.state()).toEqual({ held: true, epoch: 4, holder: 'me' });
  });

  test('our own name from a life before this one is taken over at once, with an epoch of its own', async () => {
    (await server.next()).json(200, record('me', 3));
    const take = await server.next();
    expect(specOf(take)).toMatchObject({ holderIdentity: 'me', leaseTransitions: 4 });
    accept(take, '9');
    await turnEnded();
    expect(lease.state()).toEqual({ held: true, epoch: 4, holder: 'me' });
  });

  test('who writes first wins', async () => {
    (await server.next()).json(200, record('', 3));
    (await server.next()).json(409, {});
    (await server.next()).json(200, record('other', 4, 'r1', '5'));
    await turnEnded();
    expect(lease.state()).toEqual({ held: false, epoch: 4, holder: 'other' });
  });
});

describe('holding', () => {
  test('is renewed on the version that we wrote, without reading', async () => {
    await held();
    const renew = await nextTurn(RENEW_MS);
    expect([renew.method, versionOf(renew)]).toEqual(['PUT', '2']);
    expect(specOf(renew)).toMatchObject({ holderIdentity: 'me', leaseTransitions: 4 });
    accept(renew, '3');
    expect(versionOf(await nextTurn(RENEW_MS))).toBe('3');
    expect(states.length).toBe(1);
  });

  test('ends 10 s after the last good renewal was sent, before anyone else may take it', async () => {
    await held();
    const renew = await nextTurn(RENEW_MS);
    renew.json(503, {});
    await turnEnded();
    clock.advance(10_000 - RENEW_MS - 1);
    expect(lease.state().held).toBe(true);
    clock.advance(1);
    expect(lease.state().held).toBe(false);
    expect(states.map((state) => state.held)).toEqual([true, false]);
  });

  test('counts from the sending of a renewal, not from its answer', async () => {
    (await server.next()).json(200, record('', 3));
    const take = await server.next();
    clock.advance(2_500);
    accept(take, '2');
    await turnEnded();
    expect(lease.state().held).toBe(true);
    clock.advance(7_499);
    expect(lease.state().held).toBe(true);
    clock.advance(1);
    expect(lease.state().held).toBe(false);
  });

  test('is not lost with the answer to a renewal', async () => {
    await held();
    (await nextTurn(RENEW_MS)).destroy();
    const again = await nextTurn(RETRY_MS);
    expect(versionOf(again)).toBe('2');
    again.json(409, {});
    (await server.next()).json(200, record('me', 4, 'r9', '3'));
    const renew = await nextTurn(RETRY_MS);
    expect(versionOf(renew)).toBe('3');
    accept(renew, '4');
    await turnEnded();
    expect(states).toEqual([{ held: true, epoch: 4, holder: 'me' }]);
  });

  test('is lost at once when somebody else wrote', async () => {
    await held();
    (await nextTurn(RENEW_MS)).json(409, {});
    (await server.next()).json(200, record('other', 5, 'r9', '3'));
    await turnEnded();
    expect(states.at(-1)).toEqual({ held: false, epoch: 5, holder: 'other' });
  });

  test('is lost when the same name took it in another life', async () => {
    await held();
    (await nextTurn(RENEW_MS)).json(409, {});
    (await server.next()).json(200, record('me', 5, 'r9', '3'));
    await turnEnded();
    expect(lease.state().held).toBe(false);
  });
});

describe('release', () => {
  test('gives up what is ours and keeps the epoch', async () => {
    await held();
    const released = lease.release();
    expect(lease.state().held).toBe(false);
    const write = await server.next();
    expect(specOf(write)).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 4 });
    accept(write, '3');
    await released;
    expect(lease.state()).toEqual({ held: false, epoch: 4, holder: '' });
    expect(clock.timersWaiting).toBe(0);
  });

  test('waits for a renewal under way, so that it cannot undo the release', async () => {
    await held();
    const renew = await nextTurn(RENEW_MS);
    const released = lease.release();
    accept(renew, '3');
    const write = await server.next();
    expect(versionOf(write)).toBe('3');
    accept(write, '4');
    await released;
    expect(states.map((state) => state.held)).toEqual([true, false, false]);
  });

  test("does not touch somebody else's", async () => {
    (await server.next()).json(200, record('other', 3));
    await turnEnded();
    await lease.release();
    expect(server.count).toBe(1);
    expect(clock.timersWaiting).toBe(0);
  });
});
