import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildSnapshot, type SnapshotNode } from '../../../src/cluster/build-snapshot.ts';
import { openingGroups } from '../../../src/controllers/opening-groups.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { makeNode } from '../../fakes/fake-objects.ts';

interface Opening {
  /** Kinds of pods that are planned for the node. */
  readonly has: readonly number[];
  /** Kinds that find room there. */
  readonly takes: readonly number[];
}

const KINDS = 6;

function groupsOf(nodes: Readonly<Record<string, Opening>>): readonly (readonly string[])[] {
  const names = Object.keys(nodes);
  const { nodes: all } = buildSnapshot(makeObjects({ nodes: names.map((name) => makeNode(name)) }), 1);
  const of = (node: SnapshotNode): Opening => nodes[node.name] ?? { has: [], takes: [] };
  const groups = openingGroups(all, {
    kinds: KINDS,
    kindsOf: (node) => of(node).has,
    hasRoom: (node, kind) => of(node).takes.includes(kind),
  });
  return groups.map((group) => group.map(({ name }) => name));
}

test.each<{ name: string; nodes: Record<string, Opening>; want: string[][] }>([
  {
    name: 'a node opens after those whose pods have room on it',
    nodes: { 'a-roomy': { has: [0], takes: [1] }, 'b-full': { has: [1], takes: [] } },
    want: [['b-full'], ['a-roomy']],
  },
  {
    name: 'nodes that have room for each other’s pods open together, round about too',
    nodes: {
      a: { has: [0], takes: [2] },
      b: { has: [1], takes: [0] },
      c: { has: [2], takes: [1] },
      d: { has: [3], takes: [0, 1, 2, 3] },
    },
    want: [['a', 'b', 'c'], ['d']],
  },
  {
    name: 'room for pods of its own kind keeps no node apart from others of that kind',
    nodes: { a: { has: [0], takes: [0] }, b: { has: [0], takes: [0] } },
    want: [['a', 'b']],
  },
  { name: 'no nodes are no group', nodes: {}, want: [] },
])('$name', ({ nodes, want }) => {
  expect(groupsOf(nodes)).toEqual(want);
});

test('no node opens before one of another group whose pods have room on it', () => {
  const kinds = fc.uniqueArray(fc.nat(KINDS - 1), { maxLength: 3 });
  const opening = fc.record({ has: kinds, takes: kinds });
  fc.assert(
    fc.property(fc.array(opening, { maxLength: 8 }), (list) => {
      const nodes = Object.fromEntries(list.map((one, at) => [`node-${at}`, one]));
      const groups = groupsOf(nodes);
      expect(groups.flat().toSorted()).toEqual(Object.keys(nodes).toSorted());
      const step = new Map(groups.flatMap((group, at) => group.map((name) => [name, at] as const)));
      for (const [one, { has }] of Object.entries(nodes)) {
        for (const [other, { takes }] of Object.entries(nodes)) {
          if (has.some((kind) => takes.includes(kind)))
            expect(step.get(one) ?? 0).toBeLessThanOrEqual(step.get(other) ?? 0);
        }
      }
    }),
    { numRuns: 200 },
  );
});
