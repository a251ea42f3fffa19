// The conformance of further networks, floating IPs and server groups on a real OpenStack: `npm run test:openstack`, with the
// usual OS_CLIENT_CONFIG_FILE and OS_CLOUD. SLUICE_TEST_ADDITIONAL_NETWORK and _EXTERNAL_NETWORK name what to use there. A
// cloud with routers gets one to the network for the time of the run. Quotas are set through the cloud 'admin' of the file
// (SLUICE_TEST_ADMIN_CLOUD), or left alone when there is none.
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { openCloud } from '../../src/openstack/cloud-port.ts';
import type { CloudEntry } from '../e2e/environment.ts';
import { OpenStackClient } from '../e2e/openstack-admin.ts';
import { networksSuite, type NetworksUnderTest } from './cloud-networks.suite.ts';
import { clock, conformanceCluster, telemetry } from './stage.ts';

const { env } = process;
const NETWORK = env.SLUICE_TEST_NETWORK ?? 'nodepool-net';
const EXTERNAL = env.SLUICE_TEST_EXTERNAL_NETWORK ?? 'Ext-Net';

/** A flavor that is made and taken away with the run. */
const DISKLESS = 'sluice-conformance-diskless';

networksSuite('a real OpenStack', async (): Promise<NetworksUnderTest> => {
  const cloudsYaml = await readFile(env.OS_CLIENT_CONFIG_FILE ?? '', 'utf8');
  const source = { cloudsYaml, cloud: env.OS_CLOUD, region: env.OS_REGION_NAME };
  const cloud = await openCloud(source, { clock, telemetry, labels: {} });
  const projectId = await cloud.currentProjectId();
  const image = env.SLUICE_TEST_IMAGE ?? 'Debian 12';
  const cluster = conformanceCluster({ projectId, network: NETWORK, image });
  const [zone = ''] = (await cloud.resolveTargets(cluster)).zones;
  const clouds: { clouds: Record<string, CloudEntry> } = parse(cloudsYaml);
  const admin = clouds.clouds[env.SLUICE_TEST_ADMIN_CLOUD ?? 'admin'];
  const member = clouds.clouds[env.OS_CLOUD ?? ''];
  const operator = admin === undefined ? undefined : new OpenStackClient(admin);
  const dropRouter = member === undefined ? undefined : await ensureRouter(new OpenStackClient(member));
  return {
    cloud,
    cluster,
    flavor: env.SLUICE_TEST_FLAVOR ?? 'd2-2',
    zone,
    additionalNetwork: env.SLUICE_TEST_ADDITIONAL_NETWORK ?? EXTERNAL,
    ...(dropRouter === undefined ? {} : { externalNetwork: EXTERNAL }),
    ...(operator === undefined
      ? {}
      : { limitTo: quotaOf(operator, projectId), disklessFlavor: await makeDiskless(operator) }),
    close: async () => {
      if (operator !== undefined) await operator.call('compute', 'DELETE', `/flavors/${DISKLESS}`);
      await dropRouter?.();
      await cloud.close();
    },
  };
});

/** A router between the two networks, and what takes it away again; undefined: this Neutron has none. */
async function ensureRouter(member: OpenStackClient): Promise<(() => Promise<void>) | undefined> {
  const { extensions } = await member.call('network', 'GET', '/extensions');
  if (!extensions.some(({ alias }: { alias: string }) => alias === 'router')) return undefined;
  const [external] = (await member.call('network', 'GET', `/networks?name=${EXTERNAL}`)).networks;
  const [network] = (await member.call('network', 'GET', `/networks?name=${NETWORK}`)).networks;
  const body = { router: { name: 'sluice-conformance', external_gateway_info: { network_id: external.id } } };
  const { router } = await member.call('network', 'POST', '/routers', body);
  const inner = { subnet_id: network.subnets[0] };
  await member.call('network', 'PUT', `/routers/${router.id}/add_router_interface`, inner);
  return async () => {
    await member.call('network', 'PUT', `/routers/${router.id}/remove_router_interface`, inner);
    await member.call('network', 'DELETE', `/routers/${router.id}`);
  };
}

async function makeDiskless(operator: OpenStackClient): Promise<string> {
  const flavor = { id: DISKLESS, name: DISKLESS, vcpus: 1, ram: 1000, disk: 0 };
  if ((await operator.call('compute', 'GET', `/flavors/${DISKLESS}`)) === undefined) {
    await operator.call('compute', 'POST', '/flavors', { flavor });
  }
  return DISKLESS;
}

function quotaOf(admin: OpenStackClient, projectId: string): NonNullable<NetworksUnderTest['limitTo']> {
  return async ({ floatingIps, serverGroupMembers }) => {
    if (floatingIps !== undefined) {
      await admin.call('network', 'PUT', `/quotas/${projectId}`, { quota: { floatingip: floatingIps } });
    }
    if (serverGroupMembers !== undefined) {
      const quota = { server_group_members: serverGroupMembers, force: true };
      await admin.call('compute', 'PUT', `/os-quota-sets/${projectId}`, { quota_set: quota });
    }
  };
}
