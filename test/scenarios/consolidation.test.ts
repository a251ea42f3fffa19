// The real controller on the playground: nodes that became too big are replaced by a cheaper one, and their pods move.
import { afterEach, describe, expect, it } from 'vitest';
import { fieldsOf, listOf, textOf } from '../../src/playground/untyped.ts';
import {
  deployment,
  eventually,
  nodePool,
  openWorld,
  runningPods,
  SCENARIO_MS,
  type ScenarioWorld,
} from './scenario-world.ts';

let world: ScenarioWorld;

afterEach(() => world.close());

function flavors(): readonly string[] {
  return world.playground.management
    .list('nodeclaims')
    .map((claim) => textOf(fieldsOf(claim['spec'])['flavor']))
    .sort();
}

function taints(): readonly unknown[] {
  return world.cluster.list('nodes').flatMap((node) => listOf(fieldsOf(node['spec'])['taints']));
}

/** Notes of events of this kind. */
function saidOf(what: RegExp): readonly string[] {
  return world.events.flatMap((event) => (event.kind === 'eventRecorded' && what.test(event.note) ? [event.note] : []));
}

describe('consolidation', { timeout: SCENARIO_MS }, () => {
  it('moves what is left on big nodes to a small one, across a restart, and says why', async () => {
    // With hints nodes join closed: one that no pod waits for must open all the same.
    world = await openWorld({ autoscaler: { placementHints: true } });
    const { cluster, playground } = world;
    await cluster.apply([
      deployment('heavy', { replicas: 2, cpu: '5' }),
      deployment('web', { replicas: 2, cpu: '600m' }),
      nodePool('general', {
        flavors: ['b2-7', 'b2-30'],
        autoscale: true,
        maxNodes: 4,
        autoscaling: {
          consolidate: true,
          scaleDownUnneededTimeSeconds: 1,
          scaleDownDelayAfterAddSeconds: 0,
          // Nothing is unneeded for being little used: what goes is replaced.
          scaleDownUtilizationThreshold: '0',
        },
      }),
    ]);
    await eventually(() => expect(runningPods(cluster)).toBe(4));
    expect(flavors()).toEqual(['b2-30', 'b2-30']);
    await cluster.remove('deployments', 'heavy', 'default');
    await eventually(() => expect(flavors()).toContain('b2-7'));
    await eventually(() => expect(saidOf(/→ 1 × b2-7: .* less per hour/)).not.toEqual([]));
    await world.restartController();
    await eventually(() => {
      expect(flavors()).toEqual(['b2-7']);
      expect(runningPods(cluster)).toBe(2);
      expect(playground.books().serversLeft).toBe(1);
    });
    expect(taints()).toEqual([]);
    // Both at once, or one without a new node first, as the heavy ones are seen to go together or not.
    expect(playground.books().serversCreated).toBe(3);
    expect(saidOf(/its pods have room on .*, made in its place/)).not.toEqual([]);
  });
});
