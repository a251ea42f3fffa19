// How fast one project is asked: the bucket, the cap on requests in flight, first come first served.
import { expect, test } from 'vitest';
import { RequestBudget } from '../../../src/openstack/client/request-budget.ts';
import { ProjectBudgets } from '../../../src/openstack/project-budgets.ts';
import { ManualClock } from './scripted-cloud.ts';

const LIMITS = { perSecond: 10, burst: 3, inFlightMax: 100, waitingMax: 5 };

/** Lets everything that can run do so. */
function settle(): Promise<void> {
  return new Promise((done) => {
    setImmediate(done);
  });
}

test('a burst goes at once, the rest at the rate, in order', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, LIMITS);
  const started: number[] = [];
  const all = Promise.all([0, 1, 2, 3, 4].map((n) => budget.run(async () => void started.push(n))));
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
  for (let n = 0; n < 5; n += 1) void budget.run(async () => void (started += 1));
  await settle();
  expect(started).toBe(3);
});

test('no more in flight than allowed; a failed request makes room too', async () => {
  const budget = new RequestBudget(new ManualClock(), { ...LIMITS, burst: 100, inFlightMax: 1 });
  const fail: (() => void)[] = [];
  const first = budget.run(() => new Promise<void>((_, reject) => fail.push(() => reject(new Error('no')))));
  let second = false;
  const next = budget.run(async () => void (second = true));
  await settle();
  expect(second).toBe(false);
  fail[0]?.();
  await expect(first).rejects.toThrow('no');
  await next;
  expect(second).toBe(true);
});

test('more waiting than allowed is refused as not sent', async () => {
  const clock = new ManualClock();
  const budget = new RequestBudget(clock, LIMITS);
  for (let n = 0; n < 8; n += 1) void budget.run(async () => undefined);
  await expect(budget.run(async () => undefined)).rejects.toMatchObject({ kind: 'unreachable' });
  clock.advance(1_000);
  await settle();
  clock.advance(1_000);
  await settle();
  await expect(budget.run(async () => 'again')).resolves.toBe('again');
});

test('closing leaves nothing waiting', async () => {
  const budget = new RequestBudget(new ManualClock(), { ...LIMITS, burst: 1 });
  const all = [1, 2, 3].map((n) => budget.run(async () => n));
  await settle();
  budget.close();
  expect(await Promise.all(all)).toEqual([1, 2, 3]);
});

test('clusters of one project and region share a budget until the last one goes', () => {
  const clock = new ManualClock();
  const budgets = new ProjectBudgets();
  const project = { authUrl: 'http://h', region: 'R', id: 'p' };
  const first = budgets.take(project, clock);
  const second = budgets.take({ ...project }, clock);
  expect(second.budget).toBe(first.budget);
  expect(budgets.take({ ...project, region: 'S' }, clock).budget).not.toBe(first.budget);
  first.release();
  const third = budgets.take(project, clock);
  expect(third.budget).toBe(second.budget);
  second.release();
  third.release();
  expect(budgets.take(project, clock).budget).not.toBe(second.budget);
});
