// First fit over more nodes than one block holds, against a plain loop, while nodes fill, empty, come and go.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { GIB, makePod } from '../../builders/make-pod.ts';

const NODES = 200;
const nodes = Array.from({ length: NODES }, (_, index) =>
  makeNode(`n${String(index).padStart(3, '0')}`)
    .allocatable({ cpuMillis: 1000 + (index % 5) * 200, memoryBytes: (1 + (index % 3)) * GIB, pods: 3 })
    .build(),
);
const snapshot = buildSnapshot(makeObjects({ nodes }), 1);
const kinds: readonly PodObject[] = [
  makePod('a')
    .requests({ cpuMillis: 900, memoryBytes: GIB / 4 })
    .build(),
  makePod('b')
    .requests({ cpuMillis: 100, memoryBytes: 2 * GIB })
    .build(),
  makePod('c').requests({ cpuMillis: 1700 }).build(),
  makePod('d').requests({ cpuMillis: 0 }).build(),
];

function plainFirstFit(fork: ForkedSnapshot, pod: PodObject, from: number): number {
  for (let index = from; index < fork.nodeCount; index += 1) if (fork.whyNot(pod, index) === undefined) return index;
  return -1;
}

type Step = { readonly kind: number; readonly count: number; readonly from: number; readonly after: number };
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({ kind: fc.nat(3), count: fc.nat(150), from: fc.nat(NODES), after: fc.nat(5) }),
  { maxLength: 8 },
);

test('blocks that are passed over have no room', () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      const fork = new ForkedSnapshot(snapshot);
      const marks: number[] = [];
      for (const { kind, count, from, after } of sequence) {
        const pod = kinds[kind] ?? kinds[0];
        if (pod === undefined) throw new Error('there are kinds');
        for (let left = count; left > 0; left -= 1) {
          const index = fork.firstFit(pod);
          if (index === -1) break;
          fork.place(pod, index);
        }
        if (after === 0) marks.push(fork.mark());
        const mark = after === 1 ? marks.pop() : undefined;
        if (mark !== undefined) fork.rollback(mark);
        const open = after === 2 && fork.isOpen(from % fork.nodeCount);
        if (open) fork.removeNode(from % fork.nodeCount);
        for (const one of kinds) {
          expect(fork.firstFit(one)).toBe(plainFirstFit(fork, one, 0));
          expect(fork.firstFit(one, { from })).toBe(plainFirstFit(fork, one, from));
        }
      }
    }),
    { numRuns: 60 },
  );
});
