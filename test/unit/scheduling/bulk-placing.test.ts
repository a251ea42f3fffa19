// Many equal pods at once must be what one after the other is: counted, placed, taken back. On random clusters with every
// rule in them, and on small ones where the answer is plain.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { parsePod } from '../../../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';
import { fillNode } from '../../../src/scheduling/fill-node.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { GIB, makePod, matchLabels } from '../../builders/make-pod.ts';
import { parseWorld } from '../../twin/parse-world.ts';
import { randomWorld } from '../../twin/random-world.ts';

const RUNS = Number(process.env['SLUICE_PROPERTY_RUNS'] ?? 150);
const TIMEOUT_MS = 60_000 + RUNS * 100;
const HOST = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';
const MOST = 9;

function worldOf(seed: number): { readonly fork: () => ForkedSnapshot; readonly pods: readonly PodObject[] } {
  const interner = new PodShapeInterner();
  const { objects, waiting } = randomWorld(seed);
  const snapshot = buildSnapshot(parseWorld(objects, interner), 1);
  return { fork: () => new ForkedSnapshot(snapshot), pods: waiting.map((raw) => parsePod(raw, interner)) };
}

/** Numbered copies; the first is the pod itself. */
function copies(pod: PodObject, count: number): readonly PodObject[] {
  return Array.from({ length: count }, (_, number) => ({
    ...pod,
    name: number === 0 ? pod.name : `${pod.name}-${number}`,
  }));
}

/** One after the other, until one does not fit; nothing is left on the fork. */
function countOneByOne(fork: ForkedSnapshot, pod: PodObject, index: number): number {
  const mark = fork.mark();
  let count = 0;
  while (count < MOST && fork.whyNot(pod, index) === undefined) {
    fork.place(pod, index);
    count += 1;
  }
  fork.rollback(mark);
  return count;
}

function observe(fork: ForkedSnapshot, pods: readonly PodObject[]): unknown {
  return Array.from({ length: fork.nodeCount }, (_, index) => ({
    pods: fork.podsOn(index).map((pod) => pod.name),
    requested: fork.requestedOn(index),
    verdicts: pods.map((pod) => fork.whyNot(pod, index)),
  }));
}

describe('many at once, on random clusters', () => {
  test('fitsCount says what one after the other would find', { timeout: TIMEOUT_MS }, () => {
    let several = 0;
    fc.assert(
      fc.property(fc.nat(2 ** 30), fc.array(fc.tuple(fc.nat(3), fc.nat(7)), { maxLength: 4 }), (seed, placed) => {
        const world = worldOf(seed);
        const fork = world.fork();
        for (const [pod, node] of placed) {
          const chosen = world.pods[pod % world.pods.length];
          if (chosen !== undefined) fork.place(chosen, node % fork.nodeCount);
        }
        for (const pod of world.pods) {
          for (let index = 0; index < fork.nodeCount; index += 1) {
            const want = countOneByOne(fork, pod, index);
            const got = fork.fitsCount(pod, index, { most: MOST });
            const mayAskAgain = got === 1 && (pod.shape.requests.exact !== undefined || hasOddPods(fork, index));
            if (!mayAskAgain) expect({ pod: pod.name, index, got }).toEqual({ pod: pod.name, index, got: want });
            if (got > 1) several += 1;
          }
        }
      }),
      { numRuns: RUNS },
    );
    expect(several).toBeGreaterThan(RUNS / 4);
  });

  test('placeMany is place one after the other, and rollback is identity', { timeout: TIMEOUT_MS }, () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 30),
        fc.nat(3),
        fc.nat(7),
        fc.integer({ min: 1, max: 5 }),
        (seed, choice, node, count) => {
          const world = worldOf(seed);
          const pod = world.pods[choice % world.pods.length];
          if (pod === undefined) throw new Error('a world has pods that wait');
          const [bulk, single] = [world.fork(), world.fork()];
          const index = node % bulk.nodeCount;
          const before = observe(bulk, world.pods);
          const mixed = [...copies(pod, count), ...world.pods];
          const mark = bulk.mark();
          bulk.placeMany(mixed, index);
          for (const one of mixed) single.place(one, index);
          expect(observe(bulk, world.pods)).toEqual(observe(single, world.pods));
          bulk.rollback(mark);
          expect(observe(bulk, world.pods)).toEqual(before);
        },
      ),
      { numRuns: RUNS },
    );
  });
});

