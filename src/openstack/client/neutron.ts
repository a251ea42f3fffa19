// Neutron's calls that a node needs: ports with tags, networks, subnets, security groups, floating IPs. Answers are checked
// here.
import { Type, type Static, type TSchema } from 'typebox';
import type { CallOptions, HttpAnswer } from './http.ts';
import { OpenStackError } from './openstack-error.ts';
import { nextLink, readAllPages } from './paging.ts';
import type { ServiceClient } from './service-client.ts';
import { readBodyAs } from './shape.ts';
import { untilAborted } from './until-aborted.ts';

const text = Type.String();
const links = Type.Optional(Type.Array(Type.Object({ rel: text, href: text })));

const portSchema = Type.Object({
  id: text,
  name: text,
  project_id: text,
  device_id: text,
  description: Type.Optional(text),
  tags: Type.Optional(Type.Array(text)),
  created_at: Type.Optional(text),
  fixed_ips: Type.Array(Type.Object({ ip_address: text })),
});
const namedSchema = Type.Object({ id: text, name: text });

const floatingIpSchema = Type.Object({
  id: text,
  project_id: text,
  floating_ip_address: text,
  floating_network_id: text,
  /** null: attached to nothing. */
  port_id: Type.Union([text, Type.Null()]),
  fixed_ip_address: Type.Optional(Type.Union([text, Type.Null()])),
  /** ACTIVE, DOWN or ERROR; DOWN also while it is being attached. */
  status: text,
  description: Type.Optional(text),
  tags: Type.Optional(Type.Array(text)),
  created_at: Type.Optional(text),
});

type Filters = Readonly<Record<string, string>>;

/** -1 = unlimited. */
const quotaSchema = Type.Object({
  quota: Type.Object({
    port: Type.Object({ limit: Type.Integer(), used: Type.Integer(), reserved: Type.Optional(Type.Integer()) }),
  }),
});

export type NeutronQuota = Static<typeof quotaSchema>['quota']['port'];
export type NeutronPort = Static<typeof portSchema>;
export type NeutronNamed = Static<typeof namedSchema>;
export type NeutronFloatingIp = Static<typeof floatingIpSchema>;

export interface NewPort {
  readonly name: string;
  readonly description: string;
  readonly network_id: string;
  readonly fixed_ips?: readonly { readonly subnet_id: string }[];
  /** Ids. Absent: the project's default group. */
  readonly security_groups?: readonly string[];
  readonly tags: readonly string[];
}

export interface NewFloatingIp {
  readonly floating_network_id: string;
  /** The port it leads to. Neutron refuses a second floating IP for the same port and fixed address with 409. */
  readonly port_id: string;
  /** Where the mark of its owner belongs: it is set with the POST itself, and lists can be filtered by it. At most
   *  DESCRIPTION_CHARS_MAX characters. */
  readonly description: string;
}

/** Neutron's column. */
export const DESCRIPTION_CHARS_MAX = 255;
/** Of older Neutrons (255 since 2024); tags within it work everywhere. No commas: they separate tags in a query. */
export const TAG_CHARS_MAX = 60;
export const ITEMS_PER_PAGE = 500;
/** The extension that takes tags in the body of POST /ports. */
const TAGS_ON_CREATE = 'tag-ports-during-bulk-creation';

export class Neutron {
  readonly #service: ServiceClient;
  #tagsOnCreate: Promise<boolean> | undefined;

  constructor(service: ServiceClient) {
    this.#service = service;
  }

  /** Ports that fit all filters, e.g. name, tags, device_id. */
  async listPorts(filters: Filters, call: CallOptions = {}): Promise<readonly NeutronPort[]> {
    return this.#list({ collection: 'ports', schema: portSchema, filters, call });
  }

  async listNetworks(filters: Filters, call: CallOptions = {}): Promise<readonly NeutronNamed[]> {
    return this.#list({ collection: 'networks', schema: namedSchema, filters, call });
  }

  async listSubnets(filters: Filters, call: CallOptions = {}): Promise<readonly NeutronNamed[]> {
    return this.#list({ collection: 'subnets', schema: namedSchema, filters, call });
  }

  async listSecurityGroups(filters: Filters, call: CallOptions = {}): Promise<readonly NeutronNamed[]> {
    return this.#list({ collection: 'security-groups', schema: namedSchema, filters, call });
  }

  /** undefined: Neutron says that there is none. */
  async getPort(id: string, call: CallOptions = {}): Promise<NeutronPort | undefined> {
    const answer = await this.#service.readOrAbsent(`/ports/${encodeURIComponent(id)}`, isNotFound, call);
    return answer === undefined ? undefined : readBodyAs(Type.Object({ port: portSchema }), answer, 'port').port;
  }

