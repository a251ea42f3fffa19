// What every implementation behind the port `Cloud` must do with further networks, floating IPs and server groups: run on a
// real OpenStack and on the playground's double, beside cloud.suite.ts. Works under a cluster uid of its own and takes away
// what it made.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SERVER_METADATA, serverGroupName } from '../../src/api/names.ts';
import type { WorkloadCluster } from '../../src/api/workload-cluster.ts';
import type { CloudTargets } from '../../src/cluster/cluster-objects.ts';
import type { Cloud, FloatingIpView, PortView } from '../../src/controllers/ports.ts';
import { serverRequest } from './cloud-bench.ts';
import type { ProjectQuota } from './project-quota.ts';
import { eventually, EVENTUALLY_MS, rejection, withOpenStack } from './stage.ts';

export interface NetworksUnderTest {
  readonly cloud: Cloud;
  /** Its spec.openstack fits the cloud; additionalNetworks and externalNetwork are left out. */
  readonly cluster: WorkloadCluster;
  /** Name of a small flavor. */
  readonly flavor: string;
  readonly zone: string;
  /** Name of a second network on which the project may make ports. */
  readonly additionalNetwork: string;
  /** Name of the network of floating IPs, with a router to spec.openstack.network; absent: the cloud has none, and then it
   *  must say so by having no floating IP. */
  readonly externalNetwork?: string;
  /** Name of a flavor without a disk; absent: that case is left out. */
  readonly disklessFlavor?: string;
  /** The operator's hand on the project's quota; absent: those cases are left out. */
  readonly projectQuota?: ProjectQuota;
  close(): Promise<void>;
}

interface Bench {
  readonly under: NetworksUnderTest;
  readonly cloud: Cloud;
  readonly targets: CloudTargets;
  readonly flavorId: string;
  readonly clusterUid: string;
}

/** Registers the suite with vitest. `open` is called once. */
export function networksSuite(name: string, open: () => Promise<NetworksUnderTest>): void {
  describe(`Cloud, networks and groups: ${name}`, { timeout: EVENTUALLY_MS * 2 }, () => {
    let bench: Bench;

    beforeAll(async () => {
      const under = await open();
      const targets = await under.cloud.resolveTargets(withNetworks(under));
      const flavorId = (await under.cloud.listFlavors()).find((flavor) => flavor.name === under.flavor)?.id;
      if (flavorId === undefined) throw new Error(`the cloud under test has no flavor '${under.flavor}'`);
      bench = { under, cloud: under.cloud, targets, flavorId, clusterUid: randomUUID() };
    }, EVENTUALLY_MS);

    afterAll(async () => {
      if (bench === undefined) return;
      await sweep(bench);
      await bench.under.close();
    }, EVENTUALLY_MS * 2);

    describeNetworks(() => bench);
    describeFloatingIps(() => bench);
    describeServerGroups(() => bench);
    describeFlavors(() => bench);
  });
}

function describeFlavors(bench: () => Bench): void {
  test('a flavor without a disk shows so, and a server of it is invalidSpec, not a missing right', async (context) => {
    const { cloud, under } = bench();
    context.skip(under.disklessFlavor === undefined, 'the cloud under test has no flavor without a disk');
    const flavor = (await cloud.listFlavors()).find(({ name }) => name === under.disklessFlavor);
    expect(flavor?.diskGiB).toBe(0);
    const claimUid = randomUUID();
    const port = await newPort(bench(), { claimUid });
    const request = { claimUid, portId: port.id, flavorId: flavor?.id ?? '' };
    expect((await rejection(newServer(bench(), request))).code).toBe('invalidSpec');
  });
}

