import * as fc from 'fast-check';
import { podsIn, podVerdicts } from '../../../src/planner/plan.ts';
import { describe, expect, it } from 'vitest';
import type { ClusterObjects, PodObject } from '../../../src/cluster/cluster-objects.ts';
import { NODE_CLAIM_PHASES } from '../../../src/api/node-claim.ts';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import { checkPlan } from '../../../src/planner/check-plan.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import {
  applyPlan,
  iso,
  makeBudget,
  makeClaim,
  makeCluster,
  makeNode,
  makeObjects,
  makePods,
  makePool,
  makeShape,
  NOW_MS,
  planFor,
  stepsOf,
} from './planner-world.ts';

/** Far more than a still cluster needs: scale-up, timers, and one round of removals per ten nodes. */
const ROUNDS_MAX = 25;
const AFTER_MS = 700_000;

const poolSpec = fc.record({
  flavors: fc.subarray(['b2-2', 'b2-4', 'b2-8'], { minLength: 1 }),
  minNodes: fc.integer({ min: 0, max: 2 }),
  maxNodes: fc.integer({ min: 2, max: 12 }),
  priority: fc.integer({ min: 0, max: 1 }),
  autoscale: fc.boolean(),
  consolidate: fc.boolean(),
  desiredNodes: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
});

const shapeOptions = [
  {},
  { cpuMillis: 500 },
  { cpuMillis: 3000 },
  { cpuMillis: 7000 },
  { cpuMillis: 100_000 },
  { nodeSelector: new Map([['topology.kubernetes.io/zone', 'zone-b']]) },
  {
    podAntiAffinity: [
      {
        topologyKey: 'kubernetes.io/hostname',
        selector: { requirements: [{ key: 'app', operator: 'In', values: ['web'] }] },
        namespaces: ['default'],
        namespaceSelector: undefined,
      },
    ],
  },
];

const world = fc
  .record({
    pools: fc.array(poolSpec, { minLength: 1, maxLength: 3 }),
    standing: fc.integer({ min: 0, max: 6 }),
    pending: fc.array(fc.record({ shape: fc.nat(shapeOptions.length - 1), count: fc.integer({ min: 1, max: 6 }) }), {
      maxLength: 4,
    }),
    running: fc.array(fc.nat(5), { maxLength: 8 }),
    serversLeft: fc.option(fc.integer({ min: 0, max: 8 }), { nil: undefined }),
    allowed: fc.integer({ min: 0, max: 3 }),
  })
  .map((parts): ClusterObjects => {
    const nodePools = parts.pools.map((spec, index) => {
      const { desiredNodes, consolidate, ...others } = spec;
      const rest = { ...others, autoscaling: { consolidate } };
      return makePool(`pool-${index}`, { ...rest, ...(desiredNodes === undefined ? {} : { desiredNodes }) });
    });
    const claims = Array.from({ length: parts.standing }, (_, index) =>
      makeClaim(`pool-0-node-00000${index}`, 'pool-0'),
    );
    const pending = parts.pending.flatMap(({ shape, count }) =>
      makePods(count, { shape: makeShape(shapeOptions[shape] ?? {}) }),
    );
    const running = parts.running.flatMap((node): PodObject[] =>
      node < claims.length ? makePods(1, { nodeName: `pool-0-node-00000${node}`, cpuMillis: 500 }) : [],
    );
    return makeObjects({
      nodePools,
      claims,
      pods: [...pending, ...running],
      podDisruptionBudgets: [makeBudget('web', parts.allowed)],
      targets: { ...makeObjects().targets, zones: ['zone-a', 'zone-b'] },
      quota: { serversLeft: parts.serversLeft, coresLeft: undefined, memoryMiBLeft: undefined },
    });
  });

