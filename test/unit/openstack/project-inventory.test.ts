// Who shares a view of a project, and who must not; and what a session asks through it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SERVER_METADATA } from '../../../src/api/names.ts';
import type { Cloud } from '../../../src/controllers/ports.ts';
import type { CloudConfig } from '../../../src/openstack/client/clouds.ts';
import { CloudInventory } from '../../../src/controllers/cloud-inventory.ts';
import { openCloud } from '../../../src/openstack/cloud-port.ts';
import { ProjectInventories } from '../../../src/openstack/project-inventory.ts';
import { makeCluster } from '../../fakes/fake-objects.ts';
import { FakeTelemetry } from '../../fakes/fake-telemetry.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';
import { ManualClock, PROJECT_ID, REAL_CLOCK, ScriptedCloud } from './scripted-cloud.ts';

const CONFIG: CloudConfig = {
  name: 'one',
  authUrl: 'http://keystone',
  auth: { kind: 'applicationCredential', id: 'credential', secret: 'secret' },
  region: 'R',
  interface: 'public',
  endpointOverrides: new Map(),
  verify: true,
  caCert: undefined,
};
const PROJECT = { config: CONFIG, region: 'R', id: 'p' };

describe('a view of a project', () => {
  test('is shared by sessions with the same credential, until the last one goes', () => {
    const inventories = new ProjectInventories();
    const clock = new ManualClock();
    const [one, two] = [inventories.take(PROJECT, clock), inventories.take({ ...PROJECT }, clock)];
    expect(two.inventory).toBe(one.inventory);
    expect(one.inventory.users).toBe(2);
    one.release();
    one.release();
    expect(inventories.take(PROJECT, clock).inventory).toBe(two.inventory);
    expect(two.inventory.users).toBe(2);
  });

  test.for<[what: string, change: Partial<CloudConfig>]>([
    ['an endpoint override', { endpointOverrides: new Map([['compute', 'http://evil']]) }],
    ['another secret', { auth: { kind: 'applicationCredential', id: 'credential', secret: 'stolen' } }],
    ['another user', { auth: { kind: 'applicationCredential', id: 'other', secret: 'secret' } }],
    ['another Keystone', { authUrl: 'http://evil' }],
    ['no check of certificates', { verify: false }],
    ['a CA of its own', { caCert: '-----BEGIN CERTIFICATE-----' }],
    ['another interface', { interface: 'internal' }],
  ])('is never shared across %s', ([, change]) => {
    const inventories = new ProjectInventories();
    const clock = new ManualClock();
    const mine = inventories.take(PROJECT, clock);
    const other = inventories.take({ ...PROJECT, config: { ...CONFIG, ...change } }, clock);
    expect(other.inventory).not.toBe(mine.inventory);
    expect(inventories.take({ ...PROJECT, region: 'S' }, clock).inventory).not.toBe(mine.inventory);
    expect(inventories.take({ ...PROJECT, id: 'q' }, clock).inventory).not.toBe(mine.inventory);
  });
});

