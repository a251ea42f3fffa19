// A plan without room to spare, carried out by a scheduler that would place otherwise.
import { afterEach, describe, expect, it } from 'vitest';
import { fieldsOf, listOf, textOf } from '../../src/playground/untyped.ts';
import {
  conditionOf,
  deployment,
  eventually,
  nodePool,
  openWorld,
  runningPods,
  SCENARIO_MS,
  type ScenarioWorld,
  serversAsked,
} from './scenario-world.ts';

let world: ScenarioWorld;

afterEach(() => world.close());

/** Three nodes of two cores, each for one of both. By name the small ones are first in the scheduler's queue, and would
 *  share the first node: then one of the big ones needs a fourth (so it is without the option). */
async function sixPods(): Promise<void> {
  await world.cluster.apply([
    deployment('a-small', { replicas: 3, cpu: '600m' }),
    deployment('b-big', { replicas: 3, cpu: '1200m' }),
  ]);
  await world.cluster.apply([nodePool('pool', { flavor: 'b2-7', minNodes: 0, maxNodes: 10, autoscale: true })]);
  await eventually(() => expect(runningPods(world.cluster)).toBe(6));
}

function taintsLeft(): readonly string[] {
  return world.cluster
    .list('nodes')
    .flatMap((node) => listOf(fieldsOf(node['spec'])['taints']).map((taint) => textOf(fieldsOf(taint)['key'])));
}

describe('placement hints', () => {
  it(
    'have each pod bound where it was planned, so that no further node is bought',
    async () => {
      world = await openWorld({ autoscaler: { placementHints: true } });
      await sixPods();
      expect(serversAsked(world)).toHaveLength(3);
      expect(taintsLeft()).toEqual([]);
      const cluster = () => world.playground.management.get('workloadclusters', 'shop', 'default');
      await eventually(() => expect(conditionOf(cluster(), 'PlacementHints')).toBe('True InUse'));
    },
    SCENARIO_MS,
  );
});