function hasOddPods(fork: ForkedSnapshot, index: number): boolean {
  return (
    fork.allocatableOn(index).exact !== undefined ||
    fork.podsOn(index).some((pod) => pod.shape.requests.exact !== undefined)
  );
}

describe('fitsCount', () => {
  const nodes = [0, 1, 2].map((index) =>
    makeNode(`n${index}`)
      .zone(`zone-${index}`)
      .allocatable({ cpuMillis: 4000, memoryBytes: 8 * GIB, pods: 10 })
      .build(),
  );
  const web = makePod('web').labels({ app: 'web' }).requests({ cpuMillis: 0 });
  test.each([
    { name: 'the scarcest axis decides', pod: makePod('p').requests({ cpuMillis: 700, memoryBytes: GIB }), want: 5 },
    { name: 'a pod that asks for nothing is one of the pods', pod: makePod('p').requests({ cpuMillis: 0 }), want: 10 },
    { name: 'one host port', pod: makePod('p').hostPort(80), want: 1 },
    { name: 'too big', pod: makePod('p').requests({ cpuMillis: 4001 }), want: 0 },
    {
      name: 'a zone spread of 3 over empty zones',
      pod: makePod('web')
        .labels({ app: 'web' })
        .spread({ topologyKey: ZONE, maxSkew: 3, selector: matchLabels({ app: 'web' }) }),
      want: 3,
    },
    {
      name: 'a spread that does not count the pod itself',
      pod: web.spread({ topologyKey: ZONE, selector: matchLabels({ app: 'other' }) }),
      want: 10,
    },
    {
      name: 'away from its own kind',
      pod: makePod('far')
        .labels({ app: 'f' })
        .antiAffinity({ topologyKey: HOST, selector: matchLabels({ app: 'f' }) }),
      want: 1,
    },
    {
      name: 'near its own kind: the first may, and all others after it',
      pod: makePod('near')
        .labels({ app: 'n' })
        .requests({ cpuMillis: 1000 })
        .affinity({ topologyKey: ZONE, selector: matchLabels({ app: 'n' }) }),
      want: 4,
    },
  ])('$name', ({ pod, want }) => {
    const fork = new ForkedSnapshot(buildSnapshot(makeObjects({ nodes }), 1));
    expect(fork.fitsCount(pod.build(), 1)).toBe(want);
    expect(fork.fitsCount(pod.build(), 1, { most: 2 })).toBe(Math.min(2, want));
  });
});

test('fillNode fills group by group, with what is left of each', () => {
  const nodes = [
    makeNode('n')
      .allocatable({ cpuMillis: 4000, memoryBytes: 64 * GIB, pods: 110 })
      .build(),
  ];
  const fork = new ForkedSnapshot(buildSnapshot(makeObjects({ nodes }), 1));
  const groups = [
    { pods: makePod('big').requests({ cpuMillis: 1500 }).buildMany(5), from: 2 },
    { pods: makePod('port').requests({ cpuMillis: 100 }).hostPort(80).buildMany(3), from: 0 },
    { pods: makePod('small').requests({ cpuMillis: 300 }).buildMany(2), from: 0 },
    { pods: makePod('none').buildMany(1), from: 1 },
  ];
  expect(fillNode(fork, 0, groups)).toEqual([2, 1, 2, 0]);
  expect(fork.requestedOn(0)).toMatchObject({ cpuMillis: 3700, pods: 5 });
  expect(fork.podsOn(0).map((pod) => pod.name)).toEqual([
    'big-00002',
    'big-00003',
    'port-00000',
    'small-00000',
    'small-00001',
  ]);
});
