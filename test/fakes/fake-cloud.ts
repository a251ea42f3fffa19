// One OpenStack project in memory, with Nova's habits: names are not unique, a POST has no idempotency key,
// a port in use is refused, a server is in BUILD before it is ACTIVE and answers for a while after DELETE.
import { SERVER_METADATA, serverGroupPrefix } from '../../src/api/names.ts';
import type { WorkloadCluster } from '../../src/api/workload-cluster.ts';
import type { CloudTargets, Flavor, Quota } from '../../src/cluster/cluster-objects.ts';
import { PortError } from '../../src/controllers/port-errors.ts';
import type {
  Clock,
  Cloud,
  CreateFloatingIpRequest,
  CreatePortRequest,
  CreateServerRequest,
  FloatingIpView,
  PortView,
  QuotaHolds,
  ServerView,
} from '../../src/controllers/ports.ts';
import { ProjectHolds } from '../../src/openstack/quota-holds.ts';

interface FakeServer {
  readonly view: ServerView;
  readonly userData: string;
  readonly portIds: readonly string[];
  readonly shownMs: number;
  deletedMs: number | undefined;
}

export const FAKE_FLAVORS: readonly Flavor[] = [
  { id: 'flavor-b2-7', name: 'b2-7', vcpus: 2, memoryMiB: 7000, diskGiB: 50, extraSpecs: new Map() },
  { id: 'flavor-b2-15', name: 'b2-15', vcpus: 4, memoryMiB: 15000, diskGiB: 100, extraSpecs: new Map() },
];

export class FakeCloud implements Cloud {
  projectId = 'project-1';
  /** From POST to ACTIVE. */
  buildMs = 0;
  /** From POST until the server shows anywhere: a request that is still on its way inside Nova. */
  showMs = 0;
  /** From DELETE to 404. */
  deleteMs = 0;
  /** Set: the next servers go to ERROR with it. */
  fault: ServerView['fault'];
  flavors: readonly Flavor[] = FAKE_FLAVORS;
  quota: Quota = { serversLeft: undefined, coresLeft: undefined, memoryMiBLeft: undefined };
  targets: CloudTargets = {
    networkId: 'network-1',
    subnetId: undefined,
    images: [{ id: 'image-1', name: 'node-image', flavors: undefined }],
    zones: ['nova'],
    region: 'RegionOne',
  };
  /** Every POST /servers that was carried out. */
  readonly posts: CreateServerRequest[] = [];
  readonly deletedServers: string[] = [];
  readonly deletedPorts: string[] = [];
  readonly deletedFloatingIps: string[] = [];
  readonly serverGroups = new Map<string, string>();
  readonly quotaHolds: QuotaHolds;
  readonly #servers = new Map<string, FakeServer>();
  readonly #ports = new Map<string, PortView>();
  readonly #floatingIps = new Map<string, FloatingIpView>();
  readonly #clock: Clock;
  #ids = 0;

  /** `holds`: shared with the other clusters of the project. */
  constructor(clock: Clock, holds = new ProjectHolds(clock)) {
    this.#clock = clock;
    this.quotaHolds = holds.open();
  }

