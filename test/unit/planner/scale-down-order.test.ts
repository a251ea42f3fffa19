import { describe, expect, it } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import { fillOrder, turned } from '../../../src/planner/scale-down-order.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { makeClaim, makeObjects, makePod, NOW_MS } from './planner-world.ts';

describe('candidates that a search did not get to', () => {
  it('all come first within a bounded number of turns, and the list stays whole', () => {
    const names = Array.from({ length: 50 }, (_, number) => `node-${number}`);
    const firsts = new Set<string>();
    for (let turn = 0; turn < names.length; turn += 1) {
      const list = turned(names, NOW_MS + turn * 10_000);
      expect([...list].sort()).toEqual([...names].sort());
      firsts.add(list[0] ?? '');
    }
    expect(firsts.size).toBe(names.length);
  });

  it('are in one order within a turn', () => {
    expect(turned(['a', 'b', 'c'], 60_000)).toEqual(turned(['a', 'b', 'c'], 69_999));
    expect(turned([], 60_000)).toEqual([]);
  });
});

describe('the nodes that take pods', () => {
  it('are those that stay, the most used first, then candidates, the last one first, then those not Ready yet', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const claims = names.map((name) =>
      name === 'a' ? makeClaim(name, 'web', { phase: 'Building', createdMs: NOW_MS }) : makeClaim(name, 'web'),
    );
    const pods = [
      makePod('some', { nodeName: 'b', cpuMillis: 500 }),
      makePod('more', { nodeName: 'c', cpuMillis: 900 }),
    ];
    const snapshot = buildSnapshot(makeObjects({ claims, pods }), 1);
    const tried = ['d', 'e'].map((name) => snapshot.nodeIndexByName.get(name) ?? -1);
    const order = fillOrder(new ForkedSnapshot(snapshot), tried);
    expect(order.map((index) => snapshot.nodes[index]?.name)).toEqual(['c', 'b', 'e', 'd', 'a']);
  });
});
