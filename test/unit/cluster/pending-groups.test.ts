import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparePods, groupPending } from '../../../src/cluster/pending-groups.ts';
import { makePod } from '../../builders/make-pod.ts';

describe('groups of pending pods', () => {
  const asked = fc.array(
    fc.record({
      cpuMillis: fc.constantFrom(100, 200),
      priority: fc.constantFrom(0, 10),
      daemon: fc.boolean(),
      nominatedNodeName: fc.constantFrom('', 'node-a', 'node-b'),
    }),
    { maxLength: 30 },
  );

  test('hold every pod once, in the order of the list, and only pods that nothing tells apart', () => {
    fc.assert(
      fc.property(asked, (asks) => {
        const pods = asks
          .map(({ cpuMillis, daemon, ...fields }, index) => {
            const pod = makePod(`p${index}`).requests({ cpuMillis }).build();
            const controller = { kind: daemon ? 'DaemonSet' : 'ReplicaSet', name: 'c', uid: 'u' };
            return { ...pod, ...fields, controller };
          })
          .sort(comparePods);
        const groups = groupPending(pods);
        expect(groups.flatMap((group) => group.pods).sort(comparePods)).toEqual(pods);
        for (const { shape, priority, ownNode, nominatedNodeName, pods: members } of groups) {
          expect(members).toEqual([...members].sort(comparePods));
          for (const pod of members) {
            expect(pod).toMatchObject({ shape, priority, nominatedNodeName });
            expect(pod.controller?.kind === 'DaemonSet').toBe(ownNode);
          }
        }
        const kinds = groups.map((one) => [one.shape.key, one.priority, one.ownNode, one.nominatedNodeName].join('/'));
        expect(new Set(kinds).size).toBe(groups.length);
      }),
    );
  });
});
