// Nova's answers: flavors, servers, limits, zones, server groups. Shapes are those of microversion 2.79 and later, as
// recorded from a real Nova (release Zed).
import { randomUUID } from 'node:crypto';
import { fieldsOf, isFields, textOf, type Fields } from '../untyped.ts';
import { nextPageUrl, pageOf, type CloudAnswer, type CloudRequest } from './cloud-request.ts';
import { CloudError, type Server } from './cloud-objects.ts';
import { badRequest, createServer, struck } from './nova-create-server.ts';
import type { CloudState } from './cloud-state.ts';
import { showFlavor, showGroup, showServer } from './nova-views.ts';

/** As in Zed. */
export const MICROVERSION_MIN = '2.1';
export const MICROVERSION_MAX = '2.93';
/** Nova's own most. */
const PAGE_MAX = 1000;
/** The document at the root of the service, which needs no token. */
export function novaVersion(baseUrl: string): Fields {
  return {
    version: {
      id: 'v2.1',
      status: 'CURRENT',
      version: MICROVERSION_MAX,
      min_version: MICROVERSION_MIN,
      updated: '2013-07-23T11:33:21Z',
      links: [{ rel: 'self', href: `${baseUrl}/v2.1/` }],
    },
  };
}

/** Carries out one request below /v2.1/{project}. Throws CloudError. */
export function answerNova(state: CloudState, request: CloudRequest): CloudAnswer {
  const [what = '', id = '', more] = request.segments;
  const route = `${request.method} ${what}${id === '' ? '' : id === 'detail' ? '/detail' : '/{id}'}`;
  if (more !== undefined) throw notFound('The resource could not be found.');
  switch (route) {
    case 'GET servers':
    case 'GET servers/detail':
      return listServers(state, request, id === 'detail');
    case 'GET servers/{id}':
      return { code: 200, body: { server: showServer(state, serverById(state, id), request.baseUrl) } };
    case 'POST servers':
      return createServer(state, request);
    case 'DELETE servers/{id}':
      return deleteServer(state, id);
    case 'GET flavors/detail':
      return listFlavors(state, request);
    case 'GET limits':
      return { code: 200, body: { limits: { rate: [], absolute: limits(state) } } };
    case 'GET os-availability-zone':
      return {
        code: 200,
        body: {
          availabilityZoneInfo: state.options.zones.map((zoneName) => ({
            zoneName,
            zoneState: { available: true },
            hosts: null,
          })),
        },
      };
    case 'GET os-quota-sets/{id}':
      return { code: 200, body: { quota_set: quotaSet(state) } };
    case 'GET os-server-groups':
      return { code: 200, body: { server_groups: listGroups(state, request.query) } };
    case 'POST os-server-groups':
      return createGroup(state, request.body);
    case 'DELETE os-server-groups/{id}':
      if (!state.groups.delete(id)) throw notFound(`Instance group ${id} could not be found.`);
      return { code: 204, body: undefined };
    case 'GET os-keypairs/{id}':
      throw notFound(`Keypair ${id} not found for user ${state.userId}`);
    default:
      throw notFound('The resource could not be found.');
  }
}

function notFound(message: string): CloudError {
  return new CloudError(404, message, { kind: 'itemNotFound' });
}

function serverById(state: CloudState, id: string): Server {
  const server = state.servers.get(id);
  if (server === undefined) throw notFound(`Instance ${id} could not be found.`);
  return server;
}

/** `?name=` is a regular expression of the database. Throws CloudError 400. */
function nameFilter(pattern: string | null): (name: string) => boolean {
  if (pattern === null) return () => true;
  try {
    const expression = new RegExp(pattern, 'i');
    return (name) => expression.test(name);
  } catch (error) {
    throw badRequest(`Invalid filter: ${error instanceof Error ? error.message : pattern}`);
  }
}

/** `?changes-since=`: servers that changed then or later, those that have gone among them. Nova's clock has seconds. Throws
 *  CloudError 400. */
function changedSince(text: string | null): number | undefined {
  if (text === null) return undefined;
  const ms = Date.parse(/[Z+]/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(ms)) throw badRequest(`Invalid input for query parameters changes-since. Value: ${text}.`);
  return Math.floor(ms / 1000) * 1000;
}

