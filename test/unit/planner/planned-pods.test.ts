import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNodeClaim } from '../../../src/api/parse-resources.ts';
import type { ClusterObjects, PodObject } from '../../../src/cluster/cluster-objects.ts';
import { type Plan, podVerdicts } from '../../../src/planner/plan.ts';
import { plannedPodsOf } from '../../../src/planner/planned-pods.ts';
import {
  iso,
  makeClaim,
  makeNode,
  makeObjects,
  makePod,
  makePods,
  makePool,
  makeShape,
  NOW_MS,
  planFor,
  stepsOf,
} from './planner-world.ts';

const ONE_FLAVOR = makePool('pool', { flavors: ['b2-8'], maxNodes: 500, autoscale: true });

/** The claims of `plan` are written, none of them has become a node. */
function comingUp(objects: ClusterObjects, plan: Plan, afterMs = 1000): ClusterObjects {
  const created = stepsOf(plan, 'createClaim').map((step) =>
    // As it comes back from the API server.
    parseNodeClaim(
      JSON.parse(
        JSON.stringify(
          makeClaim(step.name, step.pool, {
            spec: step.spec,
            createdMs: objects.observedAtMs,
            status: { phase: 'Building' },
          }),
        ),
      ),
    ),
  );
  const desired = new Map(stepsOf(plan, 'setDesiredNodes').map((step) => [step.pool, step.to]));
  return {
    ...objects,
    observedAtMs: objects.observedAtMs + afterMs,
    claims: [...objects.claims, ...created],
    nodePools: objects.nodePools.map((pool) => {
      const to = desired.get(pool.metadata.name);
      return to === undefined ? pool : { ...pool, spec: { ...pool.spec, desiredNodes: to } };
    }),
  };
}

