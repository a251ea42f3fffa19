// What the planner may know of the cloud: flavors, resolved targets, quota, prices, and which servers stand.
// Each fact has its own refresh interval; a fact that cannot be refreshed is used until it is too old, then it is an
// error. Never turns a failure into an empty answer. Above 250 lines because each fact brings its interval and its age.
import { createHash } from 'node:crypto';
import type { NodeClaim } from '../api/node-claim.ts';
import type { CloudTargets, Flavor, Quota } from '../cluster/cluster-objects.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { Plan } from '../planner/plan.ts';
import { CachedFact } from './cached-fact.ts';
import type { ClusterContext } from './cluster-context.ts';
import { isPortError, PortError } from './port-errors.ts';
import { QuotaShares } from './quota-shares.ts';
import { readPrices } from './read-prices.ts';

export interface CloudReading {
  readonly flavors: readonly Flavor[];
  readonly targets: CloudTargets;
  readonly quota: Quota;
  readonly prices: ReadonlyMap<string, number> | undefined;
  /** Facts that could not be refreshed; the values above are then older ones, or stand for "none". */
  readonly faults: readonly PortError[];
}

interface CountedQuota {
  readonly quota: Quota;
  /** Uids of the claims whose servers were there when it was read. */
  readonly counted: ReadonlySet<string>;
  /** Monotonic time before which it was asked for. */
  readonly readMs: number;
}

export interface ServerList {
  readonly ids: ReadonlySet<string>;
  /** Wall clock at which the listing began, or a little earlier. */
  readonly listedAtMs: number;
}

const MINUTE_MS = 60_000;
/** Operators add flavors, images and zones now and then; ten minutes is what they wait for it. */
const CATALOG_INTERVAL_MS = 10 * MINUTE_MS;
/** Ids of flavors and networks do not change; an hour bridges a Keystone outage. */
const CATALOG_AGE_MAX_MS = 60 * MINUTE_MS;
/** A raised quota is acted on within a minute, and so is what others in the project use up: half of it, as the refresh is
 *  begun by one pass of the loop and seen by the next, and passes are 10 s apart when nothing happens. */
const QUOTA_INTERVAL_MS = 30_000;
/** One reading serves every cluster of the project that asks within this time. */
const QUOTA_SHARED_MS = 20_000;
/** Longer, and others in the project may have used it up. */
const QUOTA_AGE_MAX_MS = 10 * MINUTE_MS;
/** After our own deletes quota is read anew, but not more often: a burst of a hundred is a few readings. */
const QUOTA_GAP_MS = 1000;
/** After our own creates, which we count ourselves until a reading does: while fifty servers come up one after the other
 *  there is always a new one, and Neutron counts all that the project has for each answer. */
const QUOTA_GROWTH_GAP_MS = 10_000;
/** A person edits prices seldom, yet expects to see it. */
const PRICES_INTERVAL_MS = MINUTE_MS;
const PRICES_AGE_MAX_MS = 24 * 60 * MINUTE_MS;
/** The second source of the mass-change guard; one page per thousand servers. */
const SERVERS_INTERVAL_MS = MINUTE_MS;
const SERVERS_AGE_MAX_MS = 2 * MINUTE_MS;
/** The sweep of the inventory lists as often, and so do other clusters of the project: one listing serves all. */
const SERVERS_SHARED_MS = 45_000;

/** Without an image no flavor is offered. */
const NO_TARGETS: CloudTargets = { networkId: '', subnetId: undefined, images: [], zones: [], region: '' };

/** Facts of one cluster's project, kept fresh. */
export class CloudFacts {
  readonly #context: ClusterContext;
  readonly #flavors: CachedFact<readonly Flavor[]>;
  readonly #targets: CachedFact<CloudTargets>;
  readonly #quota: CachedFact<CountedQuota>;
  readonly #prices: CachedFact<ReadonlyMap<string, number>>;
  readonly #servers: CachedFact<ServerList>;
  /** Uids of the claims with a server, as of the present reading. */
  #using: ReadonlySet<string> = new Set();
  /** Those that the newest quota counts. */
  #counted: ReadonlySet<string> = new Set();
  #compared:
    | {
        readonly using: ReadonlySet<string>;
        readonly counted: ReadonlySet<string>;
        readonly came: boolean;
        readonly went: boolean;
      }
    | undefined;
  #claims: readonly NodeClaim[] | undefined;
  #serving: readonly NodeClaim[] = [];
  #quotaReadMs = Number.NEGATIVE_INFINITY;
  readonly #shares: QuotaShares;
  #targetsKey = '';
  #pricesName = '';

