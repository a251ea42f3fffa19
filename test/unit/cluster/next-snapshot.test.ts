// Changes found between two lists must make the second of the first, whatever the lists are.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { changesBetween, nextSnapshot } from '../../../src/cluster/next-snapshot.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { makePod } from '../../builders/make-pod.ts';

const FILL = Array.from({ length: 400 }, (_, index) => podNamed(`fill-${index}`, 0));

function podNamed(name: string, version: number): PodObject {
  return {
    ...makePod(name)
      .on('n0')
      .requests({ cpuMillis: 1 + version })
      .build(),
    uid: name,
  };
}

/** What a list holds after the changes, as a set. */
function applied(before: readonly PodObject[], after: readonly PodObject[]): ReadonlySet<PodObject> | undefined {
  const changes = changesBetween(before, after);
  if (changes === undefined) return undefined;
  const left = new Set(before);
  for (const change of changes) if (change.before !== undefined) expect(left.delete(change.before)).toBe(true);
  for (const change of changes) {
    if (change.after === undefined) continue;
    expect(left.has(change.after)).toBe(false);
    left.add(change.after);
  }
  return left;
}

describe('changes between two lists of pods', () => {
  const pods = [podNamed('a', 0), podNamed('b', 0), podNamed('c', 0)];
  const [a, b, c] = pods;
  const d = podNamed('d', 0);

  test.each([
    { name: 'nothing', after: [...FILL, ...pods], want: 0 },
    { name: 'one changed in its place', after: [...FILL, a, podNamed('b', 1), c], want: 1 },
    { name: 'one deleted', after: [...FILL, a, c], want: 1 },
    { name: 'one in the place of another', after: [...FILL, a, d, c], want: 1 },
    { name: 'one more at the end', after: [...FILL, ...pods, d], want: 1 },
    { name: 'one deleted, one more at the end', after: [...FILL, b, c, d], want: 2 },
    { name: 'one put before the others', after: [d, ...FILL, ...pods], want: 1 },
    { name: 'the last one deleted', after: [...FILL, a, b], want: 1 },
  ])('$name', ({ after, want }) => {
    const list = after.filter((pod) => pod !== undefined);
    expect(changesBetween([...FILL, ...pods], list)).toHaveLength(want);
    expect(applied([...FILL, ...pods], list)).toEqual(new Set(list));
  });

  test('too many are not looked for', () => {
    expect(changesBetween(FILL, FILL.toReversed())).toBeUndefined();
  });

  test('make the second list of the first, in any order', () => {
    const list = fc.uniqueArray(fc.record({ id: fc.nat(20), version: fc.nat(1) }), { selector: ({ id }) => id });
    const known = new Map<string, PodObject>();
    const podOf = ({ id, version }: { readonly id: number; readonly version: number }): PodObject => {
      const key = `${id}/${version}`;
      const pod = known.get(key) ?? podNamed(`p${id}`, version);
      known.set(key, pod);
      return pod;
    };
    fc.assert(
      fc.property(list, list, fc.nat(400), (first, second, cut) => {
        const before = [...FILL.slice(0, cut), ...first.map(podOf), ...FILL.slice(cut)];
        const after = [...FILL.slice(0, cut), ...second.map(podOf), ...FILL.slice(cut)];
        const got = applied(before, after);
        if (got !== undefined) expect(got).toEqual(new Set(after));
        const nodes = [makeNode('n0').build()];
        const previous = buildSnapshot(makeObjects({ nodes, pods: before }), 1);
        const objects = makeObjects({ nodes, pods: after });
        const fresh = buildSnapshot(objects, 2);
        const next = nextSnapshot(previous, objects, 2);
        expect(next.nodes).toEqual(fresh.nodes);
        expect(next.pendingPods).toEqual(fresh.pendingPods);
        expect(next.columns.requested).toEqual(fresh.columns.requested);
      }),
      { numRuns: 200 },
    );
  });
});