function describeNetworks(bench: () => Bench): void {
  test.for<[field: string, change: Partial<WorkloadCluster['spec']['openstack']>]>([
    ['spec.openstack.additionalNetworks[0].network', { additionalNetworks: [{ network: 'no-such-network' }] }],
    ['spec.openstack.externalNetwork', { externalNetwork: 'no-such-network' }],
  ])('a name that does not resolve is invalidSpec and names %s', async ([field, change]) => {
    const { cloud, under } = bench();
    const error = await rejection(cloud.resolveTargets(withOpenStack(under.cluster, change)));
    expect(error.code).toBe('invalidSpec');
    expect(error.message).toContain(field);
  });

  test('a subnet of another network, and a network that is not external, are refused by their fields', async () => {
    const { cloud, under, targets } = bench();
    const [first] = targets.additionalNetworks ?? [];
    const wrongSubnet = [{ network: first?.networkId ?? '', subnet: 'no-such-subnet' }];
    const subnet = cloud.resolveTargets(withOpenStack(under.cluster, { additionalNetworks: wrongSubnet }));
    expect((await rejection(subnet)).message).toContain('spec.openstack.additionalNetworks[0].subnet');
    const inner = { externalNetwork: under.cluster.spec.openstack.network };
    const error = await rejection(cloud.resolveTargets(withOpenStack(under.cluster, inner)));
    expect(error).toMatchObject({ code: 'invalidSpec' });
    expect(error.message).toContain('spec.openstack.externalNetwork');
  });

  test('the ports of a claim are found by network; the server has all of them, in their order', async () => {
    const { cloud, targets } = bench();
    const further = targets.additionalNetworks?.[0]?.networkId ?? '';
    const claimUid = randomUUID();
    const second = await newPort(bench(), { claimUid, networkIndex: 1, networkId: further });
    const first = await newPort(bench(), { claimUid });
    expect((await cloud.findPorts(claimUid)).map(({ id }) => id)).toEqual([first.id]);
    const both = await cloud.findPorts(claimUid, { additionalNetworks: 1 });
    expect(both.map(({ id, networkIndex }) => [id, networkIndex])).toEqual([
      [first.id, 0],
      [second.id, 1],
    ]);
    const ofCluster = await cloud.listPorts(bench().clusterUid);
    expect(ofCluster.map(({ id }) => id).toSorted()).toEqual([first.id, second.id].toSorted());

    const id = await newServer(bench(), { claimUid, portId: first.id, additionalPortIds: [second.id] });
    const server = await activeServer(cloud, id);
    expect(server.addresses).toEqual(expect.arrayContaining([first.addresses[0], second.addresses[0]]));
    expect((await cloud.getPort(second.id))?.deviceId).toBe(id);

    await cloud.deleteServer(id);
    await eventually('the server is gone', async () => (await cloud.getServer(id)) === undefined || undefined);
    // ports that were given stay, free, and are the claim's to delete
    expect((await cloud.findPorts(claimUid, { additionalNetworks: 1 })).map(({ deviceId }) => deviceId)).toEqual([
      '',
      '',
    ]);
    for (const port of both) await cloud.deletePort(port.id);
    expect(await cloud.findPorts(claimUid, { additionalNetworks: 1 })).toEqual([]);
  });
}

