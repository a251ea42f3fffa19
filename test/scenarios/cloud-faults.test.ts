// The real controller on a playground whose cloud fails in the ways that clouds fail.
import { afterEach, describe, expect, it } from 'vitest';
import {
  conditionOf,
  deployment,
  EMPTY,
  eventually,
  nodePool,
  nothingLeft,
  openWorld,
  runningPods,
  SCENARIO_MS,
  serversAsked,
  type ScenarioWorld,
} from './scenario-world.ts';

let world: ScenarioWorld;

afterEach(() => world.close());

describe('a cloud that fails', { timeout: SCENARIO_MS }, () => {
  it('a lost answer to POST /servers: the server is found and adopted, never made twice', async () => {
    world = await openWorld();
    world.playground.setCloudFaults([{ operation: 'createServer', effect: 'dropAnswer', times: 1 }]);
    await world.cluster.apply([nodePool('general', { flavor: 'b2-7', desiredNodes: 1 })]);
    await eventually(() => expect(world.cluster.list('nodes')).toHaveLength(1));
    expect(serversAsked(world)).toHaveLength(1);
    expect(world.playground.books().portsCreated).toBe(1);
  });

  it('a lost answer to POST /ports: the port is found, never made twice', async () => {
    world = await openWorld();
    world.playground.setCloudFaults([{ operation: 'createPort', effect: 'dropAnswer', times: 1 }]);
    await world.cluster.apply([nodePool('general', { flavor: 'b2-7', desiredNodes: 1 })]);
    await eventually(() => expect(world.cluster.list('nodes')).toHaveLength(1));
    await world.cluster.remove('nodepools', 'general');
    await eventually(() => expect(nothingLeft(world)).toEqual(EMPTY));
  });

  it('no host for the cheapest flavor: the next one is taken and the failed server is cleared away', async () => {
    world = await openWorld();
    world.playground.setCloudFaults([{ operation: 'createServer', effect: 'noValidHost', flavor: 'b2-7' }]);
    await world.cluster.apply([
      nodePool('general', { flavors: ['b2-7', 'b2-15'], autoscale: true, minNodes: 0, maxNodes: 3 }),
      deployment('web', { replicas: 1, cpu: '800m' }),
    ]);
    await eventually(() => expect(runningPods(world.cluster)).toBe(1));
    await eventually(() => expect(world.playground.books().serversLeft).toBe(1));
    const flavors = world.events.flatMap((event) => (event.kind === 'serverActive' ? [event.flavor] : []));
    expect(flavors).toEqual(['b2-15']);
  });

  it('a server that breaks for its own reasons: another flavor is tried, not the same one again and again', async () => {
    world = await openWorld();
    world.playground.setCloudFaults([{ operation: 'createServer', effect: 'buildAborted', flavor: 'b2-7' }]);
    await world.cluster.apply([nodePool('general', { flavors: ['b2-7', 'b2-15'], desiredNodes: 2 })]);
    await eventually(() => expect(world.cluster.list('nodes')).toHaveLength(2));
    const broken = world.events.filter((event) => event.kind === 'serverFailed');
    // One in each zone at the worst: both are asked at once, before the first answer.
    expect(broken.length).toBeLessThanOrEqual(4);
  });

  it('a full quota is said on the pool, and no server is tried again and again', async () => {
    world = await openWorld();
    world.playground.setCloudFaults([{ operation: 'createServer', effect: 'quota' }]);
    await world.cluster.apply([nodePool('general', { flavor: 'b2-7', desiredNodes: 1 })]);
    await eventually(() =>
      expect(conditionOf(world.cluster.get('nodepools', 'general'), 'Blocked')).toBe('True QuotaExceeded'),
    );
    expect(world.playground.books().serversCreated).toBe(0);
    expect(world.playground.books().portsCreated).toBeLessThanOrEqual(2);
  });

  it('wrong credentials are said on the WorkloadCluster, and nothing is made', async () => {
    world = await openWorld({
      cloudsYaml: (good) => good.replace(/(application_credential_secret: ).+/, '$1wrong'),
    });
    await world.cluster.apply([nodePool('general', { flavor: 'b2-7', desiredNodes: 1 })]);
    const cluster = () => world.playground.management.get('workloadclusters', 'shop', 'default');
    await eventually(() => expect(conditionOf(cluster(), 'CloudReachable')).toBe('False CredentialsInvalid'));
    expect(world.playground.books()).toMatchObject({ serversCreated: 0, portsCreated: 0 });
  });
});