/** The same with everything going on at once. */
const mess = fc
  .record({
    objects: world,
    phases: fc.array(fc.constantFrom(...NODE_CLAIM_PHASES), { minLength: 6, maxLength: 6 }),
    removals: fc.array(fc.constantFrom(undefined, 'ScaleDown' as const, 'Failed' as const), {
      minLength: 6,
      maxLength: 6,
    }),
    ages: fc.array(fc.constantFrom(1000, 600_000, 1_000_000), { minLength: 6, maxLength: 6 }),
    deleting: fc.boolean(),
    unready: fc.boolean(),
    frozen: fc.option(fc.constant('sick'), { nil: undefined, freq: 4 }),
    paused: fc.boolean(),
    ceilings: fc.record({ nodesMax: fc.integer({ min: 0, max: 9 }), coresMax: fc.integer({ min: 0, max: 60 }) }),
    capacity: fc.constantFrom('', 'b2-2', 'b2-4', 'b2-8'),
    coresLeft: fc.integer({ min: 0, max: 40 }),
  })
  .map((parts): ClusterObjects => {
    const { objects } = parts;
    const claims = objects.claims.map((claim, index) => {
      const removal = parts.removals[index];
      const phase = parts.phases[index] ?? 'Ready';
      return makeClaim(claim.metadata.name, 'pool-0', {
        phase,
        createdMs: NOW_MS - (parts.ages[index] ?? 0),
        status: {
          unneededSince: iso(NOW_MS - 900_000),
          ...(removal === undefined ? {} : { removal: { reason: removal, message: '', at: iso(NOW_MS - 1000) } }),
        },
      });
    });
    const [first, ...others] = objects.nodePools;
    const deleted = { metadata: { deletionTimestamp: iso(NOW_MS) } };
    return makeObjects({
      ...objects,
      cluster: makeCluster({ ceilings: parts.ceilings, paused: parts.paused && parts.deleting }),
      claims,
      nodes: claims
        .filter((claim) => ['Registered', 'Ready', 'Draining'].includes(claim.status?.phase ?? ''))
        .map((claim, index) => makeNode(claim, index === 0 && parts.unready ? { ready: 'Unknown' } : {})),
      nodePools:
        first === undefined
          ? []
          : [parts.deleting ? { ...first, metadata: { ...first.metadata, ...deleted.metadata } } : first, ...others],
      frozen: parts.frozen,
      quota: { ...objects.quota, coresLeft: parts.coresLeft },
      backoffs: [
        { kind: 'capacity', flavor: parts.capacity, zone: 'zone-a', pool: '', message: 'No host', untilMs: NOW_MS + 1 },
      ],
    });
  });

describe('whatever goes on', () => {
  it('the checker finds nothing in a plan', () => {
    fc.assert(
      fc.property(mess, (objects) => {
        const snapshot = buildSnapshot(objects, 1);
        expect(checkPlan(makePlan(snapshot, { nameSeed: 's' }), snapshot)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a still cluster', () => {
  it('comes to rest in a bounded number of rounds and stays there', () => {
    fc.assert(
      fc.property(world, (start) => {
        let objects = start;
        for (let round = 0; round < ROUNDS_MAX; round++) {
          const plan = planFor(objects, `round-${round}`);
          if (plan.steps.length === 0) {
            expect(planFor({ ...objects, observedAtMs: objects.observedAtMs + AFTER_MS }, 'later').steps).toEqual([]);
            return;
          }
          const { serversLeft } = objects.quota;
          const spent = stepsOf(plan, 'createClaim').length - stepsOf(plan, 'removeClaim').length;
          objects = {
            ...applyPlan(objects, plan, AFTER_MS),
            quota: { ...objects.quota, serversLeft: serversLeft === undefined ? undefined : serversLeft - spent },
          };
        }
        throw new Error(`No rest after ${ROUNDS_MAX} rounds: ${JSON.stringify(planFor(objects).steps)}`);
      }),
      { numRuns: 150 },
    );
  });

  it('gets the same plan whatever the order of its objects', () => {
    fc.assert(
      fc.property(world, (objects) => {
        const plan = makePlan(buildSnapshot(objects, 1), { nameSeed: 's' });
        const turned = makePlan(
          buildSnapshot(
            {
              ...objects,
              nodePools: [...objects.nodePools].reverse(),
              claims: [...objects.claims].reverse(),
              pods: [...objects.pods].reverse(),
              nodes: [...objects.nodes].reverse(),
              flavors: [...objects.flavors].reverse(),
              podDisruptionBudgets: [...objects.podDisruptionBudgets].reverse(),
            },
            1,
          ),
          { nameSeed: 's' },
        );
        expect(turned).toEqual(plan);
      }),
      { numRuns: 100 },
    );
  });

  it('has every pending pod placed once or explained for each pool', () => {
    fc.assert(
      fc.property(world, (objects) => {
        const plan = planFor(objects);
        const pending = [...objects.pods].filter((pod) => pod.nodeName === '').map((pod) => pod.uid);
        expect(
          podVerdicts(plan.report)
            .map((pod) => pod.podUid)
            .sort(),
        ).toEqual(pending.sort());
        const planned = stepsOf(plan, 'createClaim').flatMap((step) => podsIn(step.pods).map((pod) => pod.uid));
        expect(new Set(planned).size).toBe(planned.length);
        for (const pod of podVerdicts(plan.report)) {
          const explained = pod.refusals.length === objects.nodePools.length;
          expect(pod.outcome === 'unplaceable' ? explained : pod.target !== '').toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });
});
