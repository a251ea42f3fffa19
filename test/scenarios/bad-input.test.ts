// Wrong words of people, on the playground, whose API does not evaluate CEL: so this is also what happens when somebody has
// taken the rules out of the definition. Each ends in a condition that names the field; what stands is left alone.
import { afterEach, describe, expect, it } from 'vitest';
import { fieldsOf, listOf, textOf } from '../../src/playground/untyped.ts';
import {
  conditionOf,
  EMPTY,
  eventually,
  nodePool,
  nothingLeft,
  openWorld,
  SCENARIO_MS,
  serversAsked,
  type ScenarioWorld,
} from './scenario-world.ts';

let world: ScenarioWorld;

afterEach(() => world.close());

function messageOf(object: ReturnType<ScenarioWorld['cluster']['get']>, type: string): string {
  const conditions = listOf(fieldsOf(object?.['status'])['conditions']).map(fieldsOf);
  return textOf(conditions.find((condition) => condition['type'] === type)?.['message'] ?? '');
}

describe('a NodePool past its CEL rules', { timeout: SCENARIO_MS }, () => {
  it('is not valid, says which field, and its node stays as it is', async () => {
    world = await openWorld();
    const pool = () => world.cluster.get('nodepools', 'general');
    await world.cluster.apply([nodePool('general', { flavor: 'b2-7', desiredNodes: 1 })]);
    await eventually(() => expect(conditionOf(pool(), 'Ready')).toBe('True AsDesired'));
    await world.cluster.apply([nodePool('general', { flavor: 'b2-7', desiredNodes: 1, minNodes: 5, maxNodes: 3 })]);
    await eventually(() => expect(conditionOf(pool(), 'Valid')).toBe('False InvalidSpec'));
    expect(messageOf(pool(), 'Valid')).toMatch(/spec\.minNodes/);
    await world.cluster.apply([nodePool('general', { flavor: 'b2-7', desiredNodes: 1, minNodes: 0, maxNodes: 3 })]);
    await eventually(() => expect(conditionOf(pool(), 'Valid')).toMatch(/^True/));
    expect(serversAsked(world)).toHaveLength(1);
    expect(world.playground.books().serversDeleted).toBe(0);
  });

  it.each([
    { name: 'standby nodes', spec: { autoscaling: { standbyNodes: 2 } }, field: 'spec.autoscaling.standbyNodes' },
  ])('$name do nothing yet and are refused instead of ignored', async ({ spec, field }) => {
    world = await openWorld();
    await world.cluster.apply([nodePool('general', { flavor: 'b2-7', desiredNodes: 1, ...spec })]);
    const pool = () => world.cluster.get('nodepools', 'general');
    await eventually(() => expect(conditionOf(pool(), 'Valid')).toBe('False NotImplemented'));
    expect(messageOf(pool(), 'Valid')).toContain(field);
    expect(serversAsked(world)).toEqual([]);
  });
});

describe('a WorkloadCluster that names what the project does not have', { timeout: SCENARIO_MS }, () => {
  it.each([
    {
      name: 'network',
      openstack: { network: 'no-such-network' },
      message: /spec\.openstack\.network.*no-such-network/,
    },
    {
      name: 'image',
      openstack: { images: [{ name: 'no-such-image' }] },
      message: /spec\.openstack\.images.*no-such-image/,
    },
  ])('$name: a condition says so, and nothing is created', async ({ openstack, message }) => {
    world = await openWorld({ openstack });
    await world.cluster.apply([nodePool('general', { flavor: 'b2-7', desiredNodes: 1 })]);
    const cluster = () => world.playground.management.get('workloadclusters', 'shop', 'default');
    await eventually(() => {
      const said = ['Valid', 'CloudReachable', 'Ready'].map((type) => messageOf(cluster(), type)).join(' ');
      expect(said).toMatch(message);
    });
    expect(conditionOf(cluster(), 'Ready')).toMatch(/^False/);
    expect(nothingLeft(world)).toEqual(EMPTY);
  });
});
