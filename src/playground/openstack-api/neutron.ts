// Neutron's and Glance's answers: networks with their subnets, a security group, ports that come and go, one image.
import { fieldsOf, listOf, textOf, type Fields } from '../untyped.ts';
import { cloudTime, nextPageUrl, pageOf, type CloudAnswer, type CloudRequest } from './cloud-request.ts';
import { CloudError, type Network, type Port } from './cloud-objects.ts';
import type { CloudState } from './cloud-state.ts';
import { answerFloatingIps, showExtensions, showFloatingIp } from './floating-ips.ts';
import { struck } from './nova-create-server.ts';

/** Neutron's pagination_max_limit is unlimited by default; a page as large as Nova's is enough here. */
const PAGE_MAX = 1000;

const neutronError = (code: number, kind: string, message: string): CloudError =>
  new CloudError(code, message, { kind });

/** Carries out one request below /v2.0. Throws CloudError. */
export function answerNeutron(state: CloudState, request: CloudRequest): CloudAnswer {
  const [what = '', id, more] = request.segments;
  const { method } = request;
  if (what === 'ports') return answerPorts(state, request);
  if (what === 'floatingips' && (id !== undefined || method !== 'GET')) return answerFloatingIps(state, request);
  if (what === 'extensions' && id === undefined && method === 'GET') {
    return { code: 200, body: { extensions: showExtensions() } };
  }
  if (what === 'extensions' && id === 'tag-ports-during-bulk-creation' && method === 'GET') {
    return { code: 200, body: { extension: { alias: id, name: 'Tag Ports During Bulk Creation' } } };
  }
  if (what === 'quotas' && id === state.projectId && more === 'details' && method === 'GET') {
    const port = { limit: state.quota.ports, used: state.ports.size, reserved: 0 };
    return { code: 200, body: { quota: { port } } };
  }
  if (method !== 'GET' || id !== undefined || more !== undefined) {
    throw neutronError(404, 'HTTPNotFound', 'The resource could not be found.');
  }
  switch (what) {
    case 'networks':
      return list(
        request,
        'networks',
        [...state.networks, state.externalNetwork].map((network) => showNetwork(state, network)),
      );
    case 'subnets':
      return list(
        request,
        'subnets',
        state.networks.map((network) => showSubnet(state, network)),
      );
    case 'floatingips':
      return list(
        request,
        'floatingips',
        [...state.floatingIps.values()].map((floatingIp) => showFloatingIp(state, floatingIp)),
      );
    case 'security-groups': {
      const { id: groupId, name } = state.securityGroup;
      return list(request, 'security_groups', [{ id: groupId, name, project_id: state.projectId, tags: [] }]);
    }
    default:
      throw neutronError(404, 'HTTPNotFound', 'The resource could not be found.');
  }
}

function showNetwork(state: CloudState, network: Network): Fields {
  const { id, name, subnetId } = network;
  return {
    id,
    name,
    status: 'ACTIVE',
    subnets: [subnetId],
    shared: network === state.externalNetwork,
    'router:external': network === state.externalNetwork,
    project_id: state.projectId,
    tags: [],
  };
}

function showSubnet(state: CloudState, { id, name, subnetId, cidr }: Network): Fields {
  return {
    id: subnetId,
    name: `${name}-v4`,
    network_id: id,
    cidr,
    ip_version: 4,
    project_id: state.projectId,
  };
}

function showPort(state: CloudState, port: Port): Fields {
  return {
    id: port.id,
    name: port.name,
    description: port.description,
    network_id: port.networkId,
    tenant_id: state.projectId,
    project_id: state.projectId,
    admin_state_up: true,
    mac_address: 'fa:16:3e:00:00:01',
    status: port.deviceId === '' ? 'DOWN' : 'ACTIVE',
    device_id: port.deviceId,
    device_owner: port.deviceId === '' ? '' : `compute:${port.zone}`,
    fixed_ips: [{ subnet_id: port.subnetId, ip_address: port.address }],
    security_groups: port.securityGroups,
    tags: port.tags,
    created_at: cloudTime(port.createdMs),
    updated_at: cloudTime(port.createdMs),
    revision_number: 1,
  };
}

