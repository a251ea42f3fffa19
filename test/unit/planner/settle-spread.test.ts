// Topology spread over nodes that the same plan adds: what is promised holds once all of them are there.
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import { podsIn, podVerdicts } from '../../../src/planner/plan.ts';
import { singleSteps } from '../../../src/planner/single-steps.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { makePod, matchLabels } from '../../builders/make-pod.ts';
import { makePool } from '../../builders/make-pool.ts';

const HOSTNAME = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';
const ZONES = ['zone-a', 'zone-b', 'zone-c'];

/** Pods that need a node each, which come after those that spread: they are worth less. */
const apart = makePod('apart')
  .labels({ app: 'apart' })
  .requests({ cpuMillis: 50 })
  .antiAffinity({ topologyKey: HOSTNAME, selector: matchLabels({ app: 'apart' }) });

function spreadPods(count: number, topologyKey: string): readonly PodObject[] {
  return makePod('web')
    .labels({ app: 'web' })
    .requests({ cpuMillis: 300 })
    .spread({ topologyKey, maxSkew: 1, selector: matchLabels({ app: 'web' }) })
    .buildMany(count);
}

function plannedWith(pods: readonly PodObject[]) {
  const pool = makePool('web').spec({ availabilityZones: ZONES, maxNodes: 50 }).build();
  const { targets } = makeObjects();
  const objects = makeObjects({ nodePools: [pool], pods, targets: { ...targets, zones: ZONES } });
  return makePlan(buildSnapshot(objects, 1), { nameSeed: 'settle' });
}

/** Spreading pods per value of `of` over all new nodes. */
function counts(plan: ReturnType<typeof plannedWith>, of: 'node' | 'zone'): readonly number[] {
  const perDomain = new Map<string, number>();
  for (const step of singleSteps(plan.steps)) {
    if (step.kind !== 'createClaim') continue;
    const web = podsIn(step.pods).filter((pod) => pod.shape.labels.get('app') === 'web').length;
    const domain = of === 'node' ? step.name : step.spec.zone;
    perDomain.set(domain, (perDomain.get(domain) ?? 0) + web);
  }
  return [...perDomain.values()];
}

describe('pods that spread over new nodes', () => {
  test.each([
    { of: 'node' as const, topologyKey: HOSTNAME },
    { of: 'zone' as const, topologyKey: ZONE },
  ])('are even over every $of that the plan adds', ({ of, topologyKey }) => {
    const plan = plannedWith([...spreadPods(9, topologyKey), ...apart.buildMany(4)]);
    const perDomain = counts(plan, of);
    expect(perDomain.length).toBeGreaterThan(1);
    expect(Math.max(...perDomain) - Math.min(...perDomain)).toBeLessThanOrEqual(1);
    expect(podVerdicts(plan.report).map(({ outcome }) => outcome)).toEqual(
      Array.from({ length: 13 }, () => 'onNewNode'),
    );
  });

  test('stay where they were packed when nothing else comes beside them', () => {
    expect(counts(plannedWith(spreadPods(9, HOSTNAME)), 'node')).toEqual([9]);
  });

  test('the same pods in another order give the same plan', () => {
    const pods = [...spreadPods(9, HOSTNAME), ...apart.buildMany(4)];
    expect(plannedWith(pods.toReversed()).steps).toEqual(plannedWith(pods).steps);
  });
});