function describeFloatingIps(bench: () => Bench): void {
  test('what does not exist is undefined, and deleting it is no error', async () => {
    const { cloud, under } = bench();
    const owner = { clusterUid: randomUUID(), claimUid: randomUUID() };
    expect(await cloud.findFloatingIps(owner)).toEqual([]);
    expect(await cloud.listFloatingIps(owner.clusterUid)).toEqual([]);
    if (under.externalNetwork === undefined) return;
    expect(await cloud.getFloatingIp(randomUUID())).toBeUndefined();
    await cloud.deleteFloatingIp(randomUUID());
  });

  test('a floating IP is found by its claim and by its cluster, leads to its port, and goes, twice', async (context) => {
    const { cloud, clusterUid, under } = bench();
    context.skip(under.externalNetwork === undefined, 'the cloud under test has no floating IPs');
    const claimUid = randomUUID();
    const port = await newPort(bench(), { claimUid });
    const floatingIp = await newFloatingIp(bench(), { claimUid, portId: port.id });
    const { id } = floatingIp;
    const want = { id, portId: port.id, clusterUid, claimUid, address: floatingIp.address };
    expect(floatingIp).toMatchObject({ ...want, projectId: await cloud.currentProjectId() });
    expect(floatingIp.address).toMatch(/^[0-9a-f.:]+$/);
    expect(floatingIp.createdMs).toBeGreaterThan(0);
    expect(await cloud.getFloatingIp(id)).toMatchObject(want);
    expect(await cloud.findFloatingIps({ clusterUid, claimUid })).toMatchObject([want]);
    expect(await cloud.findFloatingIps({ clusterUid, claimUid: randomUUID() })).toEqual([]);
    expect((await cloud.listFloatingIps(clusterUid)).map((each) => each.id)).toContain(id);
    expect(await cloud.listFloatingIps(randomUUID())).toEqual([]);
    await cloud.deleteFloatingIp(id);
    await cloud.deleteFloatingIp(id);
    expect(await cloud.getFloatingIp(id)).toBeUndefined();
    await cloud.deletePort(port.id);
  });

  test('a port takes one: a second one, as of a repeated request, is a conflict', async (context) => {
    const { cloud, clusterUid, under } = bench();
    context.skip(under.externalNetwork === undefined, 'the cloud under test has no floating IPs');
    const claimUid = randomUUID();
    const port = await newPort(bench(), { claimUid });
    const floatingIp = await newFloatingIp(bench(), { claimUid, portId: port.id });
    const again = await rejection(newFloatingIp(bench(), { claimUid, portId: port.id }));
    expect(again.code).toBe('conflict');
    expect((await cloud.findFloatingIps({ clusterUid, claimUid })).map(({ id }) => id)).toEqual([floatingIp.id]);
  });

  test('it outlives its port, leads nowhere then, and is still found', async (context) => {
    const { cloud, clusterUid, under } = bench();
    context.skip(under.externalNetwork === undefined, 'the cloud under test has no floating IPs');
    const claimUid = randomUUID();
    const port = await newPort(bench(), { claimUid });
    const floatingIp = await newFloatingIp(bench(), { claimUid, portId: port.id });
    await cloud.deletePort(port.id);
    expect(await cloud.findFloatingIps({ clusterUid, claimUid })).toMatchObject([{ id: floatingIp.id, portId: '' }]);
  });

  test('a port that is not there, or that no router reaches, is invalidSpec', async (context) => {
    const { targets, under } = bench();
    context.skip(under.externalNetwork === undefined, 'the cloud under test has no floating IPs');
    const claimUid = randomUUID();
    const absent = await rejection(newFloatingIp(bench(), { claimUid, portId: randomUUID() }));
    expect(absent.code).toBe('invalidSpec');
    const networkId = targets.additionalNetworks?.[0]?.networkId ?? '';
    const far = await newPort(bench(), { claimUid, networkIndex: 1, networkId });
    expect((await rejection(newFloatingIp(bench(), { claimUid, portId: far.id }))).code).toBe('invalidSpec');
  });

  test('a quota that is reached is quota, and concerns the pool that asked', async (context) => {
    const { cloud, clusterUid, under } = bench();
    const { projectQuota } = under;
    context.skip(under.externalNetwork === undefined || projectQuota === undefined, 'the quota cannot be set here');
    const claimUid = randomUUID();
    const port = await newPort(bench(), { claimUid });
    const error = await projectQuota?.during({ floatingIps: 0 }, () =>
      rejection(newFloatingIp(bench(), { claimUid, portId: port.id })),
    );
    expect(error).toMatchObject({ code: 'quota', concerns: 'pool' });
    expect(await cloud.findFloatingIps({ clusterUid, claimUid })).toEqual([]);
    await newFloatingIp(bench(), { claimUid, portId: port.id });
  });
}