  constructor(context: ClusterContext) {
    this.#context = context;
    const { clock, random, cloud } = context;
    this.#shares = new QuotaShares(cloud.quotaHolds);
    const catalog = { clock, random, intervalMs: CATALOG_INTERVAL_MS, ageMaxMs: CATALOG_AGE_MAX_MS };
    this.#flavors = new CachedFact({ ...catalog, name: 'flavors', load: () => cloud.listFlavors() });
    this.#targets = new CachedFact({
      ...catalog,
      name: 'targets',
      load: () => cloud.resolveTargets(context.cluster()),
    });
    this.#quota = new CachedFact({
      clock,
      random,
      name: 'quota',
      intervalMs: QUOTA_INTERVAL_MS,
      ageMaxMs: QUOTA_AGE_MAX_MS,
      load: () => this.#readQuota(),
    });
    this.#prices = new CachedFact({
      clock,
      random,
      name: 'prices',
      intervalMs: PRICES_INTERVAL_MS,
      ageMaxMs: PRICES_AGE_MAX_MS,
      load: () => readPrices(context, this.#pricesName),
    });
    this.#servers = new CachedFact({
      clock,
      random,
      name: 'servers',
      intervalMs: SERVERS_INTERVAL_MS,
      ageMaxMs: SERVERS_AGE_MAX_MS,
      load: async () => {
        // It may have been taken for somebody else, this long ago.
        const listedAtMs = clock.nowMs() - SERVERS_SHARED_MS;
        const servers = await cloud.listServers(context.clusterUid, { ageMaxMs: SERVERS_SHARED_MS });
        return { ids: new Set(servers.map((server) => server.id)), listedAtMs };
      },
    });
  }

  /** All facts; `claims` tell whether quota has moved since it was read. Rejects with the PortError of a fact that was
   *  never read or is too old. Names in the spec that do not resolve are a fault in the reading. */
  async read(claims: readonly NodeClaim[]): Promise<CloudReading> {
    const { cloud } = this.#context;
    const cluster = this.#context.cluster();
    const targetsKey = createHash('sha256').update(JSON.stringify(cluster.spec.openstack)).digest('hex');
    const pricesName = cluster.spec.pricesRef?.name ?? '';
    if (targetsKey !== this.#targetsKey) this.#targets.forget();
    if (pricesName !== this.#pricesName) this.#prices.forget();
    this.#targetsKey = targetsKey;
    this.#pricesName = pricesName;

    const flavors = await this.#flavors.read();
    const targets = await this.#targetsOrNone();
    this.#use(claims);
    const { came, went } = this.#sinceCounted();
    if (came) this.#quota.stale(QUOTA_GROWTH_GAP_MS);
    if (went || cloud.quotaHolds.movedMs() > this.#quotaReadMs) this.#quota.stale(QUOTA_GAP_MS);
    const { quota, counted, readMs } = await this.#quota.read();
    this.#counted = counted;
    this.#quotaReadMs = readMs;
    const prices = pricesName === '' ? undefined : await this.#pricesOrNone();
    const uncounted = this.#allCounted() ? [] : this.#serving.filter((claim) => !counted.has(claim.metadata.uid));
    const facts = [this.#flavors, this.#targets, this.#quota, this.#prices];
    return {
      flavors,
      targets,
      quota: this.#shares.share(quota, { claims, uncounted, flavors }),
      prices,
      faults: facts.map((fact) => fact.fault()).filter((fault) => fault !== undefined),
    };
  }

  /** Looked for once per list of claims. */
  #use(claims: readonly NodeClaim[]): void {
    if (this.#claims === claims) return;
    this.#claims = claims;
    this.#serving = claimsWithServer(claims);
    this.#using = new Set(this.#serving.map((claim) => claim.metadata.uid));
  }

  /** The newest quota counts the servers of the present reading and no others. */
  #allCounted(): boolean {
    const { came, went } = this.#sinceCounted();
    return !came && !went;
  }

  /** Whether there are servers that the newest quota does not count, and whether it counts some that are no more; compared
   *  once per pair of them. */
  #sinceCounted(): { readonly came: boolean; readonly went: boolean } {
    const [using, counted] = [this.#using, this.#counted];
    if (this.#compared?.using !== using || this.#compared.counted !== counted) {
      this.#compared = { using, counted, came: !isSubset(using, counted), went: !isSubset(counted, using) };
    }
    return this.#compared;
  }

  /** This cluster's servers by a complete and recent list; undefined when there is none. */
  async servers(): Promise<ServerList | undefined> {
    try {
      return await this.#servers.read();
    } catch (error) {
      if (!isPortError(error)) throw error;
      return undefined; // no second source is an answer of its own: the guard then confirms nothing by it
    }
  }

  /** Keeps what the plan's new nodes need from the other clusters of the project, from this moment on. Returns why it
   *  cannot: they took it since the snapshot. */
  hold(plan: Plan, snapshot: ClusterSnapshot): string | undefined {
    return this.#shares.hold(
      plan.steps.flatMap((step) => (step.kind === 'createClaims' ? step.names.numbers.map(() => step) : [])),
      snapshot.objects,
    );
  }

  async #readQuota(): Promise<CountedQuota> {
    const counted = this.#using;
    // Another cluster's reading counts our servers only if it knew of them all.
    const ageMaxMs = this.#allCounted() ? QUOTA_SHARED_MS : 0;
    const readMs = this.#context.clock.monotonicMs();
    const projectId = await this.#context.cloud.currentProjectId();
    const pinned = this.#context.cluster().spec.openstack.projectId;
    if (projectId !== pinned) {
      throw new PortError(
        'credentials',
        `The credentials are for project ${projectId}, spec.openstack.projectId is ${pinned}`,
      );
    }
    return { quota: await this.#context.cloud.readQuota({ ageMaxMs }), counted, readMs };
  }

  /** Names in the spec that do not resolve keep nodes from being created, not from being removed or explained. */
  async #targetsOrNone(): Promise<CloudTargets> {
    try {
      return await this.#targets.read();
    } catch (error) {
      if (!isPortError(error, 'invalidSpec')) throw error;
      return NO_TARGETS;
    }
  }

  /** Prices are a preference, not a condition: without them the stated model serves, and the problem is said. */
  async #pricesOrNone(): Promise<ReadonlyMap<string, number> | undefined> {
    try {
      return await this.#prices.read();
    } catch (error) {
      if (!isPortError(error)) throw error;
      return undefined;
    }
  }
}

function claimsWithServer(claims: readonly NodeClaim[]): readonly NodeClaim[] {
  return claims.filter((claim) => claim.status?.serverId !== undefined && claim.status.serverGoneAt === undefined);
}

function isSubset(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  return [...part].every((item) => whole.has(item));
}
