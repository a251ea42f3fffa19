// The real controller on the playground: nodes come for pods, go without them, and follow what people ask for.
import { afterEach, describe, expect, it } from 'vitest';
import { fieldsOf } from '../../src/playground/untyped.ts';
import {
  conditionOf,
  deployment,
  EMPTY,
  eventually,
  nodePool,
  nothingLeft,
  openWorld,
  registerCluster,
  runningPods,
  SCENARIO_MS,
  serversAsked,
  type ScenarioWorld,
} from './scenario-world.ts';

let world: ScenarioWorld;

afterEach(() => world.close());

describe('a pool from zero', { timeout: SCENARIO_MS }, () => {
  it('grows for pending pods and leaves nothing behind when they go', async () => {
    world = await openWorld();
    await world.cluster.apply([
      nodePool('general', { flavor: 'b2-7', autoscale: true, minNodes: 0, maxNodes: 4 }),
      deployment('web', { replicas: 4, cpu: '800m' }),
    ]);
    await eventually(() => expect(runningPods(world.cluster)).toBe(4));
    expect(serversAsked(world)).toHaveLength(2);
    await eventually(() =>
      expect(conditionOf(world.cluster.get('nodepools', 'general'), 'Ready')).toBe('True AsDesired'),
    );
    await world.cluster.remove('deployments', 'web', 'default');
    await eventually(() => expect(nothingLeft(world)).toEqual(EMPTY));
    expect(world.playground.books()).toMatchObject({ serversCreated: 2, serversDeleted: 2, podsRun: 4 });
  });

  it('goes on after a restart in the middle of a scale-up: one server per claim', async () => {
    world = await openWorld();
    await world.cluster.apply([
      nodePool('general', { flavor: 'b2-7', autoscale: true, minNodes: 0, maxNodes: 4 }),
      deployment('web', { replicas: 6, cpu: '800m' }),
    ]);
    await eventually(() => expect(serversAsked(world).length).toBeGreaterThan(0));
    await world.restartController();
    await eventually(() => expect(runningPods(world.cluster)).toBe(6));
    const asked = serversAsked(world);
    expect(asked).toHaveLength(new Set(asked).size);
    expect(asked).toHaveLength(3);
  });
});

describe('a pool of a size', { timeout: SCENARIO_MS }, () => {
  it('follows desiredNodes both ways, and its deletion takes its nodes', async () => {
    world = await openWorld();
    const pool = (desiredNodes: number) => nodePool('fixed', { flavor: 'b2-7', desiredNodes, maxNodes: 5 });
    await world.cluster.apply([pool(3)]);
    await eventually(() =>
      expect(fieldsOf(world.cluster.get('nodepools', 'fixed')?.['status'])['availableNodes']).toBe(3),
    );
    await world.cluster.apply([pool(1)]);
    await eventually(() => expect(world.playground.books().serversLeft).toBe(1));
    await world.cluster.remove('nodepools', 'fixed');
    await eventually(() => expect(nothingLeft(world)).toEqual(EMPTY));
    await eventually(() => expect(world.cluster.get('nodepools', 'fixed')).toBeUndefined());
    expect(world.playground.books().serversCreated).toBe(3);
  });
});

describe('two clusters in one process', { timeout: SCENARIO_MS }, () => {
  it('each get nodes of their own, and one may go without the other', async () => {
    world = await openWorld();
    const other = await world.playground.addWorkloadCluster('office');
    await registerCluster(world.playground, other);
    await world.cluster.apply([nodePool('a', { flavor: 'b2-7', desiredNodes: 1 })]);
    await other.apply([nodePool('b', { flavor: 'b2-15', desiredNodes: 2 })]);
    await eventually(() => {
      expect(world.cluster.list('nodes')).toHaveLength(1);
      expect(other.list('nodes')).toHaveLength(2);
    });
    await other.remove('nodepools', 'b');
    await eventually(() => expect(other.list('nodes')).toEqual([]));
    expect(world.cluster.list('nodes')).toHaveLength(1);
    await eventually(() => expect(world.playground.books().serversLeft).toBe(1));
  });
});
