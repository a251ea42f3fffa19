// Nova's calls that a node needs, at microversion 2.69 to 2.90: servers, flavors, limits, zones, server groups, key pairs.
// Answers are checked here. Names and values are OpenStack's; RAM is in MiB, disk in GiB. Above 250 lines because a call and the
// form of its answer are read together.
import { Type, type Static } from 'typebox';
import type { CallOptions } from './http.ts';
import { OpenStackError } from './openstack-error.ts';
import { nextLink, readAllPages } from './paging.ts';
import type { ServiceClient } from './service-client.ts';
import { readBodyAs } from './shape.ts';

const text = Type.String();
const maybeText = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const links = Type.Optional(Type.Array(Type.Object({ rel: text, href: text })));

const serverSchema = Type.Object({
  id: text,
  status: text,
  created: text,
  tenant_id: text,
  // From here on a server in a cell that is down has nothing (microversion 2.69).
  name: Type.Optional(text),
  metadata: Type.Optional(Type.Record(Type.String(), Type.String())),
  addresses: Type.Optional(Type.Record(Type.String(), Type.Array(Type.Object({ addr: text })))),
  flavor: Type.Optional(Type.Object({ original_name: text })),
  fault: Type.Optional(Type.Object({ code: Type.Integer(), message: text })),
  'OS-EXT-AZ:availability_zone': maybeText,
  'OS-EXT-STS:task_state': maybeText,
});
const serversSchema = Type.Object({ servers: Type.Array(serverSchema), servers_links: links });
const serverNamesSchema = Type.Object({
  servers: Type.Array(Type.Object({ id: text, name: Type.Optional(text) })),
  servers_links: links,
});
const flavorSchema = Type.Object({
  id: text,
  name: text,
  vcpus: Type.Integer(),
  ram: Type.Integer(),
  disk: Type.Integer(),
  extra_specs: Type.Optional(Type.Record(Type.String(), Type.String())),
  'OS-FLV-DISABLED:disabled': Type.Optional(Type.Boolean()),
});
const flavorsSchema = Type.Object({ flavors: Type.Array(flavorSchema), flavors_links: links });
const limitsSchema = Type.Object({
  limits: Type.Object({
    absolute: Type.Object({
      maxTotalInstances: Type.Integer(),
      totalInstancesUsed: Type.Integer(),
      maxTotalCores: Type.Integer(),
      totalCoresUsed: Type.Integer(),
      maxTotalRAMSize: Type.Integer(),
      totalRAMUsed: Type.Integer(),
      maxServerMeta: Type.Optional(Type.Integer()),
      maxServerGroupMembers: Type.Optional(Type.Integer()),
    }),
  }),
});
const zonesSchema = Type.Object({
  availabilityZoneInfo: Type.Array(
    Type.Object({ zoneName: text, zoneState: Type.Object({ available: Type.Boolean() }) }),
  ),
});
const serverGroupSchema = Type.Object({ id: text, name: text, policy: text, members: Type.Array(text) });

export type NovaFlavor = Static<typeof flavorSchema>;
/** -1 = unlimited. */
export type NovaLimits = Static<typeof limitsSchema>['limits']['absolute'];
export type NovaServerGroup = Static<typeof serverGroupSchema>;

export interface NovaServer {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  /** Empty = none. */
  readonly taskState: string;
  readonly projectId: string;
  readonly flavorName: string;
  /** Empty before a host is chosen. */
  readonly zone: string;
  readonly created: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly addresses: readonly string[];
  /** Of a server in ERROR. Lists do not have it for a server that got no host (`No valid host was found`), which lies in a cell
   *  whose faults Nova does not list; `getServer` does, if some time after the status. */
  readonly fault: { readonly code: number; readonly message: string } | undefined;
}

export interface ServerFilter {
  /** A regular expression of Nova's database, not anchored. */
  readonly nameLike?: string;
  /** Only servers whose `updated` is this instant or later, ms since the epoch by Nova's clock; rounded down to a second.
   *  Deleted ones are among them until Nova's operator archives them, without their metadata: only the id says whose they
   *  were. */
  readonly changesSinceMs?: number;
}

