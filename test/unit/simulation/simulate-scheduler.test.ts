import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { groupPending } from '../../../src/cluster/pending-groups.ts';
import { ForkedSnapshot } from '../../../src/scheduling/forked-snapshot.ts';
import type { TemplateNode } from '../../../src/scheduling/template-node.ts';
import type { SimulatedRound } from '../../../src/simulation/joining-round.ts';
import type { QueuedGroup } from '../../../src/simulation/scheduling-queue.ts';
import { SchedulerSimulation } from '../../../src/simulation/simulate-scheduler.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { GIB, makePod, matchLabels, type PodBuilder } from '../../builders/make-pod.ts';

const HOST = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';
const STEPS = 1_000_000;

function nodeOf(cpuMillis: number, zone = 'zone-a'): TemplateNode {
  return {
    key: `${cpuMillis} ${zone}`,
    poolName: 'web',
    flavor: {
      id: 'id',
      name: `c${cpuMillis}`,
      vcpus: cpuMillis / 1000,
      memoryMiB: 65_536,
      diskGiB: 100,
      extraSpecs: new Map(),
    },
    zone,
    labels: new Map([[ZONE, zone]]),
    taints: [],
    unschedulable: false,
    allocatable: { cpuMillis, memoryBytes: 64 * GIB, ephemeralBytes: 0, pods: 110, extended: new Map() },
    daemonShapes: [],
    volumeLimits: new Map(),
  };
}

function nodes(count: number, cpuMillis: number): readonly TemplateNode[] {
  const node = nodeOf(cpuMillis);
  return Array.from({ length: count }, () => node);
}

function queued(pods: readonly PodObject[]): readonly QueuedGroup[] {
  return groupPending(pods).map((group) => ({ ...group, evictedLater: false }));
}

/** Asks for cpu alone, so that only cpu decides. */
function pod(name: string, cpuMillis: number): PodBuilder {
  return makePod(name).requests({ cpuMillis, memoryBytes: 0 });
}

function emptyFork(): ForkedSnapshot {
  return new ForkedSnapshot(buildSnapshot(makeObjects({}), 1));
}

function run(
  pods: readonly PodObject[],
  joining: readonly TemplateNode[],
  options: { triesPerNode?: number; seed?: number; stepsMax?: number } = {},
): SimulatedRound {
  const { triesPerNode = Infinity, seed = 1, stepsMax = STEPS } = options;
  return new SchedulerSimulation(emptyFork(), queued(pods), { stepsMax }).run(joining, { seed, triesPerNode });
}

