// When a pass runs: quiet time, longest wait, idle interval; never two at once.
import { describe, expect, test } from 'vitest';
import { ChangeTrigger } from '../../../src/controllers/change-trigger.ts';
import { FakeClock, settle } from '../../fakes/fake-clock.ts';

function makeTrigger(run?: () => Promise<number | void>) {
  const clock = new FakeClock();
  const ranAt: number[] = [];
  const trigger = new ChangeTrigger({
    clock,
    quietMs: 200,
    longestMs: 1000,
    idleMs: 10_000,
    run: async () => {
      ranAt.push(clock.monotonicMs());
      return (await run?.()) ?? Number.POSITIVE_INFINITY;
    },
  });
  return { clock, trigger, ranAt };
}

describe('ChangeTrigger', () => {
  test('runs at once, then at least every idle interval', async () => {
    const { clock, trigger, ranAt } = makeTrigger();
    trigger.start();
    await clock.advanceAndSettle(25_000);
    expect(ranAt).toEqual([0, 10_000, 20_000]);
  });

  test.each([
    { name: 'a wish comes before the idle interval', wishMs: 3000, want: [0, 3000, 6000] },
    { name: 'a wish beyond it changes nothing', wishMs: 60_000, want: [0, 10_000] },
    { name: 'an overdue wish still leaves a quiet moment', wishMs: -5, want: [0, 200, 400] },
  ])('$name', async ({ wishMs, want }) => {
    const { clock, trigger, ranAt } = makeTrigger(() => Promise.resolve(wishMs));
    trigger.start();
    await clock.advanceAndSettle((want.at(-1) ?? 0) + 100);
    expect(ranAt).toEqual(want);
  });

  test.each([
    { name: 'one change waits for quiet', changesAt: [1000], want: [1200] },
    { name: 'a burst is one run, quiet after its last', changesAt: [1000, 1100, 1250], want: [1450] },
    { name: 'two bursts are two runs', changesAt: [1000, 3000], want: [1200, 3200] },
    {
      name: 'a steady stream waits one second at most',
      changesAt: [1000, 1150, 1300, 1450, 1600, 1750, 1900, 2050],
      want: [2000, 2250],
    },
  ])('$name', async ({ changesAt, want }) => {
    const { clock, trigger, ranAt } = makeTrigger();
    trigger.start();
    await clock.advanceAndSettle(0);
    for (const atMs of changesAt) clock.setTimer(atMs, () => trigger.changed());
    await clock.advanceAndSettle(9000);
    expect(ranAt.slice(1)).toEqual(want);
  });

  test('changes during a run cause exactly one more after it', async () => {
    let end: () => void = () => undefined;
    const { clock, trigger, ranAt } = makeTrigger(() => new Promise((resolve) => (end = resolve)));
    trigger.start();
    await clock.advanceAndSettle(0);
    trigger.changed();
    trigger.changed();
    await clock.advanceAndSettle(30_000);
    expect(ranAt).toEqual([0]);
    expect(trigger.runningForMs()).toBe(30_000);
    end();
    await settle();
    await clock.advanceAndSettle(200);
    expect(ranAt).toEqual([0, 30_200]);
    await clock.advanceAndSettle(5000);
    expect(ranAt).toHaveLength(2);
    end();
  });

  test('close waits for the present run and lets no other come', async () => {
    let end: () => void = () => undefined;
    const { clock, trigger, ranAt } = makeTrigger(() => new Promise((resolve) => (end = resolve)));
    trigger.start();
    await clock.advanceAndSettle(0);
    let closed = false;
    const closing = trigger.close().then(() => (closed = true));
    await settle();
    expect(closed).toBe(false);
    end();
    await closing;
    trigger.changed();
    await clock.advanceAndSettle(60_000);
    expect(ranAt).toEqual([0]);
    expect(clock.timersWaiting).toBe(0);
  });
});
