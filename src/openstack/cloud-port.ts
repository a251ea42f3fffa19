// The port `Cloud` on top of the OpenStack client: one project, one region, one credential.
// Decides nothing about nodes; it finds, creates and deletes what it is told to, and says truly what came of it.
// Above 250 lines because the port is one interface and so one class; what it decides is in the files beside it.
import { SERVER_METADATA } from '../api/names.ts';
import type { ServerGroupPolicy } from '../api/node-claim.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import { PortError } from '../controllers/port-errors.ts';
import type {
  Clock,
  Cloud,
  CreateFloatingIpRequest,
  CreatePortRequest,
  CreateServerRequest,
  Freshness,
  PortView,
  QuotaHolds,
  ServerView,
  Telemetry,
  TelemetryLabels,
} from '../controllers/ports.ts';
import { readCloudConfig } from './client/clouds.ts';
import type { KeystoneLogins } from './client/keystone-logins.ts';
import type { NeutronPort } from './client/neutron.ts';
import type { NovaServer } from './client/nova.ts';
import { OpenStackError } from './client/openstack-error.ts';
import { openStack, type OpenStack } from './client/open-stack.ts';
import { FloatingIps, floatingIpsOf, type FloatingIpOwner } from './floating-ips.ts';
import { faultMeaning, portErrorOf, translated, type CallOptions } from './nova-errors.ts';
import { processLogins } from './process-logins.ts';
import { processBudgets, type BudgetLease } from './project-budgets.ts';
import { processInventories, type InventoryLease } from './project-inventory.ts';
import { ProjectReader } from './project-reader.ts';
import { countExchange, laneMetrics } from './request-metrics.ts';
import { findOne, resolveTargets } from './resolve-targets.ts';
import { SecurityGroupIds } from './security-group-ids.ts';
import { groupNamesOf, ServerGroups } from './server-groups.ts';
import { clusterUidOf, METADATA_ITEMS_MAX, networkIndexOf, newPort, newServer, portName } from './server-request.ts';

/** A listing that begins after the call. */
const NOW: Freshness = { ageMaxMs: 0 };

export interface CloudSource {
  /** Text of a clouds.yaml. `cacert`, `cert` and `key` in it must be the PEM itself: no file is opened for a secret's
   *  content. */
  readonly cloudsYaml: string;
  readonly cloud: string | undefined;
  readonly region: string | undefined;
}

export interface CloudDependencies {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly labels: TelemetryLabels;
  /** Per project, over all sessions of the process; absent: 10. */
  readonly requestsPerSecond?: number | undefined;
  /** Those that it shares a login with; absent: all sessions of the process. */
  readonly logins?: KeystoneLogins | undefined;
}

/** Logs in and chooses the region. Rejects with a PortError: `credentials` for a clouds.yaml that does not do (it names the
 *  key), a wrong password, an unknown region; `unavailable` or `throttled` when Keystone does not answer. */
export async function openCloud(source: CloudSource, deps: CloudDependencies): Promise<Cloud> {
  return translated({ what: 'spec.openstack (credentialsSecretRef, cloud, region)', kind: 'repeatable' }, async () => {
    const config = readCloudConfig(source);
    let lease: BudgetLease | undefined;
    let view: InventoryLease | undefined;
    const session = await openStack(config, {
      clock: deps.clock,
      logins: deps.logins ?? processLogins,
      budgetOf: (project) => {
        const listener = laneMetrics(deps.telemetry, deps.labels);
        lease = processBudgets.take(
          { ...project, config },
          { clock: deps.clock, listener, requestsPerSecond: deps.requestsPerSecond },
        );
        view = processInventories.take({ ...project, config }, deps.clock);
        return lease.lane;
      },
      http: {
        onExchange: (exchange) => countExchange(deps.telemetry, deps.labels, exchange),
      },
    });
    if (lease === undefined || view === undefined) throw new Error('a session was opened without a budget');
    return new OpenStackCloud(session, { clock: deps.clock, lease, view });
  });
}

