// The real controller on the playground: nodes that leave while somebody holds on to their pods.
import { afterEach, describe, expect, it } from 'vitest';
import { fieldsOf, type Fields } from '../../src/playground/untyped.ts';
import {
  deployment,
  EMPTY,
  eventually,
  nodePool,
  nothingLeft,
  openWorld,
  runningPods,
  SCENARIO_MS,
  type ScenarioWorld,
} from './scenario-world.ts';

let world: ScenarioWorld;

afterEach(() => world.close());

function budget(spec: Fields): Fields {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
  };
}

describe('a drain', { timeout: SCENARIO_MS }, () => {
  it('moves pods one by one as their budget allows, and never has fewer than it says', async () => {
    world = await openWorld();
    await world.cluster.apply([
      nodePool('old', { flavor: 'b2-15', desiredNodes: 1, drain: { timeoutSeconds: 60 } }),
      deployment('web', { replicas: 2, cpu: '300m' }),
    ]);
    await eventually(() => expect(runningPods(world.cluster)).toBe(2));
    await world.cluster.apply([budget({ minAvailable: 1 }), nodePool('new', { flavor: 'b2-15', desiredNodes: 1 })]);
    await eventually(() => expect(world.cluster.list('nodes')).toHaveLength(2));
    let leastRunning = 2;
    const stop = world.cluster.onChange(() => {
      leastRunning = Math.min(leastRunning, runningPods(world.cluster));
    });
    await world.cluster.remove('nodepools', 'old');
    await eventually(() => expect(world.playground.books().serversLeft).toBe(1));
    stop();
    expect(leastRunning).toBe(1);
    expect(world.playground.books().podsEvicted).toBe(2);
    await eventually(() => expect(runningPods(world.cluster)).toBe(2));
  });

  it('is held by a budget that allows nothing until its time is over, and then goes on without asking', async () => {
    world = await openWorld();
    await world.cluster.apply([
      nodePool('general', { flavor: 'b2-7', desiredNodes: 1, drain: { timeoutSeconds: 2 } }),
      deployment('web', { replicas: 1, cpu: '300m' }),
      budget({ maxUnavailable: 0 }),
    ]);
    await eventually(() => expect(runningPods(world.cluster)).toBe(1));
    const [claim] = world.playground.management.list('nodeclaims');
    const name = String(fieldsOf(claim?.['metadata'])['name']);
    await world.cluster.remove('nodepools', 'general');
    await eventually(() => expect(fieldsOf(world.cluster.get('nodes', name)?.['spec'])['unschedulable']).toBe(true));
    expect(runningPods(world.cluster)).toBe(1);
    await eventually(() => expect(nothingLeft(world)).toEqual(EMPTY));
    expect(world.playground.books().podsEvicted).toBe(0);
  });
});