export interface NewServer {
  readonly name: string;
  readonly flavorRef: string;
  readonly imageRef: string;
  /** In the order of the guest's interfaces. */
  readonly networks: readonly { readonly port: string }[];
  readonly availability_zone?: string;
  readonly key_name?: string;
  /** base64, at most USER_DATA_CHARS_MAX characters. */
  readonly user_data?: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly config_drive?: boolean;
}

export interface ServerCreateOptions extends CallOptions {
  /** Id of the server group that it joins. */
  readonly group?: string | undefined;
}

/** Nova's own limit for the base64 text. */
export const USER_DATA_CHARS_MAX = 65_535;
/** 250 servers with the most metadata that Nova allows are 17 MB: within the cap on bodies. */
export const SERVERS_PER_PAGE = 250;
const NAMES_PER_PAGE = 1000; // Nova's own most
const FLAVORS_PER_PAGE = 500;
export const GROUPS_PER_PAGE = 200;
const GROUPS_MAX = 10_000; // Nova's default quota is 10 a project

export class Nova {
  readonly #service: ServiceClient;

  constructor(service: ServiceClient) {
    this.#service = service;
  }

  /** Every server of the project in any state, deleted ones aside; with `changesSinceMs` also the deleted among those that
   *  changed, with status DELETED. */
  async listServers(filter: ServerFilter = {}, call: CallOptions = {}): Promise<readonly NovaServer[]> {
    const { nameLike, changesSinceMs } = filter;
    return readAllPages('compute GET /servers/detail', async (next) => {
      const first = new URLSearchParams({ limit: String(SERVERS_PER_PAGE) });
      if (nameLike !== undefined) first.set('name', nameLike);
      if (changesSinceMs !== undefined) first.set('changes-since', wholeSecond(changesSinceMs));
      const body = readBodyAs(
        serversSchema,
        await this.#service.read('/servers/detail', next ?? first, call),
        'servers',
      );
      return { items: body.servers.map(serverOf), next: nextLink(body.servers_links) };
    });
  }

