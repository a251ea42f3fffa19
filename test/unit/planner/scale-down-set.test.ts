// What holds for all removals of a plan together, whatever the cluster: carried out, every pod has a place again without a
// new node, no budget is asked for more than it has, the cluster is cheaper each time, and it comes to rest.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { carriedOut } from '../../../bench/carry-out.ts';
import type { ClusterObjects, PodObject, PodShape } from '../../../src/cluster/cluster-objects.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import {
  iso,
  makeBudget,
  makeClaim,
  makeCluster,
  makeNode,
  makeObjects,
  makePod,
  makePool,
  makeShape,
  NOW_MS,
  planFor,
  stepsOf,
} from './planner-world.ts';

const UNNEEDED = { unneededSince: iso(NOW_MS - 3_600_000) };
/** More than any of these clusters needs: nodes that one budget holds go one after another. */
const ROUNDS_MAX = 30;

function selecting(app: string) {
  return { requirements: [{ key: 'app', operator: 'In' as const, values: [app] }] };
}

/** Rules by which pods of an app stay apart or together. */
function rulesOf(kind: number, app: string): Partial<PodShape> {
  const term = { selector: selecting(app), namespaces: ['default'], namespaceSelector: undefined };
  if (kind === 1) return { podAntiAffinity: [{ ...term, topologyKey: 'kubernetes.io/hostname' }] };
  if (kind === 2) return { podAffinity: [{ ...term, topologyKey: 'topology.kubernetes.io/zone' }] };
  if (kind === 3) return { hostPorts: [{ protocol: 'TCP', hostIp: '0.0.0.0', port: 8080 }] };
  return {};
}

const world = fc
  .record({
    nodes: fc.integer({ min: 2, max: 14 }),
    drainsMax: fc.constantFrom(1, 3, 1000),
    apps: fc.array(
      fc.record({
        kind: fc.constantFrom(0, 0, 0, 1, 2, 3),
        cpuMillis: fc.constantFrom(100, 250, 500, 900),
        places: fc.array(fc.nat(13), { minLength: 1, maxLength: 6 }),
        allowed: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
      }),
      { minLength: 1, maxLength: 7 },
    ),
  })
  .map(({ nodes, drainsMax, apps }): ClusterObjects => {
    const names = Array.from({ length: nodes }, (_, index) => `web-node-${String(index).padStart(6, '0')}`);
    const flavors = ['b2-4', 'b2-8'];
    const claims = names.map((name, index) =>
      makeClaim(name, 'web', {
        status: UNNEEDED,
        spec: {
          flavor: flavors[index % 2] ?? '',
          flavorId: `id-${flavors[index % 2]}`,
          zone: index % 3 === 0 ? 'zone-b' : 'zone-a',
          expected: { cpuMillis: 4000 * (1 + (index % 2)), memoryBytes: 2 ** 34, ephemeralBytes: 2 ** 35, pods: 110 },
        },
      }),
    );
    const pods = apps.flatMap(({ kind, cpuMillis, places }, app): PodObject[] => {
      const labels = new Map([['app', `app-${app}`]]);
      const shape = makeShape({ cpuMillis, memoryBytes: 2 ** 28, labels, ...rulesOf(kind, `app-${app}`) });
      // Pods that stay apart are one to a node at the start.
      const at = kind === 1 || kind === 3 ? [...new Set(places.map((place) => place % nodes))] : places;
      return at.map((place, copy) =>
        makePod(`app-${app}-${copy}`, { nodeName: names[place % nodes] ?? '', shape, priority: app % 2 }),
      );
    });
    return makeObjects({
      cluster: makeCluster({ autoscaler: { scaleDownNodesMax: drainsMax } }),
      nodePools: [makePool('web', { flavors, desiredNodes: nodes, maxNodes: 20 })],
      claims,
      nodes: claims.map((claim) => makeNode(claim)),
      pods: pods.filter((pod, index) => !clashes(pod, pods.slice(0, index))),
      podDisruptionBudgets: apps.flatMap(({ allowed }, app) =>
        allowed === undefined ? [] : [makeBudget(`budget-${app}`, allowed, `app-${app}`)],
      ),
    });
  });

/** Two pods with one port cannot have come to one node. */
function clashes(pod: PodObject, others: readonly PodObject[]): boolean {
  const { hostPorts } = pod.shape;
  return hostPorts.length > 0 && others.some((one) => one.nodeName === pod.nodeName && one.shape.hostPorts.length > 0);
}

function removedBy(plan: Plan): ReadonlySet<string> {
  return new Set(stepsOf(plan, 'removeClaim').map((step) => step.claim));
}

/** Budgets that the plan asks for more than they allow; the pods of one node leave one after another. */
function breaches(plan: Plan, objects: ClusterObjects): readonly string[] {
  const removed = removedBy(plan);
  return objects.podDisruptionBudgets.flatMap(({ name, disruptionsAllowed, selector }) => {
    const app = selector?.requirements[0]?.values[0];
    const evicted = [...objects.pods].filter((pod) => removed.has(pod.nodeName) && pod.shape.labels.get('app') === app);
    const nodes = new Set(evicted.map((pod) => pod.nodeName)).size;
    const most = nodes === 1 && disruptionsAllowed > 0 ? evicted.length : disruptionsAllowed;
    return evicted.length > most ? [name] : [];
  });
}

describe('the removals of a plan', () => {
  it('leave every pod a place without a new node, keep budgets, and end', () => {
    let removals = 0;
    fc.assert(
      fc.property(world, (start) => {
        let objects = start;
        let cost = Infinity;
        for (let round = 0; round < ROUNDS_MAX; round += 1) {
          const plan = planFor(objects, `round-${round}`);
          expect(stepsOf(plan, 'createClaim')).toEqual([]);
          expect(plan.report.pods.filter((run) => run.outcome !== 'onExistingNode')).toEqual([]);
          expect(breaches(plan, objects)).toEqual([]);
          expect(plan.report.costPerHour).toBeLessThanOrEqual(cost);
          cost = plan.report.costPerHour;
          const removed = removedBy(plan).size;
          removals += removed;
          if (removed === 0 && plan.report.pods.length === 0) return;
          objects = carriedOut(objects, plan);
        }
        throw new Error(`No rest after ${ROUNDS_MAX} rounds`);
      }),
      { numRuns: 40 },
    );
    expect(removals).toBeGreaterThan(60);
  });
});
