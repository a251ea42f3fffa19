// The second tenant: a Keystone project, user and network of its own, made by the admin; and two availability zones,
// because volumes and spreading are of no interest with one.
import type { CloudEntry } from './environment.ts';
import type { Loose } from './kube-client.ts';
import { OpenStackClient } from './openstack-admin.ts';

export interface Tenant {
  readonly entry: CloudEntry;
  readonly projectId: string;
  readonly networkName: string;
  readonly cloud: OpenStackClient;
}

const PROJECT = 'sluice-e2e-second';
const PASSWORD = 'sluice-e2e-second-password'; // of a project that lives on a loopback cloud
const NETWORK = 'sluice-e2e-net';

/** Makes what is missing; safe to repeat. */
export async function secondTenant(admin: OpenStackClient, adminEntry: CloudEntry): Promise<Tenant> {
  const projects = await admin.call('identity', 'GET', `/projects?name=${PROJECT}`);
  const project =
    projects.projects[0] ??
    (await admin.call('identity', 'POST', '/projects', { project: { name: PROJECT, domain_id: 'default' } })).project;
  const users = await admin.call('identity', 'GET', `/users?name=${PROJECT}`);
  const user =
    users.users[0] ??
    (
      await admin.call('identity', 'POST', '/users', {
        user: { name: PROJECT, password: PASSWORD, domain_id: 'default', default_project_id: project.id },
      })
    ).user;
  const roles = await admin.call('identity', 'GET', '/roles');
  for (const name of ['member', 'reader']) {
    const role = roles.roles.find((one: Loose) => one.name === name);
    await admin.call('identity', 'PUT', `/projects/${project.id}/users/${user.id}/roles/${role.id}`);
  }
  await admin.call('compute', 'PUT', `/os-quota-sets/${project.id}`, {
    quota_set: { instances: 200, cores: 2000, ram: 8_000_000, server_groups: 50, force: true },
  });
  const networks = await admin.call('network', 'GET', `/networks?name=${NETWORK}&project_id=${project.id}`);
  if (networks.networks.length === 0) {
    const made = await admin.call('network', 'POST', '/networks', {
      network: { name: NETWORK, project_id: project.id, admin_state_up: true },
    });
    await admin.call('network', 'POST', '/subnets', {
      subnet: { network_id: made.network.id, project_id: project.id, ip_version: 4, cidr: '10.9.0.0/16' },
    });
  }
  const entry: CloudEntry = {
    ...adminEntry,
    auth: { ...adminEntry.auth, username: PROJECT, password: PASSWORD, project_name: PROJECT },
  };
  return { entry, projectId: project.id, networkName: NETWORK, cloud: new OpenStackClient(entry) };
}

/** Puts the compute hosts into two availability zones, one aggregate each; safe to repeat. Returns their names. */
export async function twoZones(admin: OpenStackClient): Promise<readonly [string, string]> {
  const zones = ['zone-a', 'zone-b'] as const;
  const services = await admin.call('compute', 'GET', '/os-services?binary=nova-compute');
  const hosts: string[] = services.services.map((service: Loose) => service.host).sort();
  const aggregates = (await admin.call('compute', 'GET', '/os-aggregates')).aggregates;
  for (const [position, zone] of zones.entries()) {
    const aggregate =
      aggregates.find((one: Loose) => one.name === zone) ??
      (
        await admin.call('compute', 'POST', '/os-aggregates', {
          aggregate: { name: zone, availability_zone: zone },
        })
      ).aggregate;
    for (const host of hosts.filter((_, index) => index % zones.length === position)) {
      if ((aggregate.hosts ?? []).includes(host)) continue;
      await admin.call('compute', 'POST', `/os-aggregates/${aggregate.id}/action`, { add_host: { host } });
    }
  }
  return zones;
}