/** Filters by equality of any field, `tags` by "has all of them", pages by marker. */
function list(request: CloudRequest, key: string, items: readonly Fields[]): CloudAnswer {
  const { query, baseUrl, segments } = request;
  const unfiltered = new Set(['limit', 'marker', 'fields', 'sort_key', 'sort_dir', 'page_reverse']);
  const filters = [...query.entries()].filter(([name]) => !unfiltered.has(name));
  const matching = items.filter((item) =>
    filters.every(([name, value]) => {
      if (typeof item[name] === 'boolean') return item[name] === (value.toLowerCase() === 'true');
      if (name !== 'tags') return item[name] === value;
      const tags = listOf(item['tags']);
      return value.split(',').every((tag) => tags.includes(tag));
    }),
  );
  const withIds = matching.map((item) => ({ ...item, id: textOf(item['id']) }));
  const page = pageOf(withIds, query, PAGE_MAX);
  if (page === undefined) throw neutronError(404, 'MarkerNotFound', 'The marker could not be found.');
  const path = `${baseUrl}/v2.0/${segments.join('/')}`;
  const links =
    page.next === undefined ? {} : { [`${key}_links`]: [{ rel: 'next', href: nextPageUrl(path, query, page.next) }] };
  return { code: 200, body: { [key]: page.items, ...links } };
}

function portById(state: CloudState, id: string): Port {
  const port = state.ports.get(id);
  if (port === undefined) throw neutronError(404, 'PortNotFound', `Port ${id} could not be found.`);
  return port;
}

function answerPorts(state: CloudState, request: CloudRequest): CloudAnswer {
  const [, id = '', more = ''] = request.segments;
  switch (`${request.method} ${id === '' ? '' : '{id}'}${more === '' ? '' : `/${more}`}`) {
    case 'GET ':
      return list(
        request,
        'ports',
        [...state.ports.values()].map((port) => showPort(state, port)),
      );
    case 'GET {id}':
      return { code: 200, body: { port: showPort(state, portById(state, id)) } };
    case 'POST ':
      return createPort(state, fieldsOf(fieldsOf(request.body)['port']));
    case 'PUT {id}/tags': {
      const tags = listOf(fieldsOf(request.body)['tags']).map(textOf);
      portById(state, id).tags = tags;
      return { code: 200, body: { tags } };
    }
    case 'DELETE {id}': {
      portById(state, id);
      const effect = state.strike('deletePort');
      if (effect !== undefined && effect !== 'dropAnswer') throw struck(effect);
      state.deletePort(id);
      return { code: 204, body: undefined, drop: effect === 'dropAnswer' };
    }
    default:
      throw neutronError(404, 'HTTPNotFound', 'The resource could not be found.');
  }
}

function createPort(state: CloudState, wanted: Fields): CloudAnswer {
  const networkId = textOf(wanted['network_id']);
  const network = state.networks.find((each) => each.id === networkId);
  if (network === undefined) {
    throw neutronError(404, 'NetworkNotFound', `Network ${networkId} could not be found.`);
  }
  for (const fixedIp of listOf(wanted['fixed_ips'])) {
    if (textOf(fieldsOf(fixedIp)['subnet_id']) === network.subnetId) continue;
    throw neutronError(
      400,
      'InvalidInput',
      'Invalid input for operation: Failed to create port on network, because fixed_ips included invalid subnet.',
    );
  }
  const groups = wanted['security_groups'];
  const securityGroups = groups === undefined ? [state.securityGroup.id] : listOf(groups).map(textOf);
  for (const group of securityGroups) {
    if (group !== state.securityGroup.id) {
      throw neutronError(404, 'SecurityGroupNotFound', `Security group ${group} does not exist`);
    }
  }
  const effect = state.strike('createPort');
  if (effect === 'quota') throw neutronError(409, 'OverQuota', "Quota exceeded for resources: ['port'].");
  if (effect !== undefined && effect !== 'dropAnswer') throw struck(effect);
  const port = state.createPort(
    {
      name: textOf(wanted['name']),
      description: textOf(wanted['description']),
      tags: listOf(wanted['tags']).map(textOf),
      securityGroups,
    },
    network,
  );
  return { code: 201, body: { port: showPort(state, port) }, drop: effect === 'dropAnswer' };
}

/** Glance: the one image, by list or by id. Throws CloudError 404. */
export function answerGlance(state: CloudState, request: CloudRequest): CloudAnswer {
  const [what, id] = request.segments;
  const { image } = state;
  const shown = {
    id: image.id,
    name: image.name,
    status: 'active',
    visibility: 'public',
    min_ram: 0,
    min_disk: 0,
    tags: [],
  };
  if (what === 'images' && request.method === 'GET') {
    if (id === image.id) return { code: 200, body: shown };
    if (id === undefined) {
      const name = request.query.get('name');
      return { code: 200, body: { images: name === null || name === image.name ? [shown] : [], first: '/v2/images' } };
    }
  }
  throw new CloudError(404, 'No image found', { kind: 'glance' });
}
