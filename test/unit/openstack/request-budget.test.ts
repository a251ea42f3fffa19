// How fast one project is asked, and whose turn it is: the bucket, the lanes, cancelling, pauses, breakers.
import { expect, test } from 'vitest';
import { OpenStackError } from '../../../src/openstack/client/openstack-error.ts';
import { RequestBudget, REQUEST_BUDGET, type RequestGate } from '../../../src/openstack/client/request-budget.ts';
import { ProjectBudgets } from '../../../src/openstack/project-budgets.ts';
import { ManualClock } from './scripted-cloud.ts';

const LIMITS = {
  ...REQUEST_BUDGET,
  perSecond: 10,
  burst: 3,
  inFlightMax: 100,
  laneInFlightMax: 90,
  waitingMax: 5,
};
const READ = { service: 'compute', write: false } as const;
const WRITE = { service: 'compute', write: true } as const;

const CONFIG = {
  authUrl: 'http://h',
  interface: 'public',
  endpointOverrides: new Map<string, string>(),
  verify: true,
  caCert: undefined,
} as const;

/** Lets everything that can run do so. */
function settle(): Promise<void> {
  return new Promise((done) => {
    setImmediate(done);
  });
}

/** Moves on in small steps, so that every timer finds its moment. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    clock.advance(Math.min(100, ms - passed));
    await settle();
  }
}

/** What became of it, for requests that nobody waits for. */
function outcome(promise: Promise<unknown>): { kind: string; message: string; retryAfterMs?: number | undefined } {
  const seen: { kind: string; message: string; retryAfterMs?: number | undefined } = { kind: 'waits', message: '' };
  promise.then(
    () => (seen.kind = 'done'),
    (error: unknown) => {
      if (!(error instanceof OpenStackError)) throw error;
      seen.kind = error.status === 429 ? 'throttled' : error.kind;
      seen.message = error.message;
      seen.retryAfterMs = error.retryAfterMs;
    },
  );
  return seen;
}

const fails = (status: number, retryAfterMs?: number) => () =>
  Promise.reject(new OpenStackError('refused', `answered ${status}`, { service: 'compute', status, retryAfterMs }));

test('a burst goes at once, the rest at the rate, in order', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, LIMITS);
  const started: number[] = [];
  const all = Promise.all([0, 1, 2, 3, 4].map((n) => budget.run(async () => void started.push(n), READ)));
  await settle();
  expect(started).toEqual([0, 1, 2]);
  clock.advance(99);
  await settle();
  expect(started).toEqual([0, 1, 2]);
  clock.advance(1);
  await settle();
  expect(started).toEqual([0, 1, 2, 3]);
  clock.advance(100);
  await all;
  expect(started).toEqual([0, 1, 2, 3, 4]);
});

test('what was not used is kept up to the burst, no further', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, LIMITS);
  clock.advance(60_000);
  let started = 0;
  for (let n = 0; n < 5; n += 1) void budget.run(async () => void (started += 1), READ);
  await settle();
  expect(started).toBe(3);
});

test('no more in flight than allowed; a failed request makes room too', async () => {
  const budget = new RequestBudget(new ManualClock(), { ...LIMITS, burst: 100, inFlightMax: 1 });
  const fail: (() => void)[] = [];
  const first = budget.run(() => new Promise<void>((_, reject) => fail.push(() => reject(new Error('no')))), READ);
  let second = false;
  const next = budget.run(async () => void (second = true), READ);
  await settle();
  expect(second).toBe(false);
  fail[0]?.();
  await expect(first).rejects.toThrow('no');
  await next;
  expect(second).toBe(true);
});

test('a service that hangs takes no room from another', async () => {
  const budget = new RequestBudget(new ManualClock(), { ...LIMITS, burst: 100, inFlightMax: 2, waitingMax: 50 });
  for (let n = 0; n < 10; n += 1) void budget.run(() => new Promise(() => undefined), { ...READ, service: 'network' });
  await expect(budget.run(async () => 'answered', READ)).resolves.toBe('answered');
});

test('one cluster with slow answers leaves room in flight for another', async () => {
  const budget = new RequestBudget(new ManualClock(), {
    ...LIMITS,
    burst: 100,
    inFlightMax: 8,
    laneInFlightMax: 6,
    waitingMax: 50,
  });
  const [slow, other] = [budget.lane(), budget.lane()];
  for (let n = 0; n < 20; n += 1) void slow.run(() => new Promise(() => undefined), READ);
  await expect(other.run(async () => 'answered', READ)).resolves.toBe('answered');
});

