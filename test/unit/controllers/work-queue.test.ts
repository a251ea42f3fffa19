// When a key runs: once at a time, no earlier than due, again after failures.
import { describe, expect, test } from 'vitest';
import type { ReconcileOutcome } from '../../../src/controllers/cluster-context.ts';
import { PortError } from '../../../src/controllers/port-errors.ts';
import { backoffMs, WorkQueue } from '../../../src/controllers/work-queue.ts';
import { FakeClock, FakeRandom, settle } from '../../fakes/fake-clock.ts';
import { FakeTelemetry } from '../../fakes/fake-telemetry.ts';

const SETTLED: ReconcileOutcome = { kind: 'settled' };

function makeQueue(run: (key: string) => Promise<ReconcileOutcome>, concurrency = 4) {
  const clock = new FakeClock();
  const telemetry = new FakeTelemetry();
  const queue = new WorkQueue({ run, concurrency, clock, random: new FakeRandom(), telemetry, name: 'test' });
  return { clock, telemetry, queue };
}

/** A run that ends when the test says so. */
function heldRuns() {
  const started: string[] = [];
  const ends: (() => void)[] = [];
  const run = (key: string) =>
    new Promise<ReconcileOutcome>((resolve) => {
      started.push(key);
      ends.push(() => resolve(SETTLED));
    });
  return { started, run, endNext: () => ends.shift()?.() };
}

describe('WorkQueue', () => {
  test('runs a key once however often it was added before it ran', async () => {
    const ran: string[] = [];
    const { clock, queue } = makeQueue(async (key) => (ran.push(key), SETTLED));
    for (let times = 0; times < 5; times++) queue.add('a');
    await clock.advanceAndSettle(10);
    expect(ran).toEqual(['a']);
    expect(queue.size).toBe(0);
  });

  test('never runs a key twice at once, and once more when it was added meanwhile', async () => {
    const { started, run, endNext } = heldRuns();
    const { clock, queue } = makeQueue(run);
    queue.add('a');
    await clock.advanceAndSettle(1);
    queue.add('a');
    queue.add('a');
    await clock.advanceAndSettle(1000);
    expect(started).toEqual(['a']);
    endNext();
    await settle();
    await clock.advanceAndSettle(1);
    expect(started).toEqual(['a', 'a']);
    endNext();
    await clock.advanceAndSettle(1000);
    expect(started).toHaveLength(2);
  });

  test('runs as many keys at once as it may, then the next when one ends', async () => {
    const { started, run, endNext } = heldRuns();
    const { clock, queue } = makeQueue(run, 2);
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await clock.advanceAndSettle(1);
    expect(started).toEqual(['a', 'b']);
    endNext();
    await settle();
    await clock.advanceAndSettle(1);
    expect(started).toEqual(['a', 'b', 'c']);
  });

  test.each([
    { name: 'the earlier wish stands', adds: [5000, 1000], wantAtMs: 1000 },
    { name: 'a later wish does not delay', adds: [1000, 5000], wantAtMs: 1000 },
    { name: 'a negative wait is now', adds: [-5], wantAtMs: 0 },
  ])('delay: $name', async ({ adds, wantAtMs }) => {
    const at: number[] = [];
    const clocks: FakeClock[] = [];
    const { clock, queue } = makeQueue(async () => (at.push(clocks[0]?.monotonicMs() ?? -1), SETTLED));
    clocks.push(clock);
    for (const afterMs of adds) queue.add('a', afterMs);
    await clock.advanceAndSettle(10_000);
    expect(at).toEqual([wantAtMs]);
  });

  test('a wait outcome runs it again after that time', async () => {
    let runs = 0;
    const { clock, queue } = makeQueue(async () =>
      ++runs < 3 ? { kind: 'wait', afterMs: 700, why: 'test' } : SETTLED,
    );
    queue.add('a');
    await clock.advanceAndSettle(1399);
    expect(runs).toBe(2);
    await clock.advanceAndSettle(1);
    expect(runs).toBe(3);
    await clock.advanceAndSettle(60_000);
    expect(runs).toBe(3);
  });

  test.each([
    { name: 'unavailable backs off', error: new PortError('unavailable', 'down'), wantAfterMs: 375 },
    { name: 'a programmer error backs off too', error: new Error('bug'), wantAfterMs: 375 },
    {
      name: 'told to wait',
      error: new PortError('throttled', 'slow', { retry: { kind: 'after', ms: 9000 } }),
      wantAfterMs: 9000,
    },
    { name: 'terminal', error: new PortError('invalidSpec', 'never'), wantAfterMs: 600_000 },
  ])('failure: $name', async ({ error, wantAfterMs }) => {
    let runs = 0;
    const { clock, queue, telemetry } = makeQueue(async () => {
      runs += 1;
      if (runs === 1) throw error;
      return SETTLED;
    });
    queue.add('a');
    await clock.advanceAndSettle(wantAfterMs - 1);
    expect(runs).toBe(1);
    await clock.advanceAndSettle(1);
    expect(runs).toBe(2);
    expect(telemetry.total('sluice_work_queue_retries_total', { queue: 'test' })).toBe(1);
  });

  test('an event brings a failed key forward, but a failing key that stirs its own events does not spin', async () => {
    let runs = 0;
    const queues: WorkQueue[] = [];
    const { clock, queue } = makeQueue(async (key) => {
      runs += 1;
      queues[0]?.add(key);
      throw new PortError('unavailable', 'down');
    });
    queues.push(queue);
    queue.add('a');
    await clock.advanceAndSettle(10_000);
    expect(runs).toBeGreaterThan(5);
    expect(runs).toBeLessThanOrEqual(41);
  });

  test('one failing key keeps no other from running', async () => {
    const ran: string[] = [];
    const { clock, queue } = makeQueue(async (key) => {
      ran.push(key);
      if (key === 'bad') throw new PortError('unavailable', 'down');
      return SETTLED;
    }, 1);
    queue.add('bad');
    queue.add('good');
    await clock.advanceAndSettle(10);
    expect(ran).toEqual(['bad', 'good']);
  });

  test('close waits for the run under way and starts no other', async () => {
    const { started, run, endNext } = heldRuns();
    const { clock, queue } = makeQueue(run, 1);
    queue.add('a');
    queue.add('b');
    await clock.advanceAndSettle(1);
    let closed = false;
    const closing = queue.close().then(() => (closed = true));
    await settle();
    expect(closed).toBe(false);
    endNext();
    await closing;
    await clock.advanceAndSettle(1000);
    expect(started).toEqual(['a']);
    expect(clock.timersWaiting).toBe(0);
  });

  test('close gives a hanging run a bounded time', async () => {
    const { clock, queue } = makeQueue(() => new Promise(() => undefined));
    queue.add('a');
    await clock.advanceAndSettle(1);
    const closing = queue.close();
    await clock.advanceAndSettle(10_000);
    await expect(closing).resolves.toBeUndefined();
  });
});

test('backoff grows, with jitter over its upper half, up to two minutes', () => {
  const at = (fraction: number) => ({ hex: () => '', fraction: () => fraction });
  expect([1, 2, 3, 4].map((failures) => backoffMs(failures, at(0)))).toEqual([250, 500, 1000, 2000]);
  expect(backoffMs(1, at(0.999))).toBeLessThan(500);
  expect(backoffMs(50, at(0.999))).toBeLessThanOrEqual(120_000);
  expect(backoffMs(50, at(0))).toBe(60_000);
});