function describeServerGroups(bench: () => Bench): void {
  test('strict and soft groups of one name are apart; both are listed for their cluster, and go together', async () => {
    const { cloud, clusterUid } = bench();
    const name = serverGroupName({ clusterUid, poolUid: randomUUID() });
    const other = serverGroupName({ clusterUid: randomUUID(), poolUid: randomUUID() });
    const strict = await cloud.ensureServerGroup(name);
    const soft = await cloud.ensureServerGroup(name, 'soft-anti-affinity');
    expect(soft).not.toBe(strict);
    expect(await cloud.ensureServerGroup(name, 'soft-anti-affinity')).toBe(soft);
    await cloud.ensureServerGroup(other);
    expect(await cloud.listServerGroups(clusterUid)).toEqual([name]);
    await cloud.deleteServerGroup(name);
    await cloud.deleteServerGroup(other);
    expect(await cloud.listServerGroups(clusterUid)).toEqual([]);
  });

  test('one server more than a group takes is refused, concerns the pool, and makes nothing', async (context) => {
    const { cloud, clusterUid, under } = bench();
    const { projectQuota } = under;
    context.skip(projectQuota === undefined, 'the quota cannot be set here');
    const name = serverGroupName({ clusterUid, poolUid: randomUUID() });
    const group = await cloud.ensureServerGroup(name, 'soft-anti-affinity');
    const [one, two] = [randomUUID(), randomUUID()];
    const fillAndExceed = async () => {
      expect((await cloud.readQuota()).serverGroupMembersMax).toBe(1);
      const first = await newPort(bench(), { claimUid: one });
      await newServer(bench(), { claimUid: one, portId: first.id, serverGroupId: group });
      const second = await newPort(bench(), { claimUid: two });
      return rejection(newServer(bench(), { claimUid: two, portId: second.id, serverGroupId: group }));
    };
    const error = await projectQuota?.during({ serverGroupMembers: 1 }, fillAndExceed);
    expect(error).toMatchObject({ code: 'quota', concerns: 'pool' });
    expect(
      (await cloud.listServers(clusterUid)).some((server) => server.metadata.get(SERVER_METADATA.claim) === two),
    ).toBe(false);
  });
}

async function newPort(
  bench: Bench,
  what: { readonly claimUid: string; readonly networkIndex?: number; readonly networkId?: string },
): Promise<PortView> {
  const { clusterUid, targets, under } = bench;
  return bench.cloud.createPort({
    clusterUid,
    claimName: 'conformance',
    networkId: targets.networkId,
    subnetId: what.networkId === undefined ? targets.subnetId : undefined,
    securityGroups: under.cluster.spec.openstack.securityGroups ?? [],
    ...what,
  });
}

function newFloatingIp(
  { cloud, clusterUid, targets }: Bench,
  what: { readonly claimUid: string; readonly portId: string },
): Promise<FloatingIpView> {
  return cloud.createFloatingIp({ ...what, clusterUid, floatingNetworkId: targets.externalNetworkId ?? '' });
}

function newServer(
  bench: Bench,
  what: {
    readonly claimUid: string;
    readonly portId: string;
    readonly additionalPortIds?: readonly string[];
    readonly serverGroupId?: string;
    readonly flavorId?: string;
  },
): Promise<string> {
  return bench.cloud.createServer({ ...serverRequest(bench, what), ...what });
}

function activeServer(cloud: Cloud, id: string) {
  return eventually('the server is ACTIVE', async () => {
    const server = await cloud.getServer(id);
    return server?.status === 'ACTIVE' ? server : undefined;
  });
}

function withNetworks({ cluster, additionalNetwork, externalNetwork }: NetworksUnderTest): WorkloadCluster {
  return withOpenStack(cluster, {
    additionalNetworks: [{ network: additionalNetwork }],
    ...(externalNetwork === undefined ? {} : { externalNetwork }),
  });
}

/** Takes away whatever the suite made, also when a test failed half-way. */
async function sweep({ cloud, clusterUid }: Bench): Promise<void> {
  for (const server of await cloud.listServers(clusterUid)) await cloud.deleteServer(server.id);
  await eventually('no server is left', async () => (await cloud.listServers(clusterUid)).length === 0 || undefined);
  for (const { id } of await cloud.listFloatingIps(clusterUid)) await cloud.deleteFloatingIp(id);
  for (const port of await cloud.listPorts(clusterUid)) await cloud.deletePort(port.id);
  for (const name of await cloud.listServerGroups(clusterUid)) await cloud.deleteServerGroup(name);
  expect(await cloud.listPorts(clusterUid)).toEqual([]);
  expect(await cloud.listFloatingIps(clusterUid)).toEqual([]);
}
