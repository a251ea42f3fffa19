// The real controller on a playground with a second network and floating IPs: nodes are plugged in as their pool says, and
// nothing of it is left when they go.
import { afterEach, describe, expect, it } from 'vitest';
import { ANNOTATIONS } from '../../src/api/names.ts';
import { fieldsOf, listOf, textOf, type Fields } from '../../src/playground/untyped.ts';
import {
  conditionOf,
  EMPTY,
  eventually,
  nodePool,
  nothingLeft,
  openWorld,
  SCENARIO_MS,
  type ScenarioWorld,
} from './scenario-world.ts';

let world: ScenarioWorld;

afterEach(() => world.close());

const floating = { attachFloatingIPs: { enabled: true } };
const addressesOfNodes = () =>
  world.cluster.list('nodes').flatMap((node) => {
    const annotations = fieldsOf(fieldsOf(node['metadata'])['annotations']);
    return annotations[ANNOTATIONS.floatingIp] === undefined ? [] : [textOf(annotations[ANNOTATIONS.floatingIp])];
  });
const claims = () => world.playground.management.list('nodeclaims');
const statusOf = (claim: Fields) => fieldsOf(claim['status']);

describe('networks and floating IPs', { timeout: SCENARIO_MS }, () => {
  it('come and go with their nodes, whatever answer is lost; off again is for new nodes', async () => {
    world = await openWorld({
      openstack: { externalNetwork: 'playground-ext', additionalNetworks: [{ network: 'playground-storage' }] },
    });
    world.playground.setCloudFaults([{ operation: 'createFloatingIp', effect: 'dropAnswer', times: 1 }]);
    await world.cluster.apply([nodePool('general', { flavor: 'b2-7', desiredNodes: 1, ...floating })]);
    await eventually(() => expect(addressesOfNodes()).toHaveLength(1));
    expect(
      claims()
        .map((claim) => textOf(statusOf(claim)['floatingIp']))
        .toSorted(),
    ).toEqual(addressesOfNodes().toSorted());
    for (const claim of claims()) {
      const addresses = listOf(statusOf(claim)['serverAddresses']).map(textOf);
      expect(addresses.map((address) => address.split('.').slice(0, 2).join('.')).toSorted()).toEqual([
        '10.0',
        '10.1',
        '198.18',
      ]);
    }
    expect(world.playground.books()).toMatchObject({ portsLeft: 2, floatingIpsLeft: 1, portsCreated: 2 });

    await world.cluster.apply([
      nodePool('general', { flavor: 'b2-7', desiredNodes: 2, attachFloatingIPs: { enabled: false } }),
    ]);
    await eventually(() => expect(world.cluster.list('nodes')).toHaveLength(2));
    expect(world.playground.books()).toMatchObject({ portsLeft: 4, floatingIpsLeft: 1 });

    await world.cluster.remove('nodepools', 'general');
    await eventually(() => expect(nothingLeft(world)).toEqual(EMPTY));
    expect(world.playground.books().floatingIpsLeft).toBe(0);
  });

  it('a project without room for floating IPs holds up the pool that asks for them, and no other', async () => {
    world = await openWorld({ openstack: { externalNetwork: 'playground-ext' } });
    world.playground.setQuota({ floatingIps: 0 });
    await world.cluster.apply([nodePool('public', { flavor: 'b2-7', desiredNodes: 1, ...floating })]);
    const blocked = () => conditionOf(world.cluster.get('nodepools', 'public'), 'Blocked');
    await eventually(() => expect(blocked()).toBe('True QuotaExceeded'));
    await world.cluster.apply([nodePool('inner', { flavor: 'b2-7', desiredNodes: 1 })]);
    await eventually(() => expect(world.cluster.list('nodes')).toHaveLength(1));
    expect(blocked()).toBe('True QuotaExceeded');
    expect(world.playground.books().serversCreated).toBe(1);
  });

  it('a pool with anti-affinity, preferred, grows to what a server group takes and says so', async () => {
    world = await openWorld();
    world.playground.setQuota({ serverGroupMembers: 2 });
    const apart = { antiAffinity: true, antiAffinityPolicy: 'Preferred' };
    await world.cluster.apply([nodePool('apart', { flavor: 'b2-7', desiredNodes: 3, ...apart })]);
    await eventually(() => expect(world.cluster.list('nodes')).toHaveLength(2));
    const pool = () => world.cluster.get('nodepools', 'apart');
    await eventually(() => expect(conditionOf(pool(), 'Blocked')).toBe('True QuotaExceeded'));
    expect(world.playground.books().serversCreated).toBe(2);
  });
});