test('a noisy cluster waits for itself: lanes take turns, and only its own queue is full', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, { ...LIMITS, burst: 1, waitingMax: 100 });
  const [noisy, quiet] = [budget.lane(), budget.lane()];
  const started: string[] = [];
  const ask = (lane: RequestGate, name: string) => outcome(lane.run(async () => void started.push(name), READ));
  const asked = Array.from({ length: 120 }, (_, n) => ask(noisy, `noisy ${n}`));
  for (let n = 0; n < 5; n += 1) ask(quiet, `quiet ${n}`);
  await settle();
  expect(asked.filter(({ kind }) => kind === 'unreachable')).toHaveLength(19); // 1 started, 100 wait
  await pass(clock, 1000);
  expect(started.filter((name) => name.startsWith('quiet'))).toHaveLength(5);
  expect(started).toHaveLength(11);
});

test('writes go before reads of the same cluster, and reads are not held up for ever', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, { ...LIMITS, burst: 1, waitingMax: 100 });
  const started: string[] = [];
  const ask = (name: string, ticket: typeof READ | typeof WRITE) =>
    void budget.run(async () => void started.push(name), ticket);
  ask('first', READ);
  for (const name of ['r1', 'r2', 'r3']) ask(name, READ);
  for (let n = 1; n <= 9; n += 1) ask(`w${n}`, WRITE);
  await pass(clock, 1200);
  expect(started).toEqual(['first', 'w1', 'w2', 'r1', 'w3', 'w4', 'w5', 'r2', 'w6', 'w7', 'w8', 'r3', 'w9']);
});

test('a request that is cancelled while it waits never starts', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, { ...LIMITS, burst: 1 });
  const abort = new AbortController();
  let started = 0;
  void budget.run(async () => undefined, READ);
  const waiting = outcome(budget.run(async () => void (started += 1), { ...READ, signal: abort.signal }));
  const behind = outcome(budget.run(async () => undefined, READ));
  abort.abort();
  await settle();
  expect(waiting).toMatchObject({ kind: 'unreachable', message: 'compute: not sent: the caller gave up' });
  const late = outcome(budget.run(async () => void (started += 1), { ...READ, signal: abort.signal }));
  await pass(clock, 1000);
  expect(late.kind).toBe('unreachable');
  expect(behind.kind).toBe('done');
  expect(started).toBe(0);
});

test('a closed lane refuses what waits in it and what comes; others go on', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, { ...LIMITS, burst: 1 });
  const [closing, staying] = [budget.lane(), budget.lane()];
  const started: string[] = [];
  void closing.run(async () => void started.push('first'), READ);
  const waiting = outcome(closing.run(async () => void started.push('closing'), WRITE));
  const other = outcome(staying.run(async () => void started.push('staying'), READ));
  closing.close();
  const late = outcome(closing.run(async () => void started.push('late'), READ));
  await pass(clock, 500);
  expect(waiting.kind).toBe('unreachable');
  expect(late.kind).toBe('unreachable');
  expect(other.kind).toBe('done');
  expect(started).toEqual(['first', 'staying']);
});

test('a write that waited too long was not sent, and says so as the cloud would', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, { ...LIMITS, inFlightMax: 1, writeWaitMsMax: 30_000 });
  void budget.run(() => new Promise(() => undefined), READ);
  const post = outcome(budget.run(async () => undefined, WRITE));
  const read = outcome(budget.run(async () => undefined, READ));
  await pass(clock, 29_900);
  expect(post.kind).toBe('waits');
  await pass(clock, 200);
  expect(post.kind).toBe('throttled');
  expect(read.kind).toBe('waits');
});

test('a 429 stops every cluster of the project until the time it names, then the rate is lower for a while', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, { ...LIMITS, waitingMax: 1000 });
  const [one, two] = [budget.lane(), budget.lane()];
  await expect(one.run(fails(429, 5000), READ)).rejects.toMatchObject({ status: 429 });
  let started = 0;
  for (let n = 0; n < 500; n += 1) void two.run(async () => void (started += 1), READ);
  await pass(clock, 4900);
  expect(started).toBe(0);
  await pass(clock, 1100);
  expect(started).toBeGreaterThanOrEqual(4); // 5 a second, and no burst
  expect(started).toBeLessThanOrEqual(6);
  expect(budget.perSecond()).toBeLessThan(6);
  await pass(clock, 29_000);
  expect(budget.perSecond()).toBe(10);
});

test('eight answers of the same moment cut the rate once', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, { ...LIMITS, burst: 8 });
  const all = Array.from({ length: 8 }, () => outcome(budget.run(fails(429, 0), READ)));
  await settle();
  expect(all.every(({ kind }) => kind === 'throttled')).toBe(true);
  expect(budget.perSecond()).toBe(5);
});

