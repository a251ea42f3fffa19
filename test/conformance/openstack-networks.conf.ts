// The conformance of further networks, floating IPs and server groups on a real OpenStack, part of `npm run test:openstack`.
// A cloud with routers gets one to the network for the time of the run. Quotas are set, and a flavor is made, by the cloud's
// operator; without one those cases are left out.
import { test } from 'vitest';
import { openCloud } from '../../src/openstack/cloud-port.ts';
import { OpenStackClient } from '../e2e/openstack-admin.ts';
import { networksSuite, type NetworksUnderTest } from './cloud-networks.suite.ts';
import { quotaOfProject } from './project-quota.ts';
import { readRealCloud } from './real-cloud.ts';
import { clock, conformanceCluster, telemetry } from './stage.ts';

/** A flavor that is made and taken away with the run. */
const DISKLESS = 'sluice-conformance-diskless';

const real = await readRealCloud();
const { additionalNetwork } = real;
if (additionalNetwork === undefined) test.skip('networks and groups: the cloud has no second network', () => undefined);
else networksSuite('a real OpenStack', () => open(additionalNetwork));

async function open(second: string): Promise<NetworksUnderTest> {
  const { source, entry, operator, flavor, network, image, externalNetwork } = real;
  const cloud = await openCloud(source, { clock, telemetry, labels: {} });
  const projectId = await cloud.currentProjectId();
  const cluster = conformanceCluster({ projectId, network, image });
  const [zone = ''] = (await cloud.resolveTargets(cluster)).zones;
  const dropRouter =
    externalNetwork === undefined
      ? undefined
      : await ensureRouter(new OpenStackClient(entry), { network, external: externalNetwork });
  return {
    cloud,
    cluster,
    flavor,
    zone,
    additionalNetwork: second,
    ...(dropRouter === undefined || externalNetwork === undefined ? {} : { externalNetwork }),
    ...(operator === undefined
      ? {}
      : { projectQuota: quotaOfProject(operator, projectId), disklessFlavor: await makeDiskless(operator) }),
    close: async () => {
      if (operator !== undefined) await operator.call('compute', 'DELETE', `/flavors/${DISKLESS}`);
      await dropRouter?.();
      await cloud.close();
    },
  };
}

/** A router between the two networks, and what takes it away again; one that stands stays. undefined: this Neutron has none,
 *  or lets the project make none. */
async function ensureRouter(
  member: OpenStackClient,
  between: { readonly network: string; readonly external: string },
): Promise<(() => Promise<void>) | undefined> {
  const { extensions } = await member.call('network', 'GET', '/extensions');
  if (!extensions.some(({ alias }: { alias: string }) => alias === 'router')) return undefined;
  const [external] = (await member.call('network', 'GET', `/networks?name=${encodeURIComponent(between.external)}`))
    .networks;
  const [network] = (await member.call('network', 'GET', `/networks?name=${encodeURIComponent(between.network)}`))
    .networks;
  const ports = await member.list('network', `/ports?network_id=${network.id}`, 'ports');
  if (ports.some((port) => /^network:(ha_)?router/.test(port['device_owner']))) return () => Promise.resolve();
  const body = { router: { name: 'sluice-conformance', external_gateway_info: { network_id: external.id } } };
  const router = (await member.call('network', 'POST', '/routers', body))?.router;
  if (router === undefined) return undefined;
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
