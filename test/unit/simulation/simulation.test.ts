import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects, PodObject } from '../../../src/cluster/cluster-objects.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { simulateNodeRemoval } from '../../../src/simulation/simulate-node-removal.ts';
import { simulatePendingPods } from '../../../src/simulation/simulate-pending-pods.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { makePod, matchLabels } from '../../builders/make-pod.ts';

const ZONE = 'topology.kubernetes.io/zone';

function forkOf(fields: Partial<ClusterObjects>): ForkedSnapshot {
  return new ForkedSnapshot(buildSnapshot(makeObjects(fields), 1));
}

function names(pods: readonly PodObject[]): readonly string[] {
  return pods.map((pod) => pod.name);
}

describe('simulatePendingPods', () => {
  const nodes = [makeNode('a').build(), makeNode('b').zone('zone-b').build()];

  test('each pod is placed once or left', () => {
    const fork = forkOf({ nodes });
    const pods = makePod('p').requests({ cpuMillis: 1500 }).buildMany(6);
    const { placed, left } = simulatePendingPods(fork, pods);
    expect(placed.map(({ node }) => node)).toEqual([0, 0, 1, 1]);
    expect(names(left)).toEqual(['p-00004', 'p-00005']);
    expect([fork.requestedOn(0).cpuMillis, fork.requestedOn(1).cpuMillis]).toEqual([3000, 3000]);
  });

  test('a pod that needs another one is placed after it, though it comes first', () => {
    const follower = makePod('follower').affinity({ topologyKey: ZONE, selector: matchLabels({ app: 'lead' }) });
    const lead = makePod('lead')
      .labels({ app: 'lead' })
      .nodeSelector({ [ZONE]: 'zone-b' });
    const { placed, left } = simulatePendingPods(forkOf({ nodes }), [follower.build(), lead.build()]);
    expect(placed.map(({ pod, node }) => [pod.name, node])).toEqual([
      ['lead', 1],
      ['follower', 1],
    ]);
    expect(left).toEqual([]);
  });

  test('the order of the cluster objects does not matter', () => {
    const many = ['c', 'a', 'b', 'd'].map((name) => makeNode(name).build());
    const pods = [
      ...makePod('x').requests({ cpuMillis: 900 }).buildMany(6),
      ...makePod('y').requests({ cpuMillis: 1700 }).priority(5).buildMany(4),
      ...makePod('z')
        .labels({ app: 'z' })
        .antiAffinity({ selector: matchLabels({ app: 'z' }) })
        .buildMany(3),
    ];
    const outcome = (objects: ClusterObjects): unknown => {
      const fork = new ForkedSnapshot(buildSnapshot(objects, 1));
      const { placed, left } = simulatePendingPods(fork, fork.snapshot.pendingPods);
      return { placed: placed.map(({ pod, node }) => [pod.name, fork.nodeName(node)]), left: names(left) };
    };
    const wanted = outcome(makeObjects({ nodes: many, pods }));
    fc.assert(
      fc.property(
        fc.shuffledSubarray(many, { minLength: many.length }),
        fc.shuffledSubarray(pods, { minLength: pods.length }),
        (someNodes, somePods) => {
          expect(outcome(makeObjects({ nodes: someNodes, pods: somePods }))).toEqual(wanted);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('simulateNodeRemoval', () => {
  const nodes = ['a', 'b', 'c'].map((name) => makeNode(name).build());
  const web = makePod('web').requests({ cpuMillis: 1000 }).on('a').build();
  const big = makePod('big').requests({ cpuMillis: 3000 }).on('a').build();
  const agent = makePod('agent').requests({ cpuMillis: 500 }).on('a').build();

  test('moves what can move, biggest first, and leaves the fork changed', () => {
    const fork = forkOf({ nodes, pods: [web, big, agent] });
    const result = simulateNodeRemoval(fork, 0, { movable: [web, big] });
    expect(result).toEqual({
      kind: 'fits',
      moves: [
        { pod: big, node: 1 },
        { pod: web, node: 1 },
      ],
    });
    expect(fork.isOpen(0)).toBe(false);
    expect(names(fork.podsOn(1))).toEqual(['big', 'web']);
  });

  test('says which pod is stuck and why, and leaves the fork as it was', () => {
    const full = ['b', 'c'].map((name) => makePod(`full-${name}`).requests({ cpuMillis: 2000 }).on(name).build());
    const fork = forkOf({ nodes, pods: [web, big, ...full] });
    expect(simulateNodeRemoval(fork, 0, { movable: [web, big] })).toEqual({
      kind: 'stuck',
      pod: big,
      refusal: '2 Insufficient cpu',
    });
    expect(fork.isOpen(0)).toBe(true);
    expect(names(fork.podsOn(0))).toEqual(['big', 'web']);
    expect(simulateNodeRemoval(fork, 0, { movable: [web] }).kind).toBe('fits');
  });

  test('the last node has no other', () => {
    const fork = forkOf({ nodes: [makeNode('a').build()], pods: [web] });
    expect(simulateNodeRemoval(fork, 0, { movable: [web] })).toMatchObject({ refusal: 'there is no other node' });
  });

  test('a node without movable pods just goes', () => {
    const fork = forkOf({ nodes, pods: [agent] });
    expect(simulateNodeRemoval(fork, 0, { movable: [] })).toEqual({ kind: 'fits', moves: [] });
  });

  test('one removal after the other does not use the same room twice', () => {
    const onB = { ...web, name: 'other', uid: 'other', nodeName: 'b' };
    const tight = makePod('tight').requests({ cpuMillis: 2500 }).on('c').build();
    const fork = forkOf({ nodes, pods: [web, onB, tight] });
    expect(simulateNodeRemoval(fork, 0, { movable: [web] })).toMatchObject({ kind: 'fits', moves: [{ node: 1 }] });
    expect(simulateNodeRemoval(fork, 1, { movable: [onB, web] }).kind).toBe('stuck');
  });
});