  /** One POST, and where Neutron takes no tags in it, one PUT after it. If the PUT does not happen the port stands without
   *  tags: it is still found by its name. */
  async createPort(port: NewPort, call: CallOptions = {}): Promise<NeutronPort> {
    const inBody = await untilAborted(this.#takesTagsOnCreate(), { ...call, service: 'network' });
    const { tags, ...rest } = port;
    const body = { port: inBody ? port : rest };
    const answer = await this.#service.write({ method: 'POST', path: '/ports', body }, call);
    const created = readBodyAs(Type.Object({ port: portSchema }), answer, 'new port').port;
    if (inBody) return created;
    const path = `/ports/${encodeURIComponent(created.id)}/tags`;
    try {
      await this.#service.write({ method: 'PUT', path, body: { tags } }, call);
    } catch (error) {
      // whatever the PUT was answered, the port stands: to the caller that is a create of unknown outcome
      const options = { service: 'network', method: 'PUT', cause: error };
      throw new OpenStackError('lost', `network: port ${created.id} was created, its tags were not set`, options);
    }
    return { ...created, tags: [...tags] };
  }

  /** Also resolves when there is none. */
  async deletePort(id: string, call: CallOptions = {}): Promise<void> {
    await this.#delete(`/ports/${encodeURIComponent(id)}`, call);
  }

  /** Aliases of the extensions that Neutron has. The list rather than one of them: a 404 for one could be a proxy's. */
  async listExtensions(): Promise<ReadonlySet<string>> {
    const answer = await this.#service.read('/extensions');
    const shape = Type.Object({ extensions: Type.Array(Type.Object({ alias: text })) });
    return new Set(readBodyAs(shape, answer, 'extensions').extensions.map(({ alias }) => alias));
  }

  /** Floating IPs that fit all filters, e.g. port_id, description, floating_network_id, project_id. */
  async listFloatingIps(filters: Filters, call: CallOptions = {}): Promise<readonly NeutronFloatingIp[]> {
    return this.#list({ collection: 'floatingips', schema: floatingIpSchema, filters, call });
  }

  /** undefined: Neutron says that there is none. */
  async getFloatingIp(id: string, call: CallOptions = {}): Promise<NeutronFloatingIp | undefined> {
    const answer = await this.#service.readOrAbsent(`/floatingips/${encodeURIComponent(id)}`, isNotFound, call);
    return answer === undefined ? undefined : floatingIpOf(answer, 'floating IP');
  }

  /** One POST that takes an address and attaches it. Any doubt about the outcome is an error of kind `lost` or `malformed`,
   *  or a 5xx. */
  async createFloatingIp(floatingIp: NewFloatingIp, call: CallOptions = {}): Promise<NeutronFloatingIp> {
    const body = { floatingip: floatingIp };
    const answer = await this.#service.write({ method: 'POST', path: '/floatingips', body }, call);
    return floatingIpOf(answer, 'new floating IP');
  }

  /** Gives the address back. Also resolves when there is none. */
  async deleteFloatingIp(id: string, call: CallOptions = {}): Promise<void> {
    await this.#delete(`/floatingips/${encodeURIComponent(id)}`, call);
  }

  async #delete(path: string, call: CallOptions): Promise<void> {
    try {
      await this.#service.write({ method: 'DELETE', path }, call);
    } catch (error) {
      if (!(error instanceof OpenStackError) || error.status !== 404 || !isNotFound(error)) throw error;
    }
  }

  /** How many ports the project may have, has, and has promised. undefined: this Neutron does not tell, for want of the
   *  extension quota_details or of the right. */
  async readPortQuota(projectId: string, call: CallOptions = {}): Promise<NeutronQuota | undefined> {
    const path = `/quotas/${encodeURIComponent(projectId)}/details`;
    try {
      const answer = await this.#service.read(path, undefined, call);
      return readBodyAs(quotaSchema, answer, 'quota').quota.port;
    } catch (error) {
      if (error instanceof OpenStackError && (error.status === 403 || error.status === 404)) return undefined;
      throw error;
    }
  }

  #takesTagsOnCreate(): Promise<boolean> {
    this.#tagsOnCreate ??= this.#service
      .readOrAbsent(`/extensions/${TAGS_ON_CREATE}`, () => true)
      .then((answer) => answer !== undefined)
      .catch((error: unknown) => {
        this.#tagsOnCreate = undefined;
        throw error;
      });
    return this.#tagsOnCreate;
  }

  async #list<S extends TSchema>(input: {
    readonly collection: 'ports' | 'networks' | 'subnets' | 'security-groups' | 'floatingips';
    readonly schema: S;
    readonly filters: Filters;
    readonly call: CallOptions;
  }): Promise<readonly Static<S>[]> {
    const key = input.collection.replace('-', '_');
    const page = Type.Object({ [key]: Type.Array(input.schema) });
    const paging = Type.Object({ [`${key}_links`]: links });
    return readAllPages(`network GET /${input.collection}`, async (next) => {
      const query = next ?? new URLSearchParams({ ...input.filters, limit: String(ITEMS_PER_PAGE) });
      const answer = await this.#service.read(`/${input.collection}`, query, input.call);
      return {
        items: readBodyAs(page, answer, input.collection)[key] ?? [],
        next: nextLink(readBodyAs(paging, answer, input.collection)[`${key}_links`]),
      };
    });
  }
}

function floatingIpOf(answer: HttpAnswer, what: string): NeutronFloatingIp {
  return readBodyAs(Type.Object({ floatingip: floatingIpSchema }), answer, what).floatingip;
}

/** Neutron's own word: PortNotFound and the like; a 404 of a proxy has another body. */
function isNotFound(error: OpenStackError): boolean {
  return error.fault !== undefined && error.fault.type.endsWith('NotFound');
}