describe('two clusters in one project, with equal pool and node names', () => {
  const LIMITS = {
    maxTotalInstances: 10,
    totalInstancesUsed: 3,
    maxTotalCores: -1,
    totalCoresUsed: 3,
    maxTotalRAMSize: -1,
    totalRAMUsed: 3,
  };
  const COMPUTE = `/compute/v2.1/${PROJECT_ID}`;
  let scripted: ScriptedCloud;
  let clouds: readonly Cloud[];

  const server = (cluster: string, n: number) => ({
    id: `server-${cluster}-${n}`,
    name: `pool-node-00000${n}`,
    status: 'ACTIVE',
    created: '2026-01-01T00:00:00Z',
    tenant_id: PROJECT_ID,
    metadata: {
      [SERVER_METADATA.cluster]: cluster,
      [SERVER_METADATA.pool]: 'pool',
      [SERVER_METADATA.claim]: `claim-${cluster}-${n}`,
    },
    addresses: {},
    flavor: { original_name: 'b2-7' },
    'OS-EXT-AZ:availability_zone': 'nova',
    'OS-EXT-STS:task_state': null,
  });
  const port = (cluster: string, n: number) => ({
    id: `port-${cluster}-${n}`,
    name: `sluice-claim-${cluster}-${n}`,
    project_id: PROJECT_ID,
    device_id: '',
    fixed_ips: [],
    tags: [`sluice.dev/cluster=${cluster}`],
  });

  const floatingIp = (cluster: string) => ({
    id: `floating-${cluster}`,
    project_id: PROJECT_ID,
    floating_ip_address: '198.18.0.1',
    floating_network_id: 'ext',
    port_id: null,
    status: 'DOWN',
    description: `sluice.dev cluster=${cluster} claim=claim-${cluster}-1`,
  });
  const group = (cluster: string) => ({
    id: `group-${cluster}`,
    name: `sluice-${cluster}-pool`,
    policy: 'anti-affinity',
    members: [],
  });

  beforeEach(async () => {
    scripted = await ScriptedCloud.start();
    const standing = ['a', 'b'].flatMap((cluster) => [1, 2].map((n) => [cluster, n] as const));
    scripted.handler = ({ path }) => {
      if (path === `${COMPUTE}/servers/detail`) {
        return { status: 200, body: { servers: standing.map(([cluster, n]) => server(cluster, n)) } };
      }
      if (path === '/network/v2.0/ports') {
        return { status: 200, body: { ports: standing.map(([cluster, n]) => port(cluster, n)) } };
      }
      return undefined;
    };
    const source = { cloudsYaml: scripted.cloudsYaml, cloud: undefined, region: undefined };
    const clock = { ...REAL_CLOCK, nowMs: () => Date.now() };
    const open = (cluster: string) => openCloud(source, { clock, telemetry: new FakeTelemetry(), labels: { cluster } });
    clouds = [await open('a'), await open('b')];
  });

  afterEach(async () => {
    await Promise.all(clouds.map((cloud) => cloud.close()));
    await scripted.close();
  });

  test('see each their own in one listing', async () => {
    const age = { ageMaxMs: 45_000 };
    const ids = async (cloud: Cloud, uid: string) => [
      ...(await cloud.listServers(uid, age)).map(({ id }) => id),
      ...(await cloud.listPorts(uid, age)).map(({ id }) => id),
    ];
    for (const uid of ['a', 'b', 'a', 'b']) {
      const cloud = clouds[uid === 'a' ? 0 : 1];
      if (cloud === undefined) throw new Error('no cloud');
      expect(await ids(cloud, uid)).toEqual([`server-${uid}-1`, `server-${uid}-2`, `port-${uid}-1`, `port-${uid}-2`]);
    }
    expect(scripted.count('GET', `${COMPUTE}/servers/detail`)).toBe(1);
    expect(scripted.count('GET', '/network/v2.0/ports')).toBe(1);
  });

  describe('with floating IPs and server groups', () => {
    const LISTS = {
      servers: `${COMPUTE}/servers/detail`,
      ports: '/network/v2.0/ports',
      floatingIps: '/network/v2.0/floatingips',
      serverGroups: `${COMPUTE}/os-server-groups`,
    };
    const counts = () => Object.entries(LISTS).map(([what, path]) => [what, scripted.count('GET', path)]);

    beforeEach(() => {
      const standing = scripted.handler;
      const bodies = new Map<string, unknown>([
        ['/network/v2.0/extensions', { extensions: [{ alias: 'router' }] }],
        [LISTS.floatingIps, { floatingips: ['a', 'b'].map(floatingIp) }],
        [LISTS.serverGroups, { server_groups: ['a', 'b'].map(group) }],
      ]);
      scripted.handler = (request) => {
        const body = request.method === 'GET' ? bodies.get(request.path) : undefined;
        return body === undefined ? standing(request) : { status: 200, body };
      };
    });

    test('see each their own, by an answer as old as they allow', async () => {
      for (const ageMaxMs of [45_000, 0]) {
        for (const [index, uid] of ['a', 'b'].entries()) {
          const cloud = clouds[index];
          expect((await cloud?.listFloatingIps(uid, { ageMaxMs }))?.map(({ id }) => id)).toEqual([`floating-${uid}`]);
          expect(await cloud?.listServerGroups(uid, { ageMaxMs })).toEqual([`sluice-${uid}-pool`]);
        }
      }
      expect(scripted.count('GET', LISTS.floatingIps)).toBe(3);
      expect(scripted.count('GET', LISTS.serverGroups)).toBe(3);
    });

    test('are swept by the listings of one', async () => {
      const { openstack } = makeCluster().spec;
      for (const [index, clusterUid] of ['a', 'b'].entries()) {
        const cloud = clouds[index];
        if (cloud === undefined) throw new Error('no cloud');
        const world = new FakeWorld(makeCluster({ openstack: { ...openstack, projectId: PROJECT_ID } }));
        await new CloudInventory({ ...world.context(), cloud, clusterUid }).sweep();
        expect(world.telemetry.last('sluice_orphans', { kind: 'floatingIp' })).toBe(1);
      }
      expect(counts()).toEqual(Object.keys(LISTS).map((what) => [what, 1]));
    });
  });

  test('find what is a claim’s by its uid, though names are the same', async () => {
    const [cloud] = clouds;
    const looks = ['a', 'b'].map(async (cluster) => [
      (await cloud?.findServers(`claim-${cluster}-1`, 'pool-node-000001'))?.map(({ id }) => id),
      (await cloud?.findPorts(`claim-${cluster}-1`))?.map(({ id }) => id),
    ]);
    expect(await Promise.all(looks)).toEqual([
      [['server-a-1'], ['port-a-1']],
      [['server-b-1'], ['port-b-1']],
    ]);
  });

  test('a server that no listing shows is gone only by the answer to its id', async () => {
    const [cloud] = clouds;
    const waiting = { ageMaxMs: 2000 };
    expect((await cloud?.getServer('server-a-1', waiting))?.status).toBe('ACTIVE');
    expect(scripted.count('GET', `${COMPUTE}/servers/server-a-1`)).toBe(0);
    expect(await cloud?.getServer('gone', waiting)).toBeUndefined();
    expect(await cloud?.getServer('gone', waiting)).toBeUndefined();
    expect(scripted.count('GET', `${COMPUTE}/servers/gone`)).toBe(1);
    expect(await cloud?.getServer('gone')).toBeUndefined();
    expect(scripted.count('GET', `${COMPUTE}/servers/gone`)).toBe(2);
  });

  test('what a server in ERROR is about is asked of itself where the listing does not say: Nova does not for one without a host', async () => {
    const broken = { ...server('a', 1), status: 'ERROR' };
    const fault = { code: 500, message: 'No valid host was found. ' };
    scripted.handler = ({ path }) => {
      if (path === `${COMPUTE}/servers/detail`) return { status: 200, body: { servers: [broken] } };
      const one = { status: 200, body: { server: { ...broken, fault } } };
      return path === `${COMPUTE}/servers/server-a-1` ? one : undefined;
    };
    const found = await clouds[0]?.getServer('server-a-1', { ageMaxMs: 2000 });
    expect(found?.fault?.meaning).toBe('capacity');
  });

  test('a row that says DELETED is no word about the id either', async () => {
    const [cloud] = clouds;
    const before = scripted.handler;
    const rows = [{ ...server('a', 1), status: 'DELETED' }];
    scripted.handler = (request) =>
      request.query.has('changes-since') ? { status: 200, body: { servers: rows } } : before(request);
    expect(await cloud?.getServer('server-a-1', { ageMaxMs: 2000 })).toBeUndefined();
    expect(scripted.count('GET', `${COMPUTE}/servers/server-a-1`)).toBe(1);
  });

  test('each reads the limits once for both, ports of Neutron among them', async () => {
    const details = `/network/v2.0/quotas/${PROJECT_ID}/details`;
    scripted.handler = ({ path }) => {
      if (path === `${COMPUTE}/limits`) return { status: 200, body: { limits: { absolute: LIMITS } } };
      if (path === details) return { status: 200, body: { quota: { port: { limit: 10, used: 3, reserved: 2 } } } };
      return undefined;
    };
    const age = { ageMaxMs: 20_000 };
    for (const cloud of clouds) {
      expect(await cloud.readQuota(age)).toMatchObject({ serversLeft: 7, coresLeft: undefined, portsLeft: 5 });
    }
    expect(scripted.count('GET', `${COMPUTE}/limits`)).toBe(1);
    // A server that is gone makes the reading an old one, for both.
    await clouds[0]?.getServer('gone');
    await clouds[1]?.readQuota(age);
    expect(scripted.count('GET', `${COMPUTE}/limits`)).toBe(2);
  });

  test.for([[403], [404], [500]])(
    'a Neutron that answers %i to the port quota leaves Nova’s limits standing',
    async ([status = 0]) => {
      scripted.handler = ({ path }) => {
        if (path === `${COMPUTE}/limits`) return { status: 200, body: { limits: { absolute: LIMITS } } };
        return path.includes('/quotas/') ? { status, body: {} } : undefined;
      };
      expect(await clouds[0]?.readQuota()).toMatchObject({ serversLeft: 7, portsLeft: undefined });
    },
  );

  test('a session that has closed asks nothing more', async () => {
    const [cloud] = clouds;
    await cloud?.close();
    await expect(cloud?.listServers('a')).rejects.toMatchObject({ code: 'unavailable' });
  });
});