/** How many pods of each shape each node has. */
function packing(plan: Plan, objects: ClusterObjects): ReadonlyMap<string, number> {
  const shapes = new Map([...objects.pods].map((pod) => [pod.uid, pod.shape.key]));
  const counts = new Map<string, number>();
  for (const { podUid, target } of podVerdicts(plan.report)) {
    const key = `${target} ${shapes.get(podUid)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

const anti = (app: string) => ({
  labels: new Map([['app', app]]),
  podAntiAffinity: [
    {
      topologyKey: 'kubernetes.io/hostname',
      selector: { requirements: [{ key: 'app', operator: 'In' as const, values: [app] }] },
      namespaces: ['default'],
      namespaceSelector: undefined,
    },
  ],
});

const sizes = fc.array(
  fc.record({
    cpuMillis: fc.integer({ min: 3, max: 150 }).map((tens) => tens * 25),
    count: fc.integer({ min: 1, max: 40 }),
    apart: fc.boolean(),
  }),
  { minLength: 2, maxLength: 8 },
);

describe('nodes that are coming up', () => {
  it('keep the pods that they were made for, so that the next plan buys nothing', () => {
    fc.assert(
      fc.property(sizes, (kinds) => {
        const objects = makeObjects({
          nodePools: [ONE_FLAVOR],
          pods: kinds.flatMap(({ cpuMillis, count, apart }, kind) =>
            makePods(count, { shape: makeShape({ cpuMillis, ...(apart && count < 6 ? anti(`app-${kind}`) : {}) }) }),
          ),
        });
        const first = planFor(objects);
        const later = comingUp(objects, first);
        const second = planFor(later, 'second');
        expect(stepsOf(second, 'createClaim')).toEqual([]);
        expect(packing(second, later)).toEqual(packing(first, objects));
      }),
      { numRuns: 60 },
    );
  });
});

/** Two nodes of four cores for big, small: made for three and one each. */
const BIG = makeShape({ cpuMillis: 3000 });
const SMALL = makeShape({ cpuMillis: 1000 });

function madeFor(pods: readonly PodObject[], status: { readyAt?: string; phase?: 'Ready' | 'Building' }) {
  const plannedPods = plannedPodsOf(
    pods.map((_, index) => ({ pods, from: index, to: index + 1 })),
    1,
  );
  const createdMs = NOW_MS - 1000;
  return makeClaim('pool-node-000002', 'pool', {
    spec: { plannedPods },
    phase: status.phase ?? 'Building',
    status,
    createdMs,
  });
}

describe('a node that was made for some pods', () => {
  const other = makeClaim('pool-node-000001', 'pool', { phase: 'Building', createdMs: NOW_MS - 1000 });
  const targetsOf = (objects: ClusterObjects) => podVerdicts(planFor(objects).report).map((one) => one.target);
  const big = makePod('big', { shape: BIG });
  const small = makePod('small', { shape: SMALL });
  const world = (change: Partial<ClusterObjects>) => makeObjects({ nodePools: [ONE_FLAVOR], ...change });

  it('gets them before nodes that come first by name', () => {
    const claim = madeFor([big, small], {});
    expect(targetsOf(world({ claims: [other, claim], pods: [big, small] }))).toEqual([
      'pool-node-000002',
      'pool-node-000002',
    ]);
  });

  it('does not wait for pods that it has already', () => {
    const claim = madeFor([big, small], { phase: 'Ready', readyAt: iso(NOW_MS - 1000) });
    const bound = makePod('bound', { shape: SMALL, nodeName: claim.metadata.name });
    const nodes = [makeNode(claim)];
    expect(targetsOf(world({ claims: [other, claim], nodes, pods: [small, bound] }))).toEqual(['pool-node-000001']);
  });

  it('knows its pods by what they were before binding copied labels of the node onto them', () => {
    const claim = madeFor([big, small], { phase: 'Ready', readyAt: iso(NOW_MS - 1000) });
    const shape = makeShape({
      cpuMillis: 1000,
      labels: new Map([...SMALL.labels, ['topology.kubernetes.io/zone', 'zone-a']]),
    });
    const bound = makePod('bound', { shape, nodeName: claim.metadata.name });
    const nodes = [makeNode(claim)];
    expect(targetsOf(world({ claims: [other, claim], nodes, pods: [small, bound] }))).toEqual(['pool-node-000001']);
  });

  it('does not wait for pods that are named to it already', () => {
    const claim = madeFor([big, small], { phase: 'Ready', readyAt: iso(NOW_MS - 1000) });
    const named = makePod('named', { shape: SMALL, nominatedNodeName: claim.metadata.name });
    const nodes = [makeNode(claim, { allocatable: { ...makeNode(claim).allocatable, cpuMillis: 8000 } })];
    const plan = planFor(world({ claims: [other, claim], nodes, pods: [small, named] }));
    expect(podVerdicts(plan.report).map(({ name, target }) => [name, target])).toEqual([
      ['named', 'pool-node-000002'],
      ['small', 'pool-node-000001'],
    ]);
  });

  it('waits for ten minutes after it became Ready', () => {
    const at = (minutes: number) => {
      const claim = madeFor([small], { phase: 'Ready', readyAt: iso(NOW_MS - minutes * 60_000) });
      return targetsOf(world({ claims: [other, claim], nodes: [makeNode(claim)], pods: [small] }));
    };
    expect([at(9), at(11)]).toEqual([['pool-node-000002'], ['pool-node-000001']]);
  });

  it('is first open to more important pods, as in the queue of the scheduler', () => {
    const claim = madeFor([big, small], {});
    const urgent = makePod('urgent', { shape: BIG, priority: 100 });
    const plan = planFor(world({ claims: [claim], pods: [big, small, urgent] }));
    const created = stepsOf(plan, 'createClaim').map((step) => step.name);
    expect(podVerdicts(plan.report).map(({ name, target }) => [name, target])).toEqual([
      ['urgent', 'pool-node-000002'],
      ['big', created[0]],
      ['small', 'pool-node-000002'],
    ]);
  });

  it('names as many kinds of pods as a claim may hold, those of most pods first', () => {
    const shapes = Array.from({ length: 130 }, (_, kind) => makeShape({ cpuMillis: 10 + kind }));
    const lists = shapes.map((shape, kind) =>
      makePods(kind === 129 ? 2 : 1, { shape, priority: kind === 129 ? 5 : 0 }),
    );
    const planned = plannedPodsOf(
      lists.map((pods) => ({ pods, from: 0, to: pods.length })),
      1,
    );
    expect(planned).toHaveLength(128);
    expect(planned[0]).toMatchObject({ priority: 5, count: 2 });
  });

  it('keeps pods of a spread rule where they are named, in whatever order they let each other in', () => {
    const claimIn = (name: string, zone: string) => makeClaim(name, 'web', { spec: { zone } });
    const claims = [claimIn('a-roomy', 'zone-b'), claimIn('b-first', 'zone-a'), claimIn('c-second', 'zone-b')];
    const shape = makeShape({
      spread: [
        {
          topologyKey: 'topology.kubernetes.io/zone',
          maxSkew: 1,
          minDomains: 1,
          selector: { requirements: [{ key: 'app', operator: 'In', values: ['web'] }] },
          nodeAffinityPolicy: 'Honor',
          nodeTaintsPolicy: 'Ignore',
        },
      ],
    });
    const named = (name: string, nominatedNodeName: string) => makePod(name, { shape, nominatedNodeName });
    const pods = [named('one', 'b-first'), named('two', 'b-first'), named('three', 'c-second')];
    const plan = planFor(makeObjects({ nodePools: [makePool('web', { desiredNodes: 3 })], claims, pods }));
    expect(podVerdicts(plan.report).map(({ name, target }) => [name, target])).toEqual([
      ['one', 'b-first'],
      ['three', 'c-second'],
      ['two', 'b-first'],
    ]);
  });
});