test('a long pause is told at once to those who wait and those who come, and is capped', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, { ...LIMITS, burst: 1 });
  const first = outcome(budget.run(fails(429, 86_400_000), READ));
  const waiting = outcome(budget.run(async () => undefined, WRITE));
  await settle();
  expect(first.kind).toBe('throttled');
  expect(waiting).toMatchObject({ kind: 'throttled', retryAfterMs: 300_000 });
  clock.advance(100_000);
  expect(await budget.run(async () => undefined, READ).catch((error: unknown) => error)).toMatchObject({
    status: 429,
    retryAfterMs: 200_000,
  });
  clock.advance(200_000);
  const after = outcome(budget.run(async () => undefined, READ));
  await pass(clock, 300);
  expect(after.kind).toBe('done');
});

test('a service that keeps failing is left alone for a growing time; others go on; one probe closes it', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, { ...LIMITS, burst: 1000, perSecond: 1000, waitingMax: 100 });
  const changes: string[] = [];
  const lane = budget.lane({
    started: () => undefined,
    notSent: () => undefined,
    breakerChanged: (service, open) => void changes.push(`${service} ${open ? 'open' : 'closed'}`),
  });
  const network = { service: 'network', write: false } as const;
  let sent = 0;
  const down = () => {
    sent += 1;
    return Promise.reject(new OpenStackError('lost', 'no answer', { service: 'network', method: 'GET' }));
  };
  for (let n = 0; n < 30; n += 1) await lane.run(down, network).catch(() => undefined);
  expect(sent).toBe(10);
  expect(changes).toEqual(['network open']);
  await expect(lane.run(async () => 'nova', READ)).resolves.toBe('nova');
  const refused = outcome(lane.run(down, { ...network, write: true }));
  await settle();
  expect(refused).toMatchObject({ kind: 'unreachable', retryAfterMs: 5000 });
  clock.advance(5000);
  // One goes ahead, those beside it do not.
  const probes = [1, 2, 3].map(() => outcome(lane.run(down, network)));
  await settle();
  expect(sent).toBe(11);
  expect(probes.every(({ kind }) => kind !== 'waits')).toBe(true);
  clock.advance(5000);
  await lane.run(down, network).catch(() => undefined);
  expect(sent).toBe(11); // the second time takes twice as long
  clock.advance(5000);
  await expect(lane.run(async () => 'back', network)).resolves.toBe('back');
  expect(changes).toEqual(['network open', 'network closed']);
  await expect(lane.run(async () => 'at once', network)).resolves.toBe('at once');
});

test('refusals and requests that were cut off by us say nothing against a service', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, { ...LIMITS, burst: 1000, perSecond: 1000 });
  const abort = new AbortController();
  const cut = () => {
    abort.abort();
    return Promise.reject(new OpenStackError('lost', 'cut off', { service: 'compute', method: 'GET' }));
  };
  for (let n = 0; n < 30; n += 1) await budget.run(fails(404), READ).catch(() => undefined);
  for (let n = 0; n < 30; n += 1) {
    const signal = new AbortController();
    await budget
      .run(
        () => {
          signal.abort();
          return cut();
        },
        { ...READ, signal: signal.signal },
      )
      .catch(() => undefined);
  }
  await expect(budget.run(async () => 'well', READ)).resolves.toBe('well');
});

test('clusters of one project share a budget until the last one goes; other endpoints or trust are another', async () => {
  const clock = new ManualClock();
  const budgets = new ProjectBudgets();
  const config = CONFIG;
  const project = { config, region: 'R', id: 'p' };
  const evil = { ...project, config: { ...config, endpointOverrides: new Map([['compute', 'http://evil']]) } };
  const first = budgets.take(project, { clock });
  const second = budgets.take({ ...project }, { clock });
  const apart = [budgets.take({ ...project, region: 'S' }, { clock }), budgets.take(evil, { clock })];
  apart.push(budgets.take({ ...project, config: { ...config, verify: false } }, { clock }));
  await expect(second.lane.run(fails(429, 60_000), READ)).rejects.toMatchObject({ status: 429 });
  await expect(first.lane.run(async () => 'sent', READ)).rejects.toMatchObject({ status: 429 });
  for (const { lane } of apart) await expect(lane.run(async () => 'sent', READ)).resolves.toBe('sent');
  first.release();
  first.release();
  await expect(budgets.take(project, { clock }).lane.run(async () => 1, READ)).rejects.toMatchObject({ status: 429 });
});

test('a project is asked as often as the operator says', async () => {
  const clock = new ManualClock();
  const project = { config: CONFIG, region: 'R', id: 'p' };
  const lease = new ProjectBudgets().take(project, { clock, requestsPerSecond: 2 });
  let sent = 0;
  for (let ask = 0; ask < 8; ask += 1) void lease.lane.run(async () => (sent += 1), READ).catch(() => undefined);
  await settle();
  expect(sent).toBe(4); // bursts of twice as many
  await pass(clock, 1000);
  expect(sent).toBe(6);
  lease.release();
});
