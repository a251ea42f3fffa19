// What the cloud holds: servers, ports, server groups, and the books of everything that ever was. Servers build and go on
// timers. Knows nothing of HTTP; refusals are CloudErrors that say what each service would answer. Above 250 lines because
// all of it reads and writes the same books.
import { randomUUID } from 'node:crypto';
import type { Books, CloudFault, PlaygroundFlavor, PlaygroundQuota } from '../playground.ts';
import {
  CloudError,
  type CloudOptions,
  type FloatingIp,
  type Network,
  type NewServerRequest,
  type Port,
  type Server,
  type ServerGroup,
} from './cloud-objects.ts';

/** Hosts per zone: a strict anti-affinity group cannot have more members than the cloud has hosts. */
const HOSTS_PER_ZONE = 8;
export const NO_VALID_HOST = 'No valid host was found. ';

/** Nova keeps them until its operator archives them; nobody asks for the changes of so long ago. */
const DELETED_MAX = 1000;

export class CloudState {
  readonly options: CloudOptions;
  /** May be replaced while it runs, as an operator does. */
  quota: PlaygroundQuota;
  readonly projectId = randomUUID().replaceAll('-', '');
  readonly userId = randomUUID().replaceAll('-', '');
  /** The one that the router knows. */
  readonly network: Network = newNetwork('playground-net', '10.0.0.0/16');
  readonly networks: readonly Network[] = [this.network, newNetwork('playground-storage', '10.1.0.0/16')];
  readonly externalNetwork: Network = newNetwork('playground-ext', '198.18.0.0/16');
  readonly routerId = randomUUID();
  readonly image = { id: randomUUID(), name: 'playground-image' };
  readonly securityGroup = { id: randomUUID(), name: 'default' };
  /** Oldest first: Nova lists them among what changed. */
  readonly deleted: Server[] = [];
  /** By id, in order of creation. */
  readonly servers = new Map<string, Server>();
  readonly ports = new Map<string, Port>();
  readonly floatingIps = new Map<string, FloatingIp>();
  readonly groups = new Map<string, ServerGroup>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #counts = { serversCreated: 0, serversDeleted: 0, portsCreated: 0, portsDeleted: 0 };
  #faults: { readonly fault: CloudFault; left: number }[] = [];
  #addressCount = 0;
  #floatingCount = 0;

  constructor(options: CloudOptions) {
    this.options = options;
    this.quota = options.quota;
  }

  setFaults(faults: readonly CloudFault[]): void {
    this.#faults = faults.map((fault) => ({ fault, left: fault.times ?? Infinity }));
  }

