// Pods that are packed by numbers must not break a rule of pods that have their place already, on old nodes or on new ones.
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import { podsIn, podVerdicts } from '../../../src/planner/plan.ts';
import { singleSteps } from '../../../src/planner/single-steps.ts';
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
  return singleSteps(plan.steps).flatMap((step) => {
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
    const nodes = singleSteps(plan.steps).flatMap((step) => (step.kind === 'createClaim' ? [step.spec.zone] : []));
    const counts = [...new Set(nodes)].map((zone) => zones.filter((one) => one === zone).length);
    expect(nodes).toHaveLength(3);
    expect(zones.length).toBeGreaterThan(0);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });
});

describe('groups that count each other', () => {
  const pool = makePool('web').spec({ availabilityZones: ZONES, maxNodes: 50 }).build();
  const inZone = (zones: readonly string[]) => ZONES.map((zone) => zones.filter((one) => one === zone).length);

  test('are dealt evenly over the zones, those without a rule of their own too, each of one pod', () => {
    const free = [1, 2, 3, 4, 5].map((size) =>
      makePod(`free-${size}`)
        .labels({ app: 'web' })
        .requests({ cpuMillis: size * 10 })
        .build(),
    );
    const spread = makePod('other')
      .labels({ app: 'other' })
      .requests({ cpuMillis: 300 })
      .spread({ topologyKey: ZONE, maxSkew: 1, selector: matchLabels({ app: 'web' }) })
      .buildMany(30);
    const plan = planOf({ nodePools: [pool], pods: [...free, ...spread] });
    const counts = inZone(zonesOf(plan, 'web'));
    expect(counts.reduce((sum, one) => sum + one)).toBe(5);
    expect(Math.max(...counts) - Math.min(...counts)).toBe(1);
    expect(zonesOf(plan, 'other')).toHaveLength(30);
  });

  test('share a zone when all of them want to, and other sets get other zones', () => {
    const near = (app: string, cpuMillis: number) =>
      makePod(`${app}-${cpuMillis}`)
        .labels({ app })
        .requests({ cpuMillis })
        .affinity({ topologyKey: ZONE, selector: matchLabels({ app }) })
        .buildMany(6);
    const apps = ['one', 'two', 'three'];
    const plan = planOf({ nodePools: [pool], pods: apps.flatMap((app) => [...near(app, 500), ...near(app, 700)]) });
    const zones = apps.map((app) => new Set(zonesOf(plan, app)));
    expect(apps.map((app) => zonesOf(plan, app).length)).toEqual([12, 12, 12]);
    expect(zones.map((one) => one.size)).toEqual([1, 1, 1]);
    expect(new Set(zones.flatMap((one) => [...one])).size).toBe(3);
  });
});
