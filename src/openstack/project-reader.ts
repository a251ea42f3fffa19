// One session's questions about what stands in its project, asked through the view that it shares with others. Which of
// them a listing may answer is decided here; how many requests that takes, in shared-listing.ts.
import { SERVER_METADATA } from '../api/names.ts';
import type { Clock } from '../controllers/ports.ts';
import type { NeutronFloatingIp, NeutronPort, NeutronQuota } from './client/neutron.ts';
import type { NovaServer, NovaServerGroup } from './client/nova.ts';
import { OpenStackError } from './client/openstack-error.ts';
import type { OpenStack } from './client/open-stack.ts';
import type { ProjectInventory, ProjectLimits } from './project-inventory.ts';
import { clusterTag, clusterUidOf, portMark } from './server-request.ts';
import type { ListingMember } from './shared-listing.ts';

/** How far back a listing of changes reaches: the difference between Nova's clock and ours that the protocol bears (as
 *  CLOCK_SKEW_MS of lifecycle/create-steps.ts). What changed earlier is asked for by id. */
const CHANGES_MS = 600_000;

/** How long a 404 to a server's id answers who asks again while its claim ends; less than the wait between the two
 *  looks at a server that nobody of us deleted (SERVER_GONE_CONFIRM_MS, 15 s). */
const ABSENCE_STANDS_MS = 10_000;
/** Deletions of half a minute at ten a second, and more than ever wait at once. */
const RECENT_IDS_MAX = 300;

/** Ids with the time of what happened to them; the oldest are forgotten first. */
class RecentIds {
  readonly #times = new Map<string, number>();

