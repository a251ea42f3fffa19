// What every implementation behind the port `Cloud` must do, whoever serves it: run on a real OpenStack
// (openstack-cloud.conf.ts) and on the playground's double. Creates servers and ports under a cluster uid of its own and
// deletes them again.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WorkloadCluster } from '../../src/api/workload-cluster.ts';
import type { PortErrorCode } from '../../src/controllers/port-errors.ts';
import type { CreateServerRequest, ServerView } from '../../src/controllers/ports.ts';
import { newPort, serverRequest, type Bench, type CloudUnderTest } from './cloud-bench.ts';
import { describeQuota, describeRevokedTokens } from './cloud-operator.suite.ts';
import { eventually, EVENTUALLY_MS, rejection, withOpenStack } from './stage.ts';

/** Registers the suite with vitest. `open` is called once. */
export function cloudSuite(name: string, open: () => Promise<CloudUnderTest>): void {
  describe(`Cloud: ${name}`, { timeout: EVENTUALLY_MS * 2 }, () => {
    let bench: Bench;

    beforeAll(async () => {
      const under = await open();
      const targets = await under.cloud.resolveTargets(under.cluster);
      const flavors = await under.cloud.listFlavors();
      const flavorId = flavors.find((flavor) => flavor.name === under.flavor)?.id;
      if (flavorId === undefined) throw new Error(`the cloud under test has no flavor '${under.flavor}'`);
      bench = { under, cloud: under.cloud, targets, flavorId, clusterUid: randomUUID() };
    }, EVENTUALLY_MS);

    afterAll(async () => {
      if (bench === undefined) return;
      await sweep(bench);
      await bench.under.close();
    }, EVENTUALLY_MS * 2);

    describeReading(() => bench);
    describePorts(() => bench);
    describeServers(() => bench);
    describeRefusals(() => bench);
    describeServerGroups(() => bench);
    describeRevokedTokens(() => bench);
    describeQuota(() => bench);
  });
}

function describeReading(bench: () => Bench): void {
  test('the project of the token is the pinned one', async () => {
    expect(await bench().cloud.currentProjectId()).toBe(bench().under.cluster.spec.openstack.projectId);
  });

  test('names resolve to ids, and the same ids resolve to themselves', async () => {
    const { cloud, targets, under } = bench();
    expect(targets.zones).toContain(under.zone);
    expect(targets.region).not.toBe('');
    const images = targets.images.map(({ id }) => ({ id }));
    const spec = withOpenStack(under.cluster, { network: targets.networkId, images });
    const again = await cloud.resolveTargets(spec);
    expect(again.networkId).toBe(targets.networkId);
    expect(again.images.map((image) => image.id)).toEqual(targets.images.map((image) => image.id));
  });

  test.for<[field: string, change: Partial<WorkloadCluster['spec']['openstack']>]>([
    ['spec.openstack.network', { network: 'no-such-network' }],
    ['spec.openstack.subnet', { subnet: 'no-such-subnet' }],
    ['spec.openstack.images[0].name', { images: [{ name: 'no-such-image' }] }],
    ['spec.openstack.images[0].id', { images: [{ id: randomUUID() }] }],
    ['spec.openstack.keyPair', { keyPair: 'no-such-key-pair' }],
    ['spec.openstack.securityGroups[0]', { securityGroups: ['no-such-security-group'] }],
    ['spec.openstack.availabilityZones[0]', { availabilityZones: ['no-such-zone'] }],
  ])('a name that does not resolve is invalidSpec and names %s', async ([field, change]) => {
    const { cloud, under } = bench();
    const error = await rejection(cloud.resolveTargets(withOpenStack(under.cluster, change)));
    expect(error.code).toBe('invalidSpec');
    expect(error.message).toContain(field);
  });

  test('flavors have sizes', async () => {
    const flavors = await bench().cloud.listFlavors();
    const flavor = flavors.find(({ name }) => name === bench().under.flavor);
    expect(flavor?.vcpus).toBeGreaterThan(0);
    expect(flavor?.memoryMiB).toBeGreaterThan(0);
  });

  test('what does not exist is undefined, and deleting it is no error', async () => {
    const { cloud } = bench();
    const id = randomUUID();
    expect(await cloud.getServer(id)).toBeUndefined();
    expect(await cloud.getPort(id)).toBeUndefined();
    await cloud.deleteServer(id);
    await cloud.deletePort(id);
    expect(await cloud.findServers(randomUUID(), 'conformance-nobody')).toEqual([]);
    expect(await cloud.findPorts(randomUUID())).toEqual([]);
    expect(await cloud.listServers(randomUUID())).toEqual([]);
    expect(await cloud.listPorts(randomUUID())).toEqual([]);
  });

  test('a wrong password is credentials', async (context) => {
    const { openRefused } = bench().under;
    context.skip(openRefused === undefined, 'the cloud under test opens without a password');
    if (openRefused !== undefined) expect((await rejection(openRefused())).code).toBe('credentials');
  });
}

