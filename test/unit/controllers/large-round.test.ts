import { describe, expect, it, test } from 'vitest';
import { extraWaitMs, LARGE_ROUND_PODS, LargeRound, QUIET_MS } from '../../../src/controllers/large-round.ts';
import type { PlacedNode } from '../../../src/controllers/name-pods.ts';
import { makeNode, makeClaim, makePod } from '../../fakes/fake-objects.ts';

interface Waiting {
  readonly unnamed: number;
  readonly named?: number;
  readonly untried?: number;
  readonly version?: number;
}

function waiting({ unnamed, named = 0, untried = 0, version = 1 }: Waiting): readonly PlacedNode[] {
  const pods = (count: number, tried: number) =>
    Array.from({ length: count }, (_, at) =>
      makePod(`pod-${at}`, { phase: 'Pending', nodeName: '', unschedulable: at < tried, version }),
    );
  const node = makeNode('web-node-aaaaaa');
  const placed = { name: node.name } as PlacedNode['placed'];
  return [{ placed, node, pods: pods(unnamed, unnamed - untried), named: pods(named, named) }];
}

describe('a large round', () => {
  const round = (turns: readonly (Waiting & { readonly atMs: number; readonly isComplete?: boolean })[]) => {
    const large = new LargeRound();
    return turns.map(({ atMs, isComplete = true, ...what }) =>
      large.next(waiting(what), { isComplete, nowMs: atMs, namesMax: 10 }),
    );
  };

  test.each<{ name: string; turns: Parameters<typeof round>[0]; next: ReturnType<typeof round> }>([
    {
      name: 'waits until the scheduler is quiet, then names',
      turns: [
        { atMs: 0, unnamed: 50 },
        { atMs: QUIET_MS - 1, unnamed: 50 },
        { atMs: QUIET_MS, unnamed: 50 },
      ],
      next: ['wait', 'wait', 'name'],
    },
    {
      name: 'waits anew when a pod was tried meanwhile',
      turns: [
        { atMs: 0, unnamed: 50 },
        { atMs: QUIET_MS, unnamed: 50, version: 2 },
        { atMs: 2 * QUIET_MS, unnamed: 50, version: 2 },
      ],
      next: ['wait', 'wait', 'name'],
    },
    {
      name: 'waits for pods that were never tried, but for one in a hundred',
      turns: [
        { atMs: 0, unnamed: 200, untried: 3 },
        { atMs: QUIET_MS, unnamed: 200, untried: 3 },
        { atMs: QUIET_MS + 1, unnamed: 200, untried: 2 },
      ],
      next: ['wait', 'wait', 'name'],
    },
    {
      name: 'waits for nodes to come',
      turns: [
        { atMs: 0, unnamed: 50, isComplete: false },
        { atMs: QUIET_MS, unnamed: 50, isComplete: false },
        { atMs: QUIET_MS + 1, unnamed: 50 },
      ],
      next: ['wait', 'wait', 'name'],
    },
    {
      name: 'goes on naming when names are taken back, and opens with few missing',
      turns: [
        { atMs: 0, unnamed: 50 },
        { atMs: QUIET_MS, unnamed: 50 },
        { atMs: QUIET_MS + 1, unnamed: 20, named: 30, version: 7 },
        { atMs: QUIET_MS + 2, unnamed: 10, named: 40, version: 8 },
      ],
      next: ['wait', 'name', 'name', 'open'],
    },
  ])('$name', ({ turns, next }) => {
    expect(round(turns)).toEqual(next);
  });

  it('waits for quiet again after one that has ended', () => {
    const large = new LargeRound();
    const at = (nowMs: number, version: number) =>
      large.next(waiting({ unnamed: 50, version }), { isComplete: true, nowMs, namesMax: 10 });
    expect([at(0, 1), at(QUIET_MS, 1)]).toEqual(['wait', 'name']);
    large.end();
    expect([at(QUIET_MS + 1, 2), at(2 * QUIET_MS + 1, 2)]).toEqual(['wait', 'name']);
  });

  it('makes nodes wait longer the more pods the scheduler has to try, but not for ever', () => {
    const claims = (pods: number) => [
      undefined,
      makeClaim('web-node-aaaaaa', { spec: { plannedPods: [{ shape: 'a', count: pods - 1 }] } }),
      makeClaim('web-node-bbbbbb', { spec: { plannedPods: [{ shape: 'b', count: 1 }] } }),
    ];
    expect(
      [0, LARGE_ROUND_PODS - 1, LARGE_ROUND_PODS, 5000, 1_000_000].map((pods) => extraWaitMs(claims(pods))),
    ).toEqual([0, 0, 80_000, 100_000, 480_000]);
  });
});