  add(id: string, atMs: number): void {
    this.#times.delete(id);
    this.#times.set(id, atMs);
    for (const oldest of this.#times.keys()) {
      if (this.#times.size <= RECENT_IDS_MAX) break;
      this.#times.delete(oldest);
    }
  }

  /** Did it happen at `sinceMs` or later? */
  has(id: string, sinceMs: number): boolean {
    return (this.#times.get(id) ?? Number.NEGATIVE_INFINITY) >= sinceMs;
  }
}

export class ProjectReader {
  readonly #session: OpenStack;
  readonly #inventory: ProjectInventory;
  readonly #servers: ListingMember<NovaServer>;
  readonly #ports: ListingMember<NeutronPort>;
  readonly #floatingIps: ListingMember<NeutronFloatingIp>;
  readonly #serverGroups: ListingMember<NovaServerGroup>;
  readonly #clock: Clock;
  /** Ids of servers that Nova answered 404 to, and of ports that Neutron deleted, lately. */
  readonly #absent = new RecentIds();
  readonly #deletedPorts = new RecentIds();

  constructor(
    session: OpenStack,
    deps: {
      readonly inventory: ProjectInventory;
      readonly clock: Clock;
      readonly signal: AbortSignal;
      /** Requests of this session that wait already. */
      readonly load: () => number;
      /** All of the project; none where the cloud has none. */
      readonly listFloatingIps: () => Promise<readonly NeutronFloatingIp[]>;
    },
  ) {
    const { inventory, clock, signal, load, listFloatingIps } = deps;
    this.#session = session;
    this.#inventory = inventory;
    this.#clock = clock;
    this.#servers = {
      signal,
      load,
      list: (full) => session.nova.listServers(full ? {} : { changesSinceMs: clock.nowMs() - CHANGES_MS }),
    };
    this.#ports = { signal, load, list: () => this.#listPorts({}) };
    this.#floatingIps = { signal, load, list: listFloatingIps };
    this.#serverGroups = { signal, load, list: () => session.nova.listServerGroups() };
  }

  /** Every server of the project, by a listing that began at most `ageMaxMs` ago. */
  async servers(ageMaxMs: number): Promise<readonly NovaServer[]> {
    return (await this.#inventory.servers.full(this.#servers, ageMaxMs)).items;
  }

  /** Likewise every floating IP. */
  async floatingIps(ageMaxMs: number): Promise<readonly NeutronFloatingIp[]> {
    return (await this.#inventory.floatingIps.full(this.#floatingIps, ageMaxMs)).items;
  }

  /** Likewise every server group. */
  async serverGroups(ageMaxMs: number): Promise<readonly NovaServerGroup[]> {
    return (await this.#inventory.serverGroups.full(this.#serverGroups, ageMaxMs)).items;
  }

  /** The project's limits and their use, by a reading that began less than `ageMaxMs` ago and after `sinceMs`. */
  async limits(ageMaxMs: number, sinceMs: number): Promise<ProjectLimits> {
    const startedMs = this.#clock.monotonicMs();
    const known = this.#inventory.limits;
    if (known !== undefined && known.startedMs > Math.max(startedMs - ageMaxMs, sinceMs)) return known.value;
    const { projectId } = await this.#session.token();
    const [nova, ports] = await Promise.all([this.#session.nova.readLimits(), this.#portQuota(projectId)]);
    const value = { nova, ports };
    const newest = this.#inventory.limits;
    if (newest === undefined || newest.startedMs < startedMs) this.#inventory.limits = { value, startedMs };
    return value;
  }

  /** Neutron being away says nothing of Nova's limits, and whoever makes a port is told by Neutron itself. */
  async #portQuota(projectId: string): Promise<NeutronQuota | undefined> {
    try {
      return await this.#session.neutron.readPortQuota(projectId);
    } catch (error) {
      if (!(error instanceof OpenStackError)) throw error;
      return this.#inventory.limits?.value.ports;
    }
  }

  /** Ports that this cluster made, those without tags too. Where the project has more pages of ports than sessions that
   *  would share them, each asks for its own: Neutron filters by tag and by description, Nova by nothing of ours. */
  async portsOfCluster(clusterUid: string, ageMaxMs: number): Promise<readonly NeutronPort[]> {
    const { ports, users } = this.#inventory;
    const shared = ports.pages() <= users;
    const found = shared ? (await ports.full(this.#ports, ageMaxMs)).items : await this.#listPortsOf(clusterUid);
    return found.filter((port) => clusterUidOf(port) === clusterUid);
  }

  /** Ports of one of these names, by an answer that was asked for at most `ageMaxMs` ago. */
  async portsNamed(names: readonly string[], ageMaxMs: number): Promise<readonly NeutronPort[]> {
    const { ports } = this.#inventory;
    const named = (found: readonly NeutronPort[]) => found.filter((port) => names.includes(port.name));
    const recent = ports.recentFull(ageMaxMs);
    // A port that was deleted since is in that listing, and is not there.
    if (recent !== undefined)
      return named(recent.items).filter(({ id }) => !this.#deletedPorts.has(id, recent.startedMs));
    return ports.ask({
      member: this.#ports,
      full: true,
      shares: ageMaxMs > 0,
      alone: async () => named((await Promise.all(names.map((name) => this.#listPorts({ name })))).flat()),
      pick: ({ items }) => named(items),
    });
  }

  /** Servers that carry this claim's uid and name, likewise; `nameLike` finds them when they are looked for alone. */
  async serversOfClaim(
    claim: { readonly uid: string; readonly name: string; readonly nameLike: string },
    ageMaxMs: number,
  ): Promise<readonly NovaServer[]> {
    const { servers } = this.#inventory;
    const own = (found: readonly NovaServer[]) =>
      found.filter(({ name, metadata }) => name === claim.name && metadata.get(SERVER_METADATA.claim) === claim.uid);
    const recent = servers.recentFull(ageMaxMs);
    if (recent !== undefined) return own(recent.items);
    return servers.ask({
      member: this.#servers,
      full: true,
      shares: ageMaxMs > 0,
      alone: async () => own(await this.#session.nova.listServers({ nameLike: claim.nameLike })),
      pick: ({ items }) => own(items),
    });
  }

  /** One server by a listing that began at most `ageMaxMs` ago, or by a new one, if it shows it; else by its id.
   *  undefined: Nova's own 404 to the id, now or a moment ago: an id is never given twice. */
  async server(id: string, ageMaxMs: number): Promise<NovaServer | undefined> {
    const { servers } = this.#inventory;
    const recent = shown(servers.recent(ageMaxMs)?.items, id);
    if (recent !== undefined) return recent;
    if (this.#absent.has(id, this.#clock.monotonicMs() - ABSENCE_STANDS_MS)) return undefined;
    const answer = await servers.ask({
      member: this.#servers,
      full: false,
      shares: true,
      alone: async () => ({ server: await this.serverById(id) }),
      pick: ({ items }) => {
        const server = shown(items, id);
        return server === undefined ? undefined : { server };
      },
    });
    return answer.server;
  }

  /** Live. undefined: Nova's own 404. */
  async serverById(id: string): Promise<NovaServer | undefined> {
    const server = await this.#session.nova.getServer(id);
    if (server === undefined) this.#absent.add(id, this.#clock.monotonicMs());
    return server;
  }

  /** Neutron has confirmed that it deleted the port. */
  portDeleted(id: string): void {
    this.#deletedPorts.add(id, this.#clock.monotonicMs());
  }

  /** Each once; a port has tag and description, or one of them. */
  async #listPortsOf(clusterUid: string): Promise<readonly NeutronPort[]> {
    const filters = [{ tags: clusterTag(clusterUid) }, { description: portMark(clusterUid) }];
    const found = await Promise.all(filters.map((filter) => this.#listPorts(filter)));
    return [...new Map(found.flat().map((port) => [port.id, port])).values()];
  }

  async #listPorts(filters: Readonly<Record<string, string>>): Promise<readonly NeutronPort[]> {
    const { projectId } = await this.#session.token(); // an administrator's list holds other projects' ports
    return this.#session.neutron.listPorts({ ...filters, project_id: projectId });
  }
}

/** A listing of changes shows deleted servers too; whether one is gone is asked by its id. So is what an ERROR is about where
 *  the listing does not say: Nova lists no fault of a server that got no host. */
function shown(servers: readonly NovaServer[] | undefined, id: string): NovaServer | undefined {
  return servers?.find(
    (server) =>
      server.id === id && server.status !== 'DELETED' && (server.status !== 'ERROR' || server.fault !== undefined),
  );
}