describe('SchedulerSimulation', () => {
  test('a plan without slack is left with what came last in the queue', () => {
    // Two nodes of 4 cores hold 3 + 1 each; but the small ones are older and share a node.
    const pods = [...pod('small', 1000).createdMs(1).buildMany(2), ...pod('big', 3000).createdMs(2).buildMany(2)];
    const { left, leftInAll } = run(pods, nodes(2, 4000));
    expect([...left]).toEqual([0, 1]);
    expect(leftInAll).toBe(1);
  });

  test('nodes that join together share the pods, the emptiest first', () => {
    const pods = [...pod('small', 1000).createdMs(1).buildMany(2), ...pod('big', 3000).createdMs(2).buildMany(2)];
    expect(run(pods, nodes(2, 4000), { triesPerNode: 0 }).leftInAll).toBe(0);
  });

  test('the more important pods come first, however young', () => {
    const pods = [
      ...pod('old', 1000).createdMs(1).buildMany(4),
      ...pod('new', 1000).createdMs(2).priority(10).buildMany(3),
    ];
    const { left } = run(pods, nodes(1, 4000));
    expect([...left]).toEqual([3, 0]);
  });

  test('a pod that did not fit is tried after those behind it when the next node joins', () => {
    // One try per node: the big one gets the first node, then it is the turn of the second pod, not of the first again.
    const pods = [...pod('big', 5000).createdMs(1).buildMany(1), ...pod('small', 1000).createdMs(2).buildMany(1)];
    const { placements } = run(pods, [nodeOf(4000), nodeOf(4000)], { triesPerNode: 1 });
    expect([...placements.groups]).toEqual([1]);
  });

  test('labels of a node are heeded', () => {
    const pods = pod('b', 1000)
      .nodeSelector({ [ZONE]: 'zone-b' })
      .buildMany(6);
    const { left, placements, order } = run(pods, [nodeOf(4000), nodeOf(4000, 'zone-b')]);
    expect([...left]).toEqual([2]);
    expect([...placements.nodes].map((joined) => order[joined])).toEqual([1, 1, 1, 1]);
  });

  test('pods that keep off each other get a node each', () => {
    const apart = pod('apart', 100)
      .labels({ app: 'a' })
      .antiAffinity({ topologyKey: HOST, selector: matchLabels({ app: 'a' }) });
    const { left, forked } = run(apart.buildMany(5), nodes(3, 4000));
    expect([...left]).toEqual([2]);
    expect(forked).toBe(true);
  });

  test('pods that spread over nodes get all of them when they are all there', () => {
    const spread = pod('spread', 100)
      .labels({ app: 's' })
      .spread({ topologyKey: HOST, maxSkew: 1, selector: matchLabels({ app: 's' }) });
    for (const triesPerNode of [0, 3, Infinity]) {
      const { left, placements } = run(spread.buildMany(40), nodes(4, 4000), { triesPerNode });
      expect([...left]).toEqual([0]);
      const perNode = [0, 1, 2, 3].map((node) => placements.nodes.filter((joined) => joined === node).length);
      expect(Math.max(...perNode) - Math.min(...perNode)).toBeLessThanOrEqual(triesPerNode === 0 ? 1 : 40);
    }
  });

  test('a pod that waits for another one follows it', () => {
    const follower = pod('follower', 100)
      .createdMs(1)
      .affinity({ topologyKey: ZONE, selector: matchLabels({ app: 'lead' }) });
    const lead = pod('lead', 100).createdMs(2).labels({ app: 'lead' });
    expect(run([follower.build(), lead.build()], nodes(1, 4000)).leftInAll).toBe(0);
  });

  test('what runs out of steps says so', () => {
    expect(run(pod('p', 100).buildMany(100), nodes(4, 4000), { stepsMax: 50 }).cutShort).toBe(true);
  });

  test('the same seed gives the same answer, and the order of the list is not the order of the queue', () => {
    const pods = [...pod('a', 700).buildMany(20), ...pod('b', 1700).buildMany(20)];
    const placed = (seed: number): unknown => run(pods, nodes(9, 4000), { seed }).placements;
    expect(placed(7)).toEqual(placed(7));
    expect(placed(7)).not.toEqual(placed(8));
  });

  test('every placement holds, and what is left fits nowhere', () => {
    const group = fc.record({
      cpuMillis: fc.constantFrom(0, 300, 900, 1700, 2600),
      count: fc.integer({ min: 1, max: 6 }),
      priority: fc.constantFrom(0, 0, 5),
      rule: fc.constantFrom('none', 'none', 'apart', 'spread'),
    });
    const cases = fc.record({
      groups: fc.array(group, { minLength: 1, maxLength: 5 }),
      count: fc.integer({ min: 1, max: 5 }),
      triesPerNode: fc.constantFrom(0, 1, 4, Infinity),
      seed: fc.nat(1000),
    });
    fc.assert(
      fc.property(cases, ({ groups, count, triesPerNode, seed }) => {
        const pods = groups.flatMap(({ cpuMillis, count: many, priority, rule }, at) => {
          const selector = matchLabels({ app: `g${at}` });
          const plain = pod(`g${at}`, cpuMillis)
            .labels({ app: `g${at}` })
            .priority(priority);
          if (rule === 'apart') return plain.antiAffinity({ topologyKey: HOST, selector }).buildMany(many);
          if (rule === 'spread') return plain.spread({ topologyKey: HOST, maxSkew: 1, selector }).buildMany(many);
          return plain.buildMany(many);
        });
        const joining = nodes(count, 4000);
        const waiting = queued(pods);
        const simulation = new SchedulerSimulation(emptyFork(), waiting, { stepsMax: STEPS });
        const { placements, left } = simulation.run(joining, { seed, triesPerNode });
        const replay = emptyFork();
        for (const node of joining) replay.addTemplateNode(node, `n-${replay.nodeCount}`);
        const placed = waiting.map(() => 0);
        for (const [step, at] of placements.groups.entries()) {
          const joined = placements.nodes[step] ?? -1;
          const next = waiting[at]?.pods[placed[at] ?? 0];
          if (next === undefined) throw new Error('more pods were placed than there are');
          placed[at] = (placed[at] ?? 0) + 1;
          // Spread counts nodes that had not joined by then, so only room and anti-affinity can be replayed here.
          if (next.shape.spread.length === 0) expect(replay.whyNot(next, joined)).toBeUndefined();
          replay.place(next, joined);
        }
        waiting.forEach(({ pods: own }, at) => {
          expect((placed[at] ?? 0) + (left[at] ?? 0)).toBe(own.length);
          const next = own[placed[at] ?? 0];
          if (next !== undefined) expect(replay.firstFit(next)).toBe(-1);
        });
      }),
      { numRuns: 60 },
    );
  });
});