class OpenStackCloud implements Cloud {
  readonly #openStack: OpenStack;
  readonly #groups: ServerGroups;
  readonly #securityGroups: SecurityGroupIds;
  readonly #reader: ProjectReader;
  readonly #ended = new AbortController();
  readonly quotaHolds: QuotaHolds;
  readonly #leases: readonly { release(): void }[];
  readonly #floatingIps: FloatingIps;
  /** The project's own limit, as of the last reading of the quota. */
  #metadataItemsMax = METADATA_ITEMS_MAX;

  constructor(
    session: OpenStack,
    deps: { readonly clock: Clock; readonly lease: BudgetLease; readonly view: InventoryLease },
  ) {
    const { clock, lease, view } = deps;
    this.#openStack = session;
    this.quotaHolds = lease.quotaHolds;
    this.#leases = [lease, view];
    const load = () => lease.lane.waiting();
    this.#groups = new ServerGroups(session.nova);
    this.#floatingIps = new FloatingIps(session.neutron, async () => (await session.token()).projectId);
    this.#reader = new ProjectReader(session, {
      inventory: view.inventory,
      clock,
      load,
      signal: this.#ended.signal,
      listFloatingIps: () => this.#floatingIps.listAll(),
    });
    this.#securityGroups = new SecurityGroupIds({
      clock,
      find: async (nameOrId) => {
        const list = (filters: Readonly<Record<string, string>>) => session.neutron.listSecurityGroups(filters);
        return (await findOne(list, { field: 'securityGroups', what: 'security group', nameOrId })).id;
      },
    });
  }

  async close(): Promise<void> {
    this.#ended.abort();
    for (const lease of this.#leases) lease.release();
    await this.#openStack.close();
  }

  async currentProjectId(): Promise<string> {
    return translated({ what: 'read the project', kind: 'repeatable' }, async () => {
      const token = await this.#openStack.token();
      return token.projectId;
    });
  }

  async resolveTargets(cluster: WorkloadCluster) {
    return translated({ what: 'resolve spec.openstack', kind: 'repeatable' }, () =>
      resolveTargets(this.#openStack, cluster),
    );
  }

  async listFlavors() {
    return translated({ what: 'list flavors', kind: 'repeatable' }, async () => {
      const flavors = await this.#openStack.nova.listFlavors();
      return flavors.map((flavor) => ({
        id: flavor.id,
        name: flavor.name,
        vcpus: flavor.vcpus,
        memoryMiB: flavor.ram,
        diskGiB: flavor.disk,
        extraSpecs: new Map(Object.entries(flavor.extra_specs ?? {})),
      }));
    });
  }

  async readQuota(freshness: Freshness = NOW) {
    return translated({ what: 'read the quota', kind: 'repeatable' }, async () => {
      const { nova: limits, ports } = await this.#reader.limits(freshness.ageMaxMs, this.quotaHolds.movedMs());
      this.#metadataItemsMax = mostOf(limits.maxServerMeta) ?? METADATA_ITEMS_MAX;
      return {
        serverGroupMembersMax: mostOf(limits.maxServerGroupMembers),
        serversLeft: left({ most: limits.maxTotalInstances, used: limits.totalInstancesUsed }),
        coresLeft: left({ most: limits.maxTotalCores, used: limits.totalCoresUsed }),
        memoryMiBLeft: left({ most: limits.maxTotalRAMSize, used: limits.totalRAMUsed }),
        portsLeft:
          ports === undefined ? undefined : left({ most: ports.limit, used: ports.used + (ports.reserved ?? 0) }),
      };
    });
  }

  async listServers(clusterUid: string, freshness: Freshness = NOW) {
    return translated({ what: 'list servers', kind: 'repeatable' }, async () => {
      // Nova ignores a filter by metadata for members (and says nothing), so the sorting out is done here.
      const servers = await this.#reader.servers(freshness.ageMaxMs);
      return servers.filter((server) => server.metadata.get(SERVER_METADATA.cluster) === clusterUid).map(serverView);
    });
  }

  async listPorts(clusterUid: string, freshness: Freshness = NOW) {
    return translated({ what: 'list ports', kind: 'repeatable' }, async () => {
      return (await this.#reader.portsOfCluster(clusterUid, freshness.ageMaxMs)).map(portView);
    });
  }

  async serverNamesTaken(names: readonly string[]) {
    return translated({ what: 'list server names', kind: 'repeatable' }, async () => {
      const wanted = new Set(names);
      const used = await this.#openStack.nova.listServerNames();
      return new Set(used.filter((name) => wanted.has(name)));
    });
  }

  async findPorts(claimUid: string, look: Partial<Freshness> & { readonly additionalNetworks?: number } = {}) {
    return translated({ what: `find ports of claim ${claimUid}`, kind: 'repeatable' }, async () => {
      const { additionalNetworks = 0, ageMaxMs = NOW.ageMaxMs } = look;
      // by name, not by tag: a port whose tags were not set any more is found too
      const names = Array.from({ length: additionalNetworks + 1 }, (_, index) => portName(claimUid, index));
      const ports = (await this.#reader.portsNamed(names, ageMaxMs)).map(portView);
      return ports.toSorted(
        (a, b) => (a.networkIndex ?? 0) - (b.networkIndex ?? 0) || a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1),
      );
    });
  }

  async createPort(request: CreatePortRequest) {
    const what = `create port for ${request.claimName}`;
    const groups = await translated({ what, kind: 'repeatable' }, () =>
      this.#securityGroups.idsOf(request.securityGroups),
    );
    return this.#write({ what, kind: 'create' }, async () =>
      portView(await this.#openStack.neutron.createPort(newPort(request, groups))),
    );
  }

  async deletePort(id: string) {
    await this.#write({ what: `delete port ${id}`, kind: 'repeatable' }, () => this.#openStack.neutron.deletePort(id));
    this.#reader.portDeleted(id);
  }

  async findFloatingIps(owner: FloatingIpOwner) {
    const what = `find floating IPs of claim ${owner.claimUid}`;
    return translated({ what, kind: 'repeatable' }, () => this.#floatingIps.find(owner));
  }

  async listFloatingIps(clusterUid: string, { ageMaxMs }: Freshness = NOW) {
    return translated({ what: 'list floating IPs', kind: 'repeatable' }, async () =>
      floatingIpsOf(clusterUid, await this.#reader.floatingIps(ageMaxMs)),
    );
  }

  async createFloatingIp(request: CreateFloatingIpRequest) {
    const what = `create floating IP for port ${request.portId}`;
    return this.#write({ what, kind: 'create', quotaConcerns: 'pool' }, () => this.#floatingIps.create(request));
  }

  async getFloatingIp(id: string) {
    return translated({ what: `get floating IP ${id}`, kind: 'repeatable' }, () => this.#floatingIps.get(id));
  }

  async deleteFloatingIp(id: string) {
    await this.#write({ what: `delete floating IP ${id}`, kind: 'repeatable' }, () => this.#floatingIps.delete(id));
  }

  async findServers(claimUid: string, name: string, freshness: Freshness = NOW) {
    return translated({ what: `find server ${name}`, kind: 'repeatable' }, async () => {
      const claim = { uid: claimUid, name, nameLike: likeExactly(name) };
      const servers = await this.#reader.serversOfClaim(claim, freshness.ageMaxMs);
      return servers.map(serverView);
    });
  }

  async createServer(request: CreateServerRequest) {
    const server = newServer(request, this.#metadataItemsMax);
    const hints = request.serverGroupId === undefined ? undefined : { group: request.serverGroupId };
    return this.#write({ what: `create server ${request.name}`, kind: 'create' }, () =>
      this.#openStack.nova.createServer(server, hints),
    );
  }

  async getServer(id: string, freshness?: Freshness) {
    return translated({ what: `get server ${id}`, kind: 'repeatable' }, async () => {
      const server =
        freshness === undefined ? await this.#reader.serverById(id) : await this.#reader.server(id, freshness.ageMaxMs);
      if (server === undefined) this.quotaHolds.moved();
      return server === undefined ? undefined : serverView(server);
    });
  }

  async getPort(id: string) {
    return translated({ what: `get port ${id}`, kind: 'repeatable' }, async () => {
      const port = await this.#openStack.neutron.getPort(id);
      return port === undefined ? undefined : portView(port);
    });
  }

  async deleteServer(id: string) {
    await this.#write({ what: `delete server ${id}`, kind: 'repeatable' }, () => this.#openStack.nova.deleteServer(id));
  }

  async ensureServerGroup(name: string, policy: ServerGroupPolicy = 'anti-affinity') {
    // looks first, so doing it again is harmless
    return this.#write({ what: `server group ${name}`, kind: 'repeatable', quotaConcerns: 'pool' }, () =>
      this.#groups.ensure(name, policy),
    );
  }

  async deleteServerGroup(name: string) {
    await this.#write({ what: `delete server group ${name}`, kind: 'repeatable' }, () => this.#groups.delete(name));
  }

  async listServerGroups(clusterUid: string, { ageMaxMs }: Freshness = NOW) {
    return translated({ what: 'list server groups', kind: 'repeatable' }, async () =>
      groupNamesOf(clusterUid, await this.#reader.serverGroups(ageMaxMs)),
    );
  }

  /** Runs a write. A token that a service refuses (revoked, keys rotated) while Keystone still gives new ones is no wrong
   *  credential, and nothing was carried out: what may be repeated is, once; a create is for the caller to try again. */
  async #write<T>(options: CallOptions, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof OpenStackError) || error.status !== 401 || error.service === 'identity') {
        throw portErrorOf(error, options);
      }
      await translated(options, () => this.#openStack.token());
      if (options.kind === 'repeatable') return translated(options, write);
      const message = `${options.what}: the token was refused; a new one was taken, nothing was created`;
      throw new PortError('unavailable', message, {
        cause: error,
        ...(error.requestId === undefined ? {} : { requestId: error.requestId }),
      });
    }
  }
}

/** -1 = unlimited. A quota lowered below its use leaves nothing, not less. */
function left(limit: { readonly most: number; readonly used: number }): number | undefined {
  return limit.most < 0 ? undefined : Math.max(0, limit.most - limit.used);
}

/** -1, or nothing said, = unlimited. */
function mostOf(limit: number | undefined): number | undefined {
  return limit === undefined || limit < 0 ? undefined : limit;
}

/** Nova takes a regular expression of its database. Any character that could mean something else there becomes a dot, so
 *  the answer holds the name at least; whose servers they are, metadata says. */
function likeExactly(name: string): string {
  return `^${name.replaceAll(/[^A-Za-z0-9-]/g, '.')}$`;
}

function serverView(server: NovaServer): ServerView {
  const { created, fault, ...rest } = server;
  const meaning = fault === undefined ? undefined : faultMeaning(fault);
  return {
    ...rest,
    createdMs: timeOf(created),
    fault: fault === undefined || meaning === undefined ? fault : { ...fault, meaning },
  };
}

function portView(port: NeutronPort): PortView {
  return {
    id: port.id,
    name: port.name,
    networkIndex: networkIndexOf(port.name),
    projectId: port.project_id,
    clusterUid: clusterUidOf(port),
    createdMs: timeOf(port.created_at),
    deviceId: port.device_id,
    tags: port.tags ?? [],
    addresses: port.fixed_ips.map((address) => address.ip_address),
  };
}

/** 0 when the cloud does not say (Neutron's timestamps are an extension). */
function timeOf(text: string | undefined): number {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? 0 : ms;
}
