import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects, PodObject } from '../../../src/cluster/cluster-objects.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import { RoomKinds } from '../../../src/scheduling/room-kinds.ts';
import { NodeRemovals } from '../../../src/simulation/simulate-node-removal.ts';
import { simulatePendingPods } from '../../../src/simulation/simulate-pending-pods.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { makePod, matchLabels } from '../../builders/make-pod.ts';

const ZONE = 'topology.kubernetes.io/zone';
const HOST = 'kubernetes.io/hostname';

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

/** In the order of the nodes' names unless the test says otherwise. */
function removalsOn(fork: ForkedSnapshot, order = [...Array(fork.nodeCount).keys()]): NodeRemovals {
  return new NodeRemovals(fork, new RoomKinds(fork), order);
}

describe('NodeRemovals', () => {
  const nodes = ['a', 'b', 'c'].map((name) => makeNode(name).build());
  const web = makePod('web').requests({ cpuMillis: 1000 }).on('a').build();
  const big = makePod('big').requests({ cpuMillis: 3000 }).on('a').build();
  const agent = makePod('agent').requests({ cpuMillis: 500 }).on('a').build();
  /** Its port makes it a pod of which the fork must be asked. */
  const port = makePod('port').requests({ cpuMillis: 1000 }).hostPort(80).on('a').build();

  test('moves what can move, biggest first, and leaves the fork changed', () => {
    const fork = forkOf({ nodes, pods: [web, big, agent] });
    const removals = removalsOn(fork);
    const result = removals.remove(0, [web, big]);
    removals.catchUp();
    expect(result).toMatchObject({
      kind: 'fits',
      moves: [
        { pod: big, node: 1 },
        { pod: web, node: 1 },
      ],
    });
    expect(fork.isOpen(0)).toBe(false);
    expect(names(fork.podsOn(1))).toEqual(['big', 'web']);
  });

  test('fills the nodes in the order that it is given, also with pods that ask for more than room', () => {
    const fork = forkOf({ nodes, pods: [web, port] });
    const result = removalsOn(fork, [2, 1, 0]).remove(0, [web, port]);
    expect(result).toMatchObject({
      kind: 'fits',
      moves: [
        { pod: port, node: 2 },
        { pod: web, node: 2 },
      ],
    });
  });

  test('goes past a node whose port is taken', () => {
    const taken = makePod('taken').hostPort(80).on('b').build();
    const fork = forkOf({ nodes, pods: [port, taken] });
    expect(removalsOn(fork).remove(0, [port])).toMatchObject({ moves: [{ node: 2 }] });
  });

  test.each([
    { what: 'room alone', pods: [web, big] },
    { what: 'a port too', pods: [port, big] },
  ])('says which pod is stuck and why, and leaves the fork as it was: pods that ask for $what', ({ pods }) => {
    const full = ['b', 'c'].map((name) => makePod(`full-${name}`).requests({ cpuMillis: 2000 }).on(name).build());
    const fork = forkOf({ nodes, pods: [...pods, ...full] });
    const removals = removalsOn(fork);
    expect(removals.remove(0, pods)).toEqual({ kind: 'stuck', pod: big, refusal: '2 Insufficient cpu' });
    expect(fork.isOpen(0)).toBe(true);
    expect(names(fork.podsOn(0)).toSorted()).toEqual(names(pods).toSorted());
    expect(names(fork.podsOn(1))).toEqual(['full-b']);
    expect(removals.remove(0, pods.slice(0, 1)).kind).toBe('fits');
  });

  test('the last node has no other', () => {
    const fork = forkOf({ nodes: [makeNode('a').build()], pods: [web] });
    expect(removalsOn(fork).remove(0, [web])).toMatchObject({ refusal: 'there is no other node' });
  });

  test('a node without movable pods just goes', () => {
    const fork = forkOf({ nodes, pods: [agent] });
    expect(removalsOn(fork).remove(0, [])).toEqual({ kind: 'fits', moves: [] });
  });

  test('one removal after the other does not use the same room twice', () => {
    const onB = { ...web, name: 'other', uid: 'other', nodeName: 'b' };
    const tight = makePod('tight').requests({ cpuMillis: 2500 }).on('c').build();
    const removals = removalsOn(forkOf({ nodes, pods: [web, onB, tight] }));
    expect(removals.remove(0, [web])).toMatchObject({ kind: 'fits', moves: [{ node: 1 }] });
    expect(removals.remove(1, [onB, web]).kind).toBe('stuck');
  });

  test('heeds taints and the anti-affinity of pods that run', () => {
    const lonely = makePod('lonely')
      .labels({ app: 'db' })
      .antiAffinity({ topologyKey: HOST, selector: matchLabels({ app: 'web' }) })
      .on('b')
      .build();
    const tainted = [...nodes.slice(0, 2), makeNode('c').taint('only', 'NoSchedule').build()];
    const mover = makePod('mover').labels({ app: 'web' }).on('a').build();
    expect(removalsOn(forkOf({ nodes: tainted, pods: [mover, lonely] })).remove(0, [mover]).kind).toBe('stuck');
    expect(removalsOn(forkOf({ nodes, pods: [mover, lonely] })).remove(0, [mover])).toMatchObject({
      moves: [{ node: 2 }],
    });
  });
});
