// Nodes taken out of random clusters with every rule in them: each move must be one that the filters allow at that moment, a pod
// must only be stuck where no node takes it, and a removal that fails must leave no trace.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { belongsToNode } from '../../../src/cluster/pending-groups.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { RoomKinds } from '../../../src/scheduling/room-kinds.ts';
import { NodeRemovals } from '../../../src/simulation/simulate-node-removal.ts';
import { parseWorld } from '../../twin/parse-world.ts';
import { randomWorld } from '../../twin/random-world.ts';

const RUNS = Number(process.env['SLUICE_PROPERTY_RUNS'] ?? 40);

/** Two forks of one random cluster: one to remove nodes from, one to look over its shoulder. */
function forksOf(seed: number): readonly [ForkedSnapshot, ForkedSnapshot] {
  const snapshot = buildSnapshot(parseWorld(randomWorld(seed).objects, new PodShapeInterner()), 1);
  return [new ForkedSnapshot(snapshot), new ForkedSnapshot(snapshot)];
}

function movableOn(fork: Pick<ForkedSnapshot, 'podsOn'>, index: number): readonly PodObject[] {
  return fork.podsOn(index).filter((pod) => !belongsToNode(pod) && !pod.deleting);
}

function observe(fork: ForkedSnapshot): unknown {
  return Array.from({ length: fork.nodeCount }, (_, index) => ({
    open: fork.isOpen(index),
    pods: fork
      .podsOn(index)
      .map((pod) => pod.name)
      .sort(),
    requested: fork.requestedOn(index),
  }));
}

function caughtUp(removals: NodeRemovals, fork: ForkedSnapshot): unknown {
  removals.catchUp();
  return observe(fork);
}

describe('removing nodes of random clusters', () => {
  test('moves only where the filters allow it, and leaves no trace where it fails', { timeout: 60_000 }, () => {
    const seen = { fits: 0, stuck: 0, moves: 0 };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.boolean(), fc.boolean(), (seed, reversed, late) => {
        const [fork, witness] = forksOf(seed);
        const order = [...Array(fork.nodeCount).keys()];
        if (reversed) order.reverse();
        const removals = new NodeRemovals(fork, new RoomKinds(fork), order);
        for (let index = 0; index < fork.nodeCount; index += 1) {
          if (!fork.isOpen(index)) continue;
          const result = removals.remove(index, movableOn(removals, index));
          seen[result.kind] += 1;
          if (result.kind === 'fits') {
            witness.removeNode(index);
            for (const { pod, node } of result.moves) {
              expect(witness.whyNot(pod, node)).toBeUndefined();
              witness.place(pod, node);
              seen.moves += 1;
            }
          }
          if (!late) expect(caughtUp(removals, fork)).toEqual(observe(witness));
        }
        expect(caughtUp(removals, fork)).toEqual(observe(witness));
      }),
      { numRuns: RUNS },
    );
    expect(Math.min(seen.fits, seen.stuck, seen.moves)).toBeGreaterThan(RUNS / 2);
  });

  test('a pod is stuck exactly where no node takes it', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), (seed) => {
        const [fork, witness] = forksOf(seed);
        for (let index = 0; index < fork.nodeCount; index += 1) {
          if (!fork.isOpen(index)) continue;
          for (const pod of movableOn(fork, index)) {
            const mark = fork.mark();
            const { kind } = new NodeRemovals(
              fork,
              new RoomKinds(fork),
              [...Array(fork.nodeCount).keys()].reverse(),
            ).remove(index, [pod]);
            fork.rollback(mark);
            const before = witness.mark();
            witness.removeNode(index);
            expect(kind).toBe(witness.firstFit(pod) === -1 ? 'stuck' : 'fits');
            witness.rollback(before);
          }
        }
      }),
      { numRuns: RUNS / 2 },
    );
  });
});
