// Pods that are packed by numbers must not break a rule of pods that have their place already, on old nodes or on new ones.
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import { podsIn, podVerdicts } from '../../../src/planner/plan.ts';
import { makeNode } from '../../builders/make-node.ts';
import { makeObjects } from '../../builders/make-objects.ts';
import { makePod, matchLabels } from '../../builders/make-pod.ts';
import { makePool } from '../../builders/make-pool.ts';

const ZONE = 'topology.kubernetes.io/zone';
const ZONES = ['zone-a', 'zone-b', 'zone-c'];
const { targets } = makeObjects();

function planOf(fields: Partial<ClusterObjects>) {
  return makePlan(buildSnapshot(makeObjects({ targets: { ...targets, zones: ZONES }, ...fields }), 1), {
    nameSeed: 'plain',
  });
}

/** Zones of the new nodes that hold pods with this label. */
function zonesOf(plan: ReturnType<typeof planOf>, app: string): readonly string[] {
  return plan.steps.flatMap((step) => {
    if (step.kind !== 'createClaim') return [];
    return podsIn(step.pods)
      .filter((pod) => pod.shape.labels.get('app') === app)
      .map(() => step.spec.zone);
  });
}

describe('pods packed by their sizes', () => {
  test('keep out of the zone of a pod that this plan puts on a standing node and that wants none of them there', () => {
    const pool = makePool('web').spec({ availabilityZones: ZONES, maxNodes: 10 }).build();
    const standing = makeNode('standing').zone('zone-a').allocatable({ cpuMillis: 1000 }).build();
    const loner = makePod('loner')
      .labels({ app: 'loner' })
      .requests({ cpuMillis: 900 })
      .antiAffinity({ topologyKey: ZONE, selector: matchLabels({ app: 'web' }) })
      .build();
    const web = makePod('web').labels({ app: 'web' }).requests({ cpuMillis: 800 }).buildMany(8);
    const plan = planOf({ nodePools: [pool], nodes: [standing], pods: [loner, ...web] });
    const places = new Map(podVerdicts(plan.report).map((verdict) => [verdict.name, verdict]));
    expect(places.get('loner')).toMatchObject({ outcome: 'onExistingNode', target: 'standing' });
    expect(zonesOf(plan, 'web')).toHaveLength(8);
    expect(zonesOf(plan, 'web')).not.toContain('zone-a');
  });

  test('are within maxSkew over the zones of new nodes when a limit leaves some of them out', () => {
    const pool = makePool('web').spec({ availabilityZones: ZONES, maxNodes: 3 }).build();
    const pods = makePod('web')
      .labels({ app: 'web' })
      .requests({ cpuMillis: 1800 })
      .spread({ topologyKey: ZONE, maxSkew: 1, selector: matchLabels({ app: 'web' }) })
      .buildMany(12);
    const others = makePod('others').labels({ app: 'others' }).requests({ cpuMillis: 100 }).buildMany(3);
    const plan = planOf({ nodePools: [pool], pods: [...pods, ...others] });
    const zones = zonesOf(plan, 'web');
    const nodes = plan.steps.flatMap((step) => (step.kind === 'createClaim' ? [step.spec.zone] : []));
    const counts = [...new Set(nodes)].map((zone) => zones.filter((one) => one === zone).length);
    expect(nodes).toHaveLength(3);
    expect(zones.length).toBeGreaterThan(0);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });
});
