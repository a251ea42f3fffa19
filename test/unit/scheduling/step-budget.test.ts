// Specs made to be hard: bounded in steps, said, and harmless for pods that have nothing to do with them.
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { makePod, matchLabels } from '../../builders/make-pod.ts';

const HOST = 'kubernetes.io/hostname';
const NODES = 20;
const KINDS = 60;

/** Every kind selects all others, by words that no index can use. */
function hostileKinds(): readonly PodObject[] {
  return Array.from({ length: KINDS }, (_, index) =>
    makePod(`hard-${index}`)
      .labels({ kind: `k${index}` })
      .antiAffinity({
        topologyKey: HOST,
        selector: { requirements: [{ key: `not-${index}`, operator: 'DoesNotExist', values: [] }] },
      })
      .build(),
  );
}

function forkOf(stepsMax?: number): ForkedSnapshot {
  const nodes = Array.from({ length: NODES }, (_, index) => makeNode(`n${String(index).padStart(2, '0')}`).build());
  return new ForkedSnapshot(buildSnapshot(makeObjects({ nodes }), 1), stepsMax === undefined ? {} : { stepsMax });
}

function placeAll(fork: ForkedSnapshot, pods: readonly PodObject[]): readonly number[] {
  return pods.map((pod) => {
    const node = fork.firstFit(pod);
    if (node !== -1) fork.place(pod, node);
    return node;
  });
}

describe('pods that all keep each other away', () => {
  test('within the budget each gets its node, and nothing is cut short', () => {
    const fork = forkOf();
    const nodes = placeAll(fork, hostileKinds());
    expect(nodes.slice(0, NODES)).toEqual(Array.from({ length: NODES }, (_, index) => index));
    expect(new Set(nodes.slice(NODES))).toEqual(new Set([-1]));
    expect(fork.cutShort).toBeUndefined();
  });

  test('beyond it they are refused with a reason, the same ones every time', () => {
    const first = forkOf(2000);
    const nodes = placeAll(first, hostileKinds());
    expect(nodes.filter((node) => node !== -1).length).toBeGreaterThan(0);
    expect(nodes.filter((node) => node !== -1).length).toBeLessThan(NODES);
    expect(first.cutShort).toContain('steps');
    expect(placeAll(forkOf(2000), hostileKinds())).toEqual(nodes);
    const late = makePod('late').antiAffinity({ topologyKey: HOST, selector: matchLabels({ a: 'b' }) });
    expect(first.whyNot(late.build(), NODES - 1)).toEqual({
      plugin: 'Sluice',
      reasons: ["pods' constraints on each other are too many to be worked out"],
    });
  });

  test('what is spent beyond the budget is little', () => {
    const fork = forkOf(2000);
    placeAll(fork, hostileKinds());
    expect(fork.stepsSpent).toBeLessThan(2000 * 2);
  });
});

test('a pod without constraints in another namespace is placed when the budget is gone', () => {
  const fork = forkOf(2000);
  placeAll(fork, hostileKinds());
  expect(fork.firstFit(makePod('plain').namespace('other').build())).toBe(0);
});

test('steps of equal pods do not grow with their number', () => {
  const spent = [10, 200].map((count) => {
    const fork = forkOf();
    const pods = makePod('web')
      .labels({ app: 'web' })
      .spread({ selector: matchLabels({ app: 'web' }), topologyKey: HOST, maxSkew: 100 })
      .buildMany(count);
    expect(placeAll(fork, pods).every((node) => node !== -1)).toBe(true);
    return fork.stepsSpent;
  });
  expect(spent[1]).toBe(spent[0]);
});