  /** Names of every server of the project. */
  async listServerNames(call: CallOptions = {}): Promise<readonly string[]> {
    return readAllPages('compute GET /servers', async (next) => {
      const query = next ?? new URLSearchParams({ limit: String(NAMES_PER_PAGE) });
      const body = readBodyAs(serverNamesSchema, await this.#service.read('/servers', query, call), 'servers');
      const names = body.servers.map(({ id, name }) => {
        if (name === undefined) throw cellDown(id);
        return name;
      });
      return { items: names, next: nextLink(body.servers_links) };
    });
  }

  /** undefined: Nova says that there is none. */
  async getServer(id: string, call: CallOptions = {}): Promise<NovaServer | undefined> {
    const answer = await this.#service.readOrAbsent(`/servers/${encodeURIComponent(id)}`, isItemNotFound, call);
    if (answer === undefined) return undefined;
    return serverOf(readBodyAs(Type.Object({ server: serverSchema }), answer, 'server').server);
  }

  /** One POST; the id of the server. Any doubt about the outcome is an error of kind `lost` or `malformed`, or a 5xx. */
  async createServer(server: NewServer, options: ServerCreateOptions = {}): Promise<string> {
    const { group, signal } = options;
    const body = group === undefined ? { server } : { server, 'os:scheduler_hints': { group } };
    const answer = await this.#service.write({ method: 'POST', path: '/servers', body }, { signal });
    return readBodyAs(Type.Object({ server: Type.Object({ id: text }) }), answer, 'new server').server.id;
  }

  /** Also resolves when there is none. The server goes some time later. */
  async deleteServer(id: string, call: CallOptions = {}): Promise<void> {
    await ignoringAbsence(this.#service.write({ method: 'DELETE', path: `/servers/${encodeURIComponent(id)}` }, call));
  }

  /** Flavors that the project may use, disabled ones left out. */
  async listFlavors(call: CallOptions = {}): Promise<readonly NovaFlavor[]> {
    const all = await readAllPages('compute GET /flavors/detail', async (next) => {
      const query = next ?? new URLSearchParams({ limit: String(FLAVORS_PER_PAGE) });
      const body = readBodyAs(flavorsSchema, await this.#service.read('/flavors/detail', query, call), 'flavors');
      return { items: body.flavors, next: nextLink(body.flavors_links) };
    });
    return all.filter((flavor) => flavor['OS-FLV-DISABLED:disabled'] !== true);
  }

  async readLimits(call: CallOptions = {}): Promise<NovaLimits> {
    return readBodyAs(limitsSchema, await this.#service.read('/limits', undefined, call), 'limits').limits.absolute;
  }

  async listZones(call: CallOptions = {}): Promise<readonly { readonly name: string; readonly available: boolean }[]> {
    const body = readBodyAs(
      zonesSchema,
      await this.#service.read('/os-availability-zone', undefined, call),
      'availability zones',
    );
    return body.availabilityZoneInfo.map((zone) => ({ name: zone.zoneName, available: zone.zoneState.available }));
  }

  async keyPairExists(name: string, call: CallOptions = {}): Promise<boolean> {
    return (
      (await this.#service.readOrAbsent(`/os-keypairs/${encodeURIComponent(name)}`, isItemNotFound, call)) !== undefined
    );
  }

  /** Nova pages groups by offset, without links. */
  async listServerGroups(call: CallOptions = {}): Promise<readonly NovaServerGroup[]> {
    const groups: NovaServerGroup[] = [];
    while (groups.length < GROUPS_MAX) {
      const query = new URLSearchParams({ limit: String(GROUPS_PER_PAGE), offset: String(groups.length) });
      const answer = await this.#service.read('/os-server-groups', query, call);
      const page = readBodyAs(Type.Object({ server_groups: Type.Array(serverGroupSchema) }), answer, 'server groups');
      groups.push(...page.server_groups);
      if (page.server_groups.length < GROUPS_PER_PAGE) return groups;
    }
    throw new OpenStackError('malformed', `compute GET /os-server-groups: more than ${GROUPS_MAX} groups`);
  }

  async createServerGroup(
    group: { readonly name: string; readonly policy: string },
    call: CallOptions = {},
  ): Promise<string> {
    const body = { server_group: { name: group.name, policy: group.policy } };
    const answer = await this.#service.write({ method: 'POST', path: '/os-server-groups', body }, call);
    return readBodyAs(Type.Object({ server_group: serverGroupSchema }), answer, 'new server group').server_group.id;
  }

  /** Also resolves when there is none. */
  async deleteServerGroup(id: string, call: CallOptions = {}): Promise<void> {
    await ignoringAbsence(
      this.#service.write({ method: 'DELETE', path: `/os-server-groups/${encodeURIComponent(id)}` }, call),
    );
  }
}

async function ignoringAbsence(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof OpenStackError) || error.status !== 404 || !isItemNotFound(error)) throw error;
  }
}

/** Nova's own word; a 404 of a proxy or of a wrong address has another body. */
function isItemNotFound(error: OpenStackError): boolean {
  return error.fault?.type === 'itemNotFound';
}

/** Nova compares whole seconds, so an earlier instant is asked for rather than a later one. */
function wholeSecond(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}

function serverOf(server: Static<typeof serverSchema>): NovaServer {
  const { name, metadata, addresses, flavor, fault } = server;
  if (name === undefined || metadata === undefined || flavor === undefined) throw cellDown(server.id);
  return {
    id: server.id,
    name,
    status: server.status,
    taskState: server['OS-EXT-STS:task_state'] ?? '',
    projectId: server.tenant_id,
    flavorName: flavor.original_name,
    zone: server['OS-EXT-AZ:availability_zone'] ?? '',
    created: server.created,
    metadata: new Map(Object.entries(metadata)),
    addresses: Object.values(addresses ?? {}).flatMap((list) => list.map((address) => address.addr)),
    fault: fault === undefined ? undefined : { code: fault.code, message: fault.message.trim() },
  };
}

/** Whose server it is and what state it has is not known, so no list that holds it is complete. */
function cellDown(id: string): OpenStackError {
  return new OpenStackError('malformed', `compute: server ${id} is in a part of Nova that is down`, {
    service: 'compute',
  });
}
