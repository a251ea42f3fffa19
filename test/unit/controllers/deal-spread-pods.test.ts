import { expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { PodObject, PodShape } from '../../../src/cluster/cluster-objects.ts';
import { dealSpreadPods } from '../../../src/controllers/deal-spread-pods.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { makeNode, makePod, makeShape } from '../../fakes/fake-objects.ts';

const ZONE = 'topology.kubernetes.io/zone';
const HOST = 'kubernetes.io/hostname';

const spreadOver = (...keys: readonly string[]): PodShape => spreadBy(9, ...keys);

const spreadBy = (maxSkew: number, ...keys: readonly string[]): PodShape =>
  makeShape({
    spread: keys.map((topologyKey) => ({
      topologyKey,
      maxSkew,
      minDomains: 1,
      selector: { requirements: [] },
      nodeAffinityPolicy: 'Honor',
      nodeTaintsPolicy: 'Ignore',
    })),
  });

/** Pods numbered in the order of the queue, as a plan deals them: node by node. `parts`: what else is known of each. `named`:
 *  so many of them have the name of each node already. */
function dealt(
  zones: readonly string[],
  counts: readonly number[],
  {
    shape,
    parts = (number) => ({ createdMs: number }),
    named = 0,
  }: { shape: PodShape; parts?: (number: number) => Partial<PodObject>; named?: number },
): readonly (readonly string[])[] {
  const nodes = zones.map((zone, at) =>
    makeNode(`node-${at}`, {
      labels: new Map([
        [ZONE, zone],
        [HOST, `node-${at}`],
      ]),
    }),
  );
  const snapshot = buildSnapshot(makeObjects({ nodes }), 1);
  let number = 0;
  const placed = snapshot.nodes.map((one, at) => ({
    placed: one,
    node: one.node ?? makeNode(''),
    pods: Array.from({ length: counts[at] ?? 0 }, (): PodObject => {
      number += 1;
      return makePod(`pod-${number}`, { shape, ...parts(number) });
    }),
    named: Array.from({ length: named }, (_, index) => makePod(`named-${at}-${index}`, { shape })),
  }));
  return dealSpreadPods(placed).map(({ pods }) => pods.map(({ name }) => name));
}

test.each<{ name: string; zones: string[]; counts: number[]; shape: PodShape; want: string[][] }>([
  {
    name: 'pods of a spread rule alternate between zones',
    zones: ['a', 'b'],
    counts: [3, 3],
    shape: spreadOver(ZONE),
    want: [
      ['pod-1', 'pod-3', 'pod-5'],
      ['pod-2', 'pod-4', 'pod-6'],
    ],
  },
  {
    name: 'within a zone they alternate between nodes where a rule says so',
    zones: ['a', 'a', 'b'],
    counts: [1, 1, 2],
    shape: spreadOver(ZONE, HOST),
    want: [['pod-1'], ['pod-3'], ['pod-2', 'pod-4']],
  },
  {
    name: 'each node gets as many as it was planned for',
    zones: ['a', 'b'],
    counts: [3, 1],
    shape: spreadOver(ZONE),
    want: [['pod-1', 'pod-3', 'pod-4'], ['pod-2']],
  },
  {
    name: 'pods without a rule stay where they are',
    zones: ['a', 'b'],
    counts: [2, 1],
    shape: makeShape(),
    want: [['pod-1', 'pod-2'], ['pod-3']],
  },
])('$name', ({ zones, counts, shape, want }) => {
  expect(dealt(zones, counts, { shape })).toEqual(want);
});

test('of pods that came within the same second, the one that the scheduler tried longest ago is the first', () => {
  const zones = ['a', 'b'];
  const tried = [3, 1, 4, 2];
  const parts = (number: number): Partial<PodObject> => ({ createdMs: 1000, version: tried[number - 1] ?? 0 });
  expect(dealt(zones, [2, 2], { shape: spreadOver(ZONE), parts })).toEqual([
    ['pod-2', 'pod-1'],
    ['pod-4', 'pod-3'],
  ]);
});

test.each<{ name: string; skew: number; named?: number; want: string[][] }>([
  { name: 'no more than the skew', skew: 1, want: [['pod-1'], ['pod-2'], ['pod-3']] },
  { name: 'as many as the skew', skew: 2, want: [['pod-1', 'pod-4'], ['pod-2', 'pod-5'], ['pod-3']] },
  { name: 'none beside one that is on its way there', skew: 1, named: 1, want: [[], [], []] },
  { name: 'one beside one that is on its way there', skew: 2, named: 1, want: [['pod-1'], ['pod-2'], ['pod-3']] },
])('of equal pods a node is named at a time to $name, and the others come last', ({ skew, named = 0, want }) => {
  expect(dealt(['a', 'b', 'a'], [2, 2, 1], { shape: spreadBy(skew, HOST), named })).toEqual(want);
});

test('pods whose rule does not count themselves are all named at once', () => {
  const [rule] = spreadBy(1, ZONE).spread;
  const selector = { requirements: [{ key: 'app', operator: 'Exists', values: [] }] } as const;
  const shape = makeShape({ spread: rule === undefined ? [] : [{ ...rule, selector }] });
  expect(dealt(['a', 'b'], [2, 2], { shape })).toEqual([
    ['pod-1', 'pod-3'],
    ['pod-2', 'pod-4'],
  ]);
});