function describePorts(bench: () => Bench): void {
  test('a port is found by its claim and by its cluster, and goes when it is deleted, twice', async () => {
    const { cloud, clusterUid, targets } = bench();
    const claimUid = randomUUID();
    const port = await newPort(bench(), claimUid);
    expect(port.deviceId).toBe('');
    expect(port.addresses).not.toEqual([]);
    expect(port.projectId).toBe(await cloud.currentProjectId());
    expect(targets.networkId).not.toBe('');
    expect((await cloud.getPort(port.id))?.id).toBe(port.id);
    expect((await cloud.findPorts(claimUid)).map(({ id }) => id)).toEqual([port.id]);
    expect((await cloud.listPorts(clusterUid)).map(({ id }) => id)).toContain(port.id);
    expect((await cloud.listPorts(randomUUID())).map(({ id }) => id)).not.toContain(port.id);
    await cloud.deletePort(port.id);
    await cloud.deletePort(port.id);
    expect(await cloud.getPort(port.id)).toBeUndefined();
    expect(await cloud.findPorts(claimUid)).toEqual([]);
  });

  test('two ports of one claim come oldest first', async () => {
    const { cloud } = bench();
    const claimUid = randomUUID();
    const first = await newPort(bench(), claimUid);
    await sleep(1_100); // Neutron's clock has seconds
    const second = await newPort(bench(), claimUid);
    expect((await cloud.findPorts(claimUid)).map(({ id }) => id)).toEqual([first.id, second.id]);
  });

  test('a port on a network or with a security group that is not there is invalidSpec', async () => {
    const { cloud, clusterUid, targets } = bench();
    const request = { claimUid: randomUUID(), clusterUid, claimName: 'conformance', subnetId: undefined };
    const network = cloud.createPort({ ...request, networkId: randomUUID(), securityGroups: [] });
    expect((await rejection(network)).code).toBe('invalidSpec');
    const group = cloud.createPort({ ...request, networkId: targets.networkId, securityGroups: ['no-such-group'] });
    expect((await rejection(group)).code).toBe('invalidSpec');
    expect(await cloud.findPorts(request.claimUid)).toEqual([]);
  });
}