  /** Servers and ports that stand, shown or not: the books that tests count from. */
  get serversLeft(): readonly ServerView[] {
    return [...this.#servers.values()].map((server) => server.view);
  }

  get portsLeft(): readonly PortView[] {
    return [...this.#ports.values()];
  }

  get floatingIpsLeft(): readonly FloatingIpView[] {
    return [...this.#floatingIps.values()];
  }

  addFloatingIp(view: Pick<FloatingIpView, 'clusterUid' | 'claimUid' | 'portId'> & Partial<FloatingIpView>) {
    const id = view.id ?? this.#nextId();
    const address = `198.18.0.${this.#floatingIps.size + 1}`;
    const floatingIp = { id, projectId: this.projectId, createdMs: this.#clock.nowMs(), address, ...view };
    this.#floatingIps.set(id, floatingIp);
    return floatingIp;
  }

  userDataOf(serverId: string): string | undefined {
    return this.#servers.get(serverId)?.userData;
  }

  /** Puts a server there that was not made through this port. */
  addServer(view: Partial<ServerView> & { readonly name: string }): ServerView {
    const id = view.id ?? this.#nextId();
    const server: ServerView = {
      id,
      status: 'ACTIVE',
      taskState: '',
      projectId: this.projectId,
      flavorName: 'b2-7',
      zone: 'nova',
      createdMs: this.#clock.nowMs(),
      metadata: new Map(),
      addresses: [],
      fault: undefined,
      ...view,
    };
    this.#servers.set(id, { view: server, userData: '', portIds: [], shownMs: 0, deletedMs: undefined });
    return server;
  }

  addPort(view: Partial<PortView> & { readonly name: string }): PortView {
    const id = view.id ?? this.#nextId();
    const tag = view.tags?.find((text) => text.startsWith('sluice.dev/cluster='));
    const port: PortView = {
      id,
      projectId: this.projectId,
      clusterUid: tag?.slice(tag.indexOf('=') + 1) ?? '',
      createdMs: this.#clock.nowMs(),
      deviceId: '',
      tags: [],
      addresses: [],
      ...view,
    };
    this.#ports.set(id, port);
    return port;
  }

  /** As if a person deleted the server in the dashboard. */
  loseServer(id: string): void {
    const server = this.#servers.get(id);
    if (server !== undefined) server.deletedMs = this.#clock.nowMs();
    this.#collect();
  }

  async close(): Promise<void> {}

  async currentProjectId(): Promise<string> {
    return this.projectId;
  }

  async resolveTargets(_cluster: WorkloadCluster): Promise<CloudTargets> {
    return this.targets;
  }

  async listFlavors(): Promise<readonly Flavor[]> {
    return this.flavors;
  }

  async readQuota(): Promise<Quota> {
    return this.quota;
  }

  async listServers(clusterUid: string): Promise<readonly ServerView[]> {
    this.#collect();
    return this.serversShown().filter((server) => server.metadata.get(SERVER_METADATA.cluster) === clusterUid);
  }

  async listPorts(clusterUid: string): Promise<readonly PortView[]> {
    this.#collect();
    return this.portsLeft.filter((port) => port.clusterUid === clusterUid);
  }

  async serverNamesTaken(names: readonly string[]): Promise<ReadonlySet<string>> {
    this.#collect();
    const used = new Set(this.serversLeft.map((server) => server.name));
    return new Set(names.filter((name) => used.has(name)));
  }

  async findPorts(claimUid: string, look: { readonly additionalNetworks?: number } = {}): Promise<readonly PortView[]> {
    this.#collect();
    const networkOf = (port: PortView) => port.networkIndex ?? 0;
    return this.portsLeft
      .filter(
        (port) =>
          port.tags.includes(`sluice.dev/claim=${claimUid}`) && networkOf(port) <= (look.additionalNetworks ?? 0),
      )
      .toSorted((a, b) => networkOf(a) - networkOf(b) || a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1));
  }

  async createPort(request: CreatePortRequest): Promise<PortView> {
    return this.addPort({
      name: `sluice-${request.claimUid}`,
      networkIndex: request.networkIndex ?? 0,
      tags: [`sluice.dev/cluster=${request.clusterUid}`, `sluice.dev/claim=${request.claimUid}`],
    });
  }

  /** A floating IP outlives its port, leading nowhere. */
  async deletePort(id: string): Promise<void> {
    if (this.#ports.delete(id)) this.deletedPorts.push(id);
    for (const floatingIp of this.#floatingIps.values()) {
      if (floatingIp.portId === id) this.#floatingIps.set(floatingIp.id, { ...floatingIp, portId: '' });
    }
  }

  async findFloatingIps(owner: { readonly clusterUid: string; readonly claimUid: string }) {
    return this.floatingIpsLeft.filter((each) => each.claimUid === owner.claimUid);
  }

  async listFloatingIps(clusterUid: string): Promise<readonly FloatingIpView[]> {
    return this.floatingIpsLeft.filter((each) => each.clusterUid === clusterUid);
  }

  /** As Neutron: one for each port. */
  async createFloatingIp(request: CreateFloatingIpRequest): Promise<FloatingIpView> {
    const { clusterUid, claimUid, portId } = request;
    if (!this.#ports.has(portId)) throw new PortError('invalidSpec', `port ${portId} does not exist`);
    if (this.floatingIpsLeft.some((each) => each.portId === portId)) {
      throw new PortError('conflict', `port ${portId} has a floating IP`);
    }
    return this.addFloatingIp({ clusterUid, claimUid, portId });
  }

  async getFloatingIp(id: string): Promise<FloatingIpView | undefined> {
    return this.#floatingIps.get(id);
  }

  async deleteFloatingIp(id: string): Promise<void> {
    if (this.#floatingIps.delete(id)) this.deletedFloatingIps.push(id);
  }

  async findServers(claimUid: string, _name: string): Promise<readonly ServerView[]> {
    this.#collect();
    return this.serversShown().filter((server) => server.metadata.get(SERVER_METADATA.claim) === claimUid);
  }

  async createServer(request: CreateServerRequest): Promise<string> {
    const port = this.#ports.get(request.portId);
    if (port === undefined) throw new PortError('invalidSpec', `port ${request.portId} does not exist`);
    if (port.deviceId !== '') throw new PortError('conflict', `port ${request.portId} is in use`);
    for (const further of request.additionalPortIds ?? []) {
      if (this.#ports.get(further)?.deviceId !== '')
        throw new PortError('conflict', `port ${further} is in use or gone`);
    }
    const id = this.#nextId();
    this.posts.push(request);
    const shownMs = this.#clock.nowMs() + this.showMs;
    const view = this.addServer({
      id,
      name: request.name,
      metadata: request.metadata,
      zone: request.zone,
      addresses: ['10.0.0.9'],
      ...(this.fault === undefined ? {} : { status: 'ERROR', fault: this.fault }),
    });
    const { userData, portId, additionalPortIds = [] } = request;
    const portIds = [portId, ...additionalPortIds];
    this.#servers.set(id, { view, userData, portIds, shownMs, deletedMs: undefined });
    this.#bindPorts();
    return id;
  }

  async getServer(id: string): Promise<ServerView | undefined> {
    this.#collect();
    return this.#view(id);
  }

  async getPort(id: string): Promise<PortView | undefined> {
    this.#collect();
    return this.#ports.get(id);
  }

  async deleteServer(id: string): Promise<void> {
    const server = this.#servers.get(id);
    if (server === undefined || server.deletedMs !== undefined) return;
    this.deletedServers.push(id);
    server.deletedMs = this.#clock.nowMs() + this.deleteMs;
    this.#collect();
  }

  async ensureServerGroup(name: string): Promise<string> {
    const id = this.serverGroups.get(name) ?? this.#nextId();
    this.serverGroups.set(name, id);
    return id;
  }

  async deleteServerGroup(name: string): Promise<void> {
    this.serverGroups.delete(name);
  }

  async listServerGroups(clusterUid: string): Promise<readonly string[]> {
    return [...this.serverGroups.keys()].filter((name) => name.startsWith(serverGroupPrefix(clusterUid)));
  }

  #view(id: string): ServerView | undefined {
    const server = this.#servers.get(id);
    if (server === undefined || this.#clock.nowMs() < server.shownMs) return undefined;
    const { view } = server;
    if (server.deletedMs !== undefined) return { ...view, taskState: 'deleting' };
    const building = view.status === 'ACTIVE' && this.#clock.nowMs() < view.createdMs + this.buildMs;
    return building ? { ...view, status: 'BUILD' } : view;
  }

  /** What Nova would list now, all owners. */
  serversShown(): readonly ServerView[] {
    this.#collect();
    return [...this.#servers.keys()].flatMap((id) => this.#view(id) ?? []);
  }

  /** A port is taken when its server gets that far, not when the request comes in; the first one gets it. */
  #bindPorts(): void {
    for (const [id, server] of this.#servers) {
      if (server.view.status === 'ERROR' || this.#clock.nowMs() < server.shownMs) continue;
      for (const portId of server.portIds) {
        const port = this.#ports.get(portId);
        if (port?.deviceId === '') this.#ports.set(port.id, { ...port, deviceId: id });
      }
    }
  }

  /** Deleted servers whose time has come are gone; Nova frees their ports. */
  #collect(): void {
    this.#bindPorts();
    for (const [id, server] of this.#servers) {
      if (server.deletedMs === undefined || server.deletedMs > this.#clock.nowMs()) continue;
      this.#servers.delete(id);
      for (const port of this.#ports.values()) {
        if (port.deviceId === id) this.#ports.set(port.id, { ...port, deviceId: '' });
      }
    }
  }

  #nextId(): string {
    this.#ids += 1;
    return `00000000-0000-4000-8000-${this.#ids.toString().padStart(12, '0')}`;
  }
}
