// How Nova shows a server, a flavor and a server group, at microversion 2.79 and later.
import type { PlaygroundFlavor } from '../playground.ts';
import type { Fields } from '../untyped.ts';
import { cloudTime } from './cloud-request.ts';
import type { Server, ServerGroup } from './cloud-objects.ts';
import type { CloudState } from './cloud-state.ts';

/** All of GET /servers/{id}; `fault` only in ERROR, addresses and zone only once it has a host. */
export function showServer(state: CloudState, server: Server, baseUrl: string): Fields {
  const placed = server.status === 'ACTIVE';
  const { flavor } = server;
  return {
    id: server.id,
    name: server.name,
    status: server.status,
    tenant_id: state.projectId,
    user_id: state.userId,
    metadata: server.metadata,
    hostId: placed ? 'playground-host' : '',
    image: { id: server.imageId, links: [] },
    flavor: {
      vcpus: flavor.vcpus,
      ram: flavor.memoryMiB,
      disk: flavor.diskGiB,
      ephemeral: 0,
      swap: 0,
      original_name: flavor.name,
      extra_specs: {},
    },
    created: cloudTime(server.createdMs),
    updated: cloudTime(server.updatedMs),
    addresses: placed ? addressesOf(state, server) : {},
    accessIPv4: '',
    accessIPv6: '',
    links: [{ rel: 'self', href: `${baseUrl}/servers/${server.id}` }],
    'OS-DCF:diskConfig': 'MANUAL',
    progress: 0,
    'OS-EXT-AZ:availability_zone': server.zone,
    config_drive: '',
    key_name: server.keyName,
    'OS-SRV-USG:launched_at': placed ? cloudTime(server.updatedMs).replace('Z', '.000000') : null,
    'OS-SRV-USG:terminated_at': null,
    'OS-EXT-STS:task_state': server.taskState,
    'OS-EXT-STS:vm_state': placed ? 'active' : server.status === 'ERROR' ? 'error' : 'building',
    'OS-EXT-STS:power_state': placed ? 1 : 0,
    'os-extended-volumes:volumes_attached': [],
    locked: false,
    locked_reason: null,
    description: null,
    tags: [],
    trusted_image_certificates: null,
    ...(server.fault === undefined ? {} : { fault: { ...server.fault, created: cloudTime(server.updatedMs) } }),
    security_groups: server.portIds.map(() => ({ name: state.securityGroup.name })),
  };
}

function addressesOf(state: CloudState, server: Server): Fields {
  const ports = server.portIds.map((id) => state.ports.get(id)).filter((port) => port !== undefined);
  const byNetwork: Record<string, Fields[]> = {};
  for (const port of ports) {
    const name = state.networks.find((network) => network.id === port.networkId)?.name ?? '';
    const show = (addr: string, type: string): Fields => ({
      version: 4,
      addr,
      'OS-EXT-IPS:type': type,
      'OS-EXT-IPS-MAC:mac_addr': 'fa:16:3e:00:00:01',
    });
    const shown = (byNetwork[name] ??= []);
    shown.push(show(port.address, 'fixed'));
    for (const floatingIp of state.floatingIps.values()) {
      if (floatingIp.portId === port.id) shown.push(show(floatingIp.address, 'floating'));
    }
  }
  return byNetwork;
}

export function showFlavor(flavor: PlaygroundFlavor & { readonly id: string }, baseUrl: string): Fields {
  return {
    id: flavor.id,
    name: flavor.name,
    ram: flavor.memoryMiB,
    disk: flavor.diskGiB,
    swap: 0,
    'OS-FLV-EXT-DATA:ephemeral': 0,
    'OS-FLV-DISABLED:disabled': false,
    vcpus: flavor.vcpus,
    'os-flavor-access:is_public': true,
    rxtx_factor: 1,
    links: [{ rel: 'self', href: `${baseUrl}/flavors/${flavor.id}` }],
    description: null,
    extra_specs: flavor.extraSpecs ?? {},
  };
}

export function showGroup(state: CloudState, group: ServerGroup): Fields {
  return {
    id: group.id,
    name: group.name,
    policy: group.policy,
    rules: {},
    members: [...state.servers.values()].filter((server) => server.groupId === group.id).map((server) => server.id),
    project_id: state.projectId,
    user_id: state.userId,
  };
}