function describeServers(bench: () => Bench): void {
  test('a server: created on its port, found, ACTIVE, counted, deleted, gone', async () => {
    const { cloud, clusterUid, under } = bench();
    const claimUid = randomUUID();
    const before = await cloud.readQuota();
    const port = await newPort(bench(), claimUid);
    const request = serverRequest(bench(), { claimUid, portId: port.id });
    const id = await cloud.createServer(request);

    expect((await cloud.findServers(claimUid, request.name)).map((server) => server.id)).toEqual([id]);
    expect(await cloud.findServers(randomUUID(), request.name)).toEqual([]);
    const active = await eventually('the server is ACTIVE', async () => {
      const server = await cloud.getServer(id);
      return server?.status === 'ACTIVE' ? server : undefined;
    });
    expectServer(active, { request, under, projectId: await cloud.currentProjectId() });
    expect(active.addresses).toContain(port.addresses[0]);
    expect((await cloud.getPort(port.id))?.deviceId).toBe(id);
    expect((await cloud.listServers(clusterUid)).map((server) => server.id)).toContain(id);
    expect(await cloud.serverNamesTaken([request.name, 'conformance-free'])).toEqual(new Set([request.name]));
    const during = await cloud.readQuota();
    if (before.serversLeft !== undefined) expect(during.serversLeft).toBeLessThan(before.serversLeft);

    await cloud.deleteServer(id);
    await cloud.deleteServer(id);
    await eventually('the server is gone', async () => (await cloud.getServer(id)) === undefined || undefined);
    expect(await cloud.findServers(claimUid, request.name)).toEqual([]);
    expect((await cloud.getPort(port.id))?.deviceId).toBe(''); // a port that was given stays
    await cloud.deletePort(port.id);
  });

  test('a port takes one server: a second one is refused or ends in ERROR', async () => {
    const { cloud } = bench();
    const claimUid = randomUUID();
    const port = await newPort(bench(), claimUid);
    const first = await cloud.createServer(serverRequest(bench(), { claimUid, portId: port.id }));
    await eventually('the port is taken', async () => (await cloud.getPort(port.id))?.deviceId === first || undefined);
    const error = await rejection(cloud.createServer(serverRequest(bench(), { claimUid, portId: port.id })));
    expect(error.code).toBe('conflict');
  });

  test('two creates on one port at once: one server becomes ACTIVE, the other is refused or ends in ERROR', async () => {
    const { cloud } = bench();
    const claimUid = randomUUID();
    const port = await newPort(bench(), claimUid);
    const request = serverRequest(bench(), { claimUid, portId: port.id });
    const made = await Promise.allSettled([cloud.createServer(request), cloud.createServer(request)]);
    for (const each of made) {
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'conflict' });
    }
    const settled = await eventually('both are settled', async () => {
      const servers = await cloud.findServers(claimUid, request.name);
      return servers.every(({ status }) => status !== 'BUILD') ? servers : undefined;
    });
    expect(settled.filter(({ status }) => status === 'ACTIVE')).toHaveLength(1);
    for (const { status, fault } of settled) if (status === 'ERROR') expect(fault?.message).not.toBe('');
    // Nova takes the port from the one that failed, and with it from the one that runs, whose address goes some time
    // later. So neither tells whose it is: a claim finds its servers by their metadata, and these must stay.
    for (const { metadata } of settled) expect(metadata).toEqual(request.metadata);
    for (const { id } of settled) await cloud.deleteServer(id);
    await eventually(
      'both are gone',
      async () => (await cloud.findServers(claimUid, request.name)).length === 0 || undefined,
    );
    await cloud.deletePort(port.id);
  });

  test('a server that builds can be deleted, more than once', async () => {
    const { cloud } = bench();
    const claimUid = randomUUID();
    const port = await newPort(bench(), claimUid);
    const id = await cloud.createServer(serverRequest(bench(), { claimUid, portId: port.id }));
    await cloud.deleteServer(id);
    await cloud.deleteServer(id);
    await eventually('the server is gone', async () => (await cloud.getServer(id)) === undefined || undefined);
    await cloud.deleteServer(id);
    expect((await cloud.getPort(port.id))?.deviceId).toBe('');
    await cloud.deletePort(port.id);
  });

  test('a name is found as it is written, not as the pattern that Nova takes it for', async () => {
    const { cloud } = bench();
    const claimUid = randomUUID();
    const port = await newPort(bench(), claimUid);
    const request = serverRequest(bench(), { claimUid, portId: port.id });
    const id = await cloud.createServer(request);
    expect(await cloud.findServers(claimUid, request.name.slice(0, -1))).toEqual([]);
    expect(await cloud.findServers(claimUid, `${request.name.slice(0, -1)}.*|`)).toEqual([]);
    expect((await cloud.findServers(claimUid, request.name)).map((server) => server.id)).toEqual([id]);
    await cloud.deleteServer(id);
    await eventually('the server is gone', async () => (await cloud.getServer(id)) === undefined || undefined);
    await cloud.deletePort(port.id);
  });

  test('no host for a flavor: the server ends in ERROR and its fault means capacity', async (context) => {
    const { cloud, under } = bench();
    context.skip(under.hugeFlavor === undefined, 'the cloud under test has no flavor that is too large');
    const flavorId = (await cloud.listFlavors()).find(({ name }) => name === under.hugeFlavor)?.id;
    expect(flavorId).toBeDefined();
    const claimUid = randomUUID();
    const port = await newPort(bench(), claimUid);
    const request = { ...serverRequest(bench(), { claimUid, portId: port.id }), flavorId: flavorId ?? '' };
    const id = await cloud.createServer(request);
    const failed = await eventually('the server is in ERROR', async () => {
      const server = await cloud.getServer(id);
      return server?.status === 'ERROR' ? server : undefined;
    });
    expect(failed.fault?.meaning).toBe('capacity');
    expect(failed.fault?.message).toContain('No valid host');
    expect((await cloud.findServers(claimUid, request.name)).map((server) => server.id)).toEqual([id]);
  });
}