  /** The effect that strikes this request, if any; counts it. */
  strike(
    operation: CloudFault['operation'],
    target: { readonly flavor?: string; readonly zone?: string } = {},
  ): CloudFault['effect'] | undefined {
    const found = this.#faults.find(
      ({ fault, left }) =>
        left > 0 &&
        fault.operation === operation &&
        (fault.flavor === undefined || fault.flavor === target.flavor) &&
        (fault.zone === undefined || fault.zone === target.zone),
    );
    if (found === undefined) return undefined;
    found.left -= 1;
    return found.fault.effect;
  }

  books(): Pick<
    Books,
    | 'serversCreated'
    | 'serversDeleted'
    | 'serversLeft'
    | 'portsCreated'
    | 'portsDeleted'
    | 'portsLeft'
    | 'floatingIpsLeft'
  > {
    const floatingIpsLeft = this.floatingIps.size;
    return { ...this.#counts, serversLeft: this.servers.size, portsLeft: this.ports.size, floatingIpsLeft };
  }

  used(): { readonly servers: number; readonly cores: number; readonly memoryMiB: number } {
    const flavors = [...this.servers.values()].map((server) => server.flavor);
    return {
      servers: flavors.length,
      cores: flavors.reduce((sum, flavor) => sum + flavor.vcpus, 0),
      memoryMiB: flavors.reduce((sum, flavor) => sum + flavor.memoryMiB, 0),
    };
  }

  #checkQuota(flavor: PlaygroundFlavor): void {
    const { quota } = this;
    const used = this.used();
    const rows = [
      ['instances', 1, used.servers, quota.servers],
      ['cores', flavor.vcpus, used.cores, quota.cores],
      ['ram', flavor.memoryMiB, used.memoryMiB, quota.memoryMiB],
    ] as const;
    for (const [what, wanted, taken, most] of rows) {
      if (taken + wanted <= most) continue;
      throw new CloudError(
        403,
        `Quota exceeded for ${what}: Requested ${wanted}, but already used ${taken} of ${most} ${what}`,
        { kind: 'forbidden' },
      );
    }
  }

  /** Throws CloudError. `buildFault`: it is accepted and then fails with this text, as when no host has room. */
  createServer(request: NewServerRequest, buildFault: string | undefined): Server {
    this.#checkQuota(request.flavor);
    this.#checkGroupQuota(request.groupId);
    for (const portId of request.portIds) {
      const port = this.ports.get(portId);
      if (port === undefined) {
        throw new CloudError(400, `Port ${portId} could not be found.`, { kind: 'badRequest' });
      }
      if (port.deviceId !== '') {
        throw new CloudError(409, `Port ${portId} is still in use.`, { kind: 'conflictingRequest' });
      }
    }
    const nowMs = Date.now();
    const server: Server = {
      id: randomUUID(),
      name: request.name,
      flavor: request.flavor,
      imageId: request.imageId,
      requestedZone: request.zone,
      keyName: request.keyName,
      metadata: request.metadata,
      userData: request.userData,
      portIds: request.portIds,
      groupId: request.groupId,
      createdMs: nowMs,
      status: 'BUILD',
      taskState: 'scheduling',
      zone: '',
      fault: undefined,
      updatedMs: nowMs,
    };
    const crowded = request.groupId !== undefined && !this.#hasHostFor(request.groupId);
    this.servers.set(server.id, server);
    this.#counts.serversCreated += 1;
    this.#emitServer('serverCreated', server);
    const fault = buildFault ?? (crowded ? NO_VALID_HOST : undefined);
    if (fault !== undefined) {
      this.#after(0, () => this.#fail(server, fault));
      return server;
    }
    // As in Nova, a port is taken on the compute host, some time after the 202: of two servers on one port both are
    // accepted, and the later one ends in ERROR.
    this.#after(this.options.timings.buildMs / 2, () => {
      this.#takePorts(server);
      this.#after(this.options.timings.buildMs / 2, () => this.#activate(server));
    });
    return server;
  }

  #takePorts(server: Server): void {
    if (!this.#isBuilding(server)) return;
    for (const portId of server.portIds) {
      const port = this.ports.get(portId);
      if (port === undefined) return this.#fail(server, `${abortedBuild(server)}Port ${portId} could not be found.`);
      if (port.deviceId === '') continue;
      port.deviceId = ''; // Nova's clearing up after the failure, as seen on a real one: the port seems free, and is not
      return this.#fail(server, `${abortedBuild(server)}Port ${portId} is still in use.`);
    }
    for (const portId of server.portIds) {
      const port = this.ports.get(portId);
      if (port !== undefined) port.deviceId = server.id;
    }
  }

  #isBuilding(server: Server): boolean {
    return this.servers.get(server.id) === server && server.status === 'BUILD' && server.taskState !== 'deleting';
  }

  #membersOf(groupId: string): number {
    return [...this.servers.values()].filter((server) => server.groupId === groupId).length;
  }

  #checkGroupQuota(groupId: string | undefined): void {
    if (groupId === undefined || this.#membersOf(groupId) < this.quota.serverGroupMembers) return;
    throw new CloudError(403, 'Quota exceeded, too many servers in group', { kind: 'forbidden' });
  }

  /** Only a strict policy asks for a host of its own. */
  #hasHostFor(groupId: string): boolean {
    if (this.groups.get(groupId)?.policy !== 'anti-affinity') return true;
    return this.#membersOf(groupId) < HOSTS_PER_ZONE * this.options.zones.length;
  }

  nextFloatingAddress(): string {
    this.#floatingCount += 1;
    return `198.18.${Math.floor(this.#floatingCount / 250) % 250}.${(this.#floatingCount % 250) + 2}`;
  }

  #activate(server: Server): void {
    if (!this.#isBuilding(server)) return;
    server.status = 'ACTIVE';
    server.taskState = null;
    // without a wish the zone with the fewest servers, as Nova's weighers spread
    server.zone = server.requestedZone === '' ? this.#emptiestZone() : server.requestedZone;
    server.updatedMs = Date.now();
    for (const portId of server.portIds) {
      const port = this.ports.get(portId);
      if (port !== undefined) port.zone = server.zone;
    }
    this.#emitServer('serverActive', server);
  }

  #emptiestZone(): string {
    const count = (zone: string): number => [...this.servers.values()].filter((server) => server.zone === zone).length;
    return [...this.options.zones].sort((left, right) => count(left) - count(right))[0] ?? '';
  }

  #fail(server: Server, message: string): void {
    if (this.servers.get(server.id) !== server) return;
    server.status = 'ERROR';
    server.taskState = null;
    server.fault = { code: 500, message };
    server.updatedMs = Date.now();
    this.#emitServer('serverFailed', server);
  }

  /** Throws CloudError 404. A second call while it goes is harmless. */
  deleteServer(id: string): void {
    const server = this.servers.get(id);
    if (server === undefined) {
      throw new CloudError(404, `Instance ${id} could not be found.`, { kind: 'itemNotFound' });
    }
    if (server.taskState === 'deleting') return;
    server.taskState = 'deleting';
    server.updatedMs = Date.now();
    this.#emitServer('serverDeleting', server);
    this.#after(this.options.timings.deleteMs, () => this.dropServer(id));
  }

  /** It is gone from now on; its ports stay and are free. */
  dropServer(id: string): void {
    const server = this.servers.get(id);
    if (server === undefined) return;
    this.servers.delete(id);
    server.updatedMs = Date.now();
    this.deleted.push(server);
    if (this.deleted.length > DELETED_MAX) this.deleted.shift();
    this.#counts.serversDeleted += 1;
    for (const port of this.ports.values()) {
      if (port.deviceId === id) port.deviceId = '';
    }
    this.#emitServer('serverGone', server);
  }

  createPort(request: Pick<Port, 'name' | 'description' | 'tags' | 'securityGroups'>, network: Network): Port {
    if (this.ports.size >= this.quota.ports) {
      throw new CloudError(409, "Quota exceeded for resources: ['port'].", { kind: 'OverQuota' });
    }
    this.#addressCount += 1;
    const port: Port = {
      ...request,
      id: randomUUID(),
      networkId: network.id,
      subnetId: network.subnetId,
      address: `${network.cidr.split('.').slice(0, 2).join('.')}.${Math.floor(this.#addressCount / 250) % 250}.${(this.#addressCount % 250) + 3}`,
      createdMs: Date.now(),
      deviceId: '',
      zone: '',
    };
    this.ports.set(port.id, port);
    this.#counts.portsCreated += 1;
    this.options.emit({ kind: 'portCreated', port: port.name });
    return port;
  }

  /** Throws CloudError 404. */
  deletePort(id: string): void {
    const port = this.ports.get(id);
    if (port === undefined) throw new CloudError(404, `Port ${id} could not be found.`, { kind: 'PortNotFound' });
    this.ports.delete(id);
    for (const floatingIp of this.floatingIps.values()) if (floatingIp.portId === id) floatingIp.portId = '';
    this.#counts.portsDeleted += 1;
    this.options.emit({ kind: 'portGone', port: port.name });
  }

  #after(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }

  #emitServer(
    kind: 'serverCreated' | 'serverActive' | 'serverFailed' | 'serverDeleting' | 'serverGone',
    server: Server,
  ): void {
    this.options.emit({
      kind,
      server: server.name,
      flavor: server.flavor.name,
      zone: server.zone === '' ? server.requestedZone : server.zone,
    });
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

function newNetwork(name: string, cidr: string): Network {
  return { id: randomUUID(), name, subnetId: randomUUID(), cidr };
}

/** How Nova begins the fault of a build that it does not try on another host. */
function abortedBuild(server: Server): string {
  return `Build of instance ${server.id} aborted: `;
}
