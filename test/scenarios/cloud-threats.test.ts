// What a tenant, who is admin of its own cluster and may have rights of its own in the OpenStack project, can try against the
// cloud side. Numbers are those of the threat list that the project keeps. 19: see also the client's own tests; 23: the
// user data's.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { GROUP_VERSION, SERVER_METADATA } from '../../src/api/names.ts';
import { startPlayground } from '../../src/playground/start-playground.ts';
import { fieldsOf, textOf, type Fields } from '../../src/playground/untyped.ts';
import { startTimeLapse, type TimeLapse } from '../faults/time-lapse.ts';
import { clientOf, openProxiedWorld, plantServer, standingServers, type ProxiedWorld } from './proxied-world.ts';
import {
  conditionOf,
  eventually,
  nodePool,
  openWorld,
  registerCluster,
  SCENARIO_MS,
  type ScenarioWorld,
} from './scenario-world.ts';

const FACTOR = 20;
/** Two looks of the inventory. The grace of orphans is test/unit/controllers/copied-metadata.test.ts'. */
const LOOKS_MS = 130_000;

let lapse: TimeLapse;
let close: () => Promise<void>;
beforeAll(() => {
  lapse = startTimeLapse(FACTOR);
});
afterEach(() => close());
afterAll(() => lapse.stop());

async function proxied(): Promise<ProxiedWorld> {
  const world = await openProxiedWorld();
  close = () => world.close();
  return world;
}

async function oneNode(world: ScenarioWorld): Promise<Fields> {
  await world.cluster.apply([nodePool('general', { flavor: 'b2-7', desiredNodes: 1 })]);
  await eventually(() => expect(world.cluster.list('nodes')).toHaveLength(1));
  return world.playground.management.list('nodeclaims')[0] ?? {};
}

function passes(ms: number): Promise<void> {
  return lapse.realSleep(ms / FACTOR);
}

function cloudReachable(world: ScenarioWorld): string {
  return conditionOf(world.playground.management.get('workloadclusters', 'shop', 'default'), 'CloudReachable');
}

describe('threat 9: the providerID of somebody else’s server on a fake Node', { timeout: SCENARIO_MS }, () => {
  it('that server is neither asked for nor deleted, also when the Node carries our labels', async () => {
    const world = await proxied();
    const id = await plantServer(world, 'of-another-tenant', {});
    const claim = await oneNode(world);
    const pool = textOf(fieldsOf(claim['spec'])['poolName']);
    await world.cluster.apply([
      {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: 'general-node-abcdef', labels: { 'sluice.dev/nodepool': pool, nodepool: pool } },
        spec: { providerID: `openstack:///${id}` },
      },
    ]);
    await passes(60_000);
    await world.cluster.remove('nodepools', 'general');
    await eventually(() => expect(world.playground.management.list('nodeclaims')).toEqual([]));
    expect(world.asked.filter(({ url }) => url.includes(id))).toEqual([]);
    expect((await standingServers(world)).map((server) => server['id'])).toContain(id);
  });
});

describe('threat 19: Keystone that redirects to an internal address', { timeout: SCENARIO_MS }, () => {
  it('the address is not called, and a condition says that the cloud cannot be used', async () => {
    const calls: string[] = [];
    const listening = async (answer: (url: string) => { status: number; location: string }) => {
      const server = createServer((request, response) => {
        request.resume();
        const { status, location } = answer(request.url ?? '');
        response.writeHead(status, { location });
        response.end();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      return { server, url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}` };
    };
    const internal = await listening((url) => {
      calls.push(url);
      return { status: 200, location: '' };
    });
    const keystone = await listening(() => ({ status: 307, location: `${internal.url}/apis/` }));
    const world = await openWorld({
      cloudsYaml: (good) => good.replace(/(auth_url: ).+/, `$1${keystone.url}/v3`),
    });
    close = async () => {
      await world.close();
      for (const { server } of [internal, keystone]) server.close();
    };
    await eventually(() => expect(cloudReachable(world)).toMatch(/^False /));
    await passes(70_000);
    expect(calls).toEqual([]);
  });
});

describe('threat 27: two tenants share one OpenStack project', { timeout: SCENARIO_MS }, () => {
  it('pools of the same name: each deletes its own servers and ports, over two looks of the inventory', async () => {
    const world = await proxied();
    const other = await world.playground.addWorkloadCluster('office');
    await registerCluster(world.playground, other);
    await oneNode(world);
    await other.apply([nodePool('general', { flavor: 'b2-7', desiredNodes: 2 })]);
    await eventually(() => expect(other.list('nodes')).toHaveLength(2));
    await world.cluster.remove('nodepools', 'general');
    await eventually(() => expect(world.playground.books().serversLeft).toBe(2));
    await passes(LOOKS_MS);
    expect(other.list('nodes')).toHaveLength(2);
    expect(world.playground.books()).toMatchObject({ serversLeft: 2, portsLeft: 2, serversDeleted: 1 });
  });
});

describe('threat 28: our metadata copied onto a pet', { timeout: SCENARIO_MS }, () => {
  it('is neither adopted nor deleted, while the node stands, when it leaves, and over two looks of the inventory', async () => {
    const world = await proxied();
    await oneNode(world);
    const [server] = await standingServers(world);
    const pet = await plantServer(world, 'pet', fieldsOf(server?.['metadata']));
    const stranger = await plantServer(world, 'pet-of-a-claim-that-is-gone', {
      ...fieldsOf(server?.['metadata']),
      [SERVER_METADATA.claim]: randomUUID(),
    });
    await passes(LOOKS_MS);
    await world.cluster.remove('nodepools', 'general');
    await eventually(() => expect(world.playground.management.list('nodeclaims')).toEqual([]));
    const left = (await standingServers(world)).map((each) => each['id']);
    expect(left).toContain(pet);
    expect(left).toContain(stranger);
    expect(left).toHaveLength(2);
    expect(world.asked.filter(({ method, url }) => method === 'DELETE' && url.includes(pet))).toEqual([]);
  });
});

describe('threat 29: the credential secret swapped to another project', { timeout: SCENARIO_MS }, () => {
  it('everything is frozen with one condition: nothing is read as gone, nothing is made or deleted', async () => {
    const world = await proxied();
    const elsewhere = await startPlayground({});
    close = async () => {
      await world.close();
      await elsewhere.close();
    };
    await oneNode(world);
    const before = world.asked.length;
    await world.playground.apply([
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'shop-openstack', namespace: 'default' },
        stringData: { 'clouds.yaml': elsewhere.cloudsYaml },
      },
    ]);
    await eventually(() => expect(cloudReachable(world)).toMatch(/^False /));
    await world.cluster.apply([nodePool('general', { flavor: 'b2-7', desiredNodes: 0, minNodes: 0 })]);
    await world.cluster.apply([nodePool('more', { flavor: 'b2-7', desiredNodes: 2 })]);
    await passes(70_000);
    expect(await clientOf(elsewhere).list('compute', '/servers/detail', 'servers')).toEqual([]);
    expect(elsewhere.books()).toMatchObject({ serversCreated: 0, portsCreated: 0, serversDeleted: 0 });
    expect(world.asked.slice(before).filter(({ method }) => method === 'DELETE')).toEqual([]);
    expect(world.playground.books()).toMatchObject({ serversLeft: 1, serversDeleted: 0 });
    const claim = world.playground.management.list('nodeclaims')[0];
    expect(fieldsOf(claim?.['status'])['failure']).toBeUndefined();
    expect(claim?.['apiVersion']).toBe(GROUP_VERSION);
  });
});