function describeRefusals(bench: () => Bench): void {
  test.for([
    ['an unknown flavor', { flavorId: 'no-such-flavor' }, 'invalidSpec'],
    ['an unknown image', { imageId: randomUUID() }, 'invalidSpec'],
    ['an unknown key pair', { keyPair: 'no-such-key-pair' }, 'invalidSpec'],
    ['an unknown zone', { zone: 'no-such-zone' }, 'invalidSpec'],
    ['an unknown server group', { serverGroupId: randomUUID() }, 'invalidSpec'],
    ['user data beyond 64 KiB of base64', { userData: 'x'.repeat(49_153) }, 'invalidSpec'],
    ['a metadata value of 256 characters', { metadata: new Map([['key', 'v'.repeat(256)]]) }, 'invalidSpec'],
  ] as const)('%s is refused and makes nothing', async ([, change, code]) => {
    const { cloud } = bench();
    const claimUid = randomUUID();
    const port = await newPort(bench(), claimUid);
    const request = { ...serverRequest(bench(), { claimUid, portId: port.id }), ...change };
    const error = await rejection(cloud.createServer(request));
    expect(error.code).toBe(code satisfies PortErrorCode);
    expect(error.message).not.toContain('vvvv');
    expect(await cloud.serverNamesTaken([request.name])).toEqual(new Set());
    await cloud.deletePort(port.id);
  });

  test('the largest user data that Nova takes is taken', async () => {
    const { cloud } = bench();
    const claimUid = randomUUID();
    const port = await newPort(bench(), claimUid);
    const request = serverRequest(bench(), { claimUid, portId: port.id });
    const id = await cloud.createServer({ ...request, userData: `#cloud-config\n${'#'.repeat(49_135)}` });
    expect((await cloud.getServer(id))?.name).toBe(request.name);
  });
}

function describeServerGroups(bench: () => Bench): void {
  test('a group is made once, also when asked for at once, and takes servers', async () => {
    const { cloud, clusterUid } = bench();
    const name = groupName(clusterUid);
    const [first, second] = await Promise.all([cloud.ensureServerGroup(name), cloud.ensureServerGroup(name)]);
    expect(second).toBe(first);
    expect(await cloud.ensureServerGroup(name)).toBe(first);
    const claimUid = randomUUID();
    const port = await newPort(bench(), claimUid);
    const request = { ...serverRequest(bench(), { claimUid, portId: port.id }), serverGroupId: first };
    expect(await cloud.createServer(request)).not.toBe('');
    await cloud.deleteServerGroup(name);
    await cloud.deleteServerGroup(name);
    expect(await cloud.ensureServerGroup(name)).not.toBe(first);
  });
}

function expectServer(
  server: ServerView,
  want: { readonly request: CreateServerRequest; readonly under: CloudUnderTest; readonly projectId: string },
): void {
  expect(server.name).toBe(want.request.name);
  expect(server.metadata).toEqual(want.request.metadata);
  expect(server.flavorName).toBe(want.under.flavor);
  expect(server.zone).toBe(want.under.zone);
  expect(server.projectId).toBe(want.projectId);
  expect(server.taskState).toBe('');
  expect(server.fault).toBeUndefined();
  expect(server.createdMs).toBeGreaterThan(0);
}

function groupName(clusterUid: string): string {
  return `conformance-${clusterUid}`;
}

/** Takes away whatever the suite made, also when a test failed half-way. */
async function sweep({ cloud, clusterUid }: Bench): Promise<void> {
  for (const server of await cloud.listServers(clusterUid)) await cloud.deleteServer(server.id);
  await eventually('no server is left', async () => (await cloud.listServers(clusterUid)).length === 0 || undefined);
  for (const port of await cloud.listPorts(clusterUid)) await cloud.deletePort(port.id);
  await cloud.deleteServerGroup(groupName(clusterUid));
  expect(await cloud.listPorts(clusterUid)).toEqual([]);
}