function listServers(state: CloudState, request: CloudRequest, detail: boolean): CloudAnswer {
  const effect = state.strike('listServers');
  if (effect !== undefined) throw struck(effect);
  const { query, baseUrl } = request;
  const matches = nameFilter(query.get('name'));
  const status = query.get('status');
  const since = changedSince(query.get('changes-since'));
  const all = since === undefined ? state.servers.values() : [...state.deleted, ...state.servers.values()];
  const newestFirst = [...all]
    .filter((server) => matches(server.name) && (status === null || server.status === status.toUpperCase()))
    .filter((server) => since === undefined || server.updatedMs >= since)
    .toReversed();
  const page = pageOf(newestFirst, query, PAGE_MAX);
  if (page === undefined) throw badRequest(`marker [${query.get('marker') ?? ''}] not found`);
  const servers = page.items.map((server) => {
    const full = showListed(state, server, baseUrl);
    return detail ? full : { id: full['id'], name: full['name'], links: full['links'] };
  });
  const path = `${baseUrl}/servers${detail ? '/detail' : ''}`;
  const links =
    page.next === undefined ? {} : { servers_links: [{ rel: 'next', href: nextPageUrl(path, query, page.next) }] };
  return { code: 200, body: { servers, ...links } };
}

/** A server as lists show it: the fault of one that got no host is missing, as it lies in a cell of its own, and one that was
 *  deleted has lost its metadata. Recorded of a real Nova (test/unit/openstack/recorded). */
function showListed(state: CloudState, server: Server, baseUrl: string): Fields {
  const { fault, ...rest } = showServer(state, server, baseUrl);
  const listed =
    fault === undefined || server.fault?.message.startsWith('No valid host') === true ? rest : { ...rest, fault };
  if (state.servers.has(server.id)) return listed;
  return { ...listed, status: 'DELETED', metadata: {}, addresses: {}, 'OS-EXT-STS:task_state': null };
}

function listFlavors(state: CloudState, request: CloudRequest): CloudAnswer {
  const flavors = state.options.flavors.map((flavor) => ({ ...flavor, id: `flavor-${flavor.name}` }));
  const page = pageOf(flavors, request.query, PAGE_MAX);
  if (page === undefined) throw badRequest(`marker [${request.query.get('marker') ?? ''}] not found`);
  const path = `${request.baseUrl}/flavors/detail`;
  const links =
    page.next === undefined
      ? {}
      : { flavors_links: [{ rel: 'next', href: nextPageUrl(path, request.query, page.next) }] };
  return { code: 200, body: { flavors: page.items.map((flavor) => showFlavor(flavor, request.baseUrl)), ...links } };
}

function limits(state: CloudState): Fields {
  const used = state.used();
  const { quota } = state;
  return {
    maxTotalInstances: quota.servers,
    maxTotalCores: quota.cores,
    maxTotalRAMSize: quota.memoryMiB,
    maxServerMeta: 128,
    maxTotalKeypairs: 100,
    maxServerGroups: 100,
    maxServerGroupMembers: quota.serverGroupMembers,
    totalRAMUsed: used.memoryMiB,
    totalCoresUsed: used.cores,
    totalInstancesUsed: used.servers,
    totalServerGroupsUsed: state.groups.size,
  };
}

function quotaSet(state: CloudState): Fields {
  const { servers, cores, memoryMiB } = state.quota;
  return {
    id: state.projectId,
    instances: servers,
    cores,
    ram: memoryMiB,
    key_pairs: 100,
    metadata_items: 128,
    server_groups: 100,
    server_group_members: state.quota.serverGroupMembers,
  };
}

function deleteServer(state: CloudState, id: string): CloudAnswer {
  const server = serverById(state, id);
  const effect = state.strike('deleteServer', { flavor: server.flavor.name, zone: server.zone });
  if (effect !== undefined && effect !== 'dropAnswer') throw struck(effect);
  state.deleteServer(id);
  return { code: 204, body: undefined, drop: effect === 'dropAnswer' };
}

function listGroups(state: CloudState, query: URLSearchParams): readonly Fields[] {
  const offset = Number(query.get('offset') ?? '0');
  const limit = Number(query.get('limit') ?? PAGE_MAX);
  return [...state.groups.values()].slice(offset, offset + limit).map((group) => showGroup(state, group));
}

function createGroup(state: CloudState, body: unknown): CloudAnswer {
  const wanted = fieldsOf(body)['server_group'];
  if (!isFields(wanted) || textOf(wanted['name']) === '') {
    throw badRequest('Invalid input for field/attribute server_group.');
  }
  const policy = textOf(wanted['policy']);
  if (!['anti-affinity', 'affinity', 'soft-anti-affinity', 'soft-affinity'].includes(policy)) {
    throw badRequest(`Invalid input for field/attribute policy. Value: ${policy}.`);
  }
  const group = { id: randomUUID(), name: textOf(wanted['name']), policy };
  state.groups.set(group.id, group);
  return { code: 200, body: { server_group: showGroup(state, group) } };
}
