// The nodes that a pool could get now: each of its flavors in each of its zones, as template nodes with an image and a
// price; and, for those that it cannot get (unknown flavor, no image, standing fault), why. With a thousand flavors that is
// most of what a small plan costs, so it is kept for as long as everything that it is worked out of is the same.
import type { Backoff, ClusterObjects, Flavor } from '../cluster/cluster-objects.ts';
import type { Reason } from '../api/conditions.ts';
import { templateNode, type TemplateNode } from '../scheduling/template-node.ts';
import { compareText } from './claim-facts.ts';
import { floatingIpRefusals } from './floating-ip-refusals.ts';
import type { Refused } from './node-limits.ts';
import type { PoolState } from './pool-state.ts';
import { pricePerHour } from './price-model.ts';

export interface Offer {
  readonly pool: PoolState;
  readonly template: TemplateNode;
  readonly imageId: string;
  readonly pricePerHour: number;
}

export interface PoolOffers {
  /** Cheapest first, then by flavor and zone. */
  readonly offers: readonly Offer[];
  /** Offers that a standing fault forbids for now; in the pool's order of flavors. */
  readonly held: readonly { readonly offer: Offer; readonly why: Refused }[];
  /** What the spec names and the project does not have. */
  readonly refused: readonly Refused[];
}

/** Everything that `pool` could get, whatever its size may be. */
export function offersOf(pool: PoolState, objects: ClusterObjects): PoolOffers {
  const { all, refused } = builtFor(pool, objects);
  if (objects.backoffs.length === 0) return { offers: all, held: [], refused };
  const offers: Offer[] = [];
  const held: { readonly offer: Offer; readonly why: Refused }[] = [];
  for (const offer of all) {
    const { flavor, zone } = offer.template;
    const why = faultAgainst(objects, { pool: pool.name, flavor: flavor.name, zone });
    if (why === undefined) offers.push(offer);
    else held.push({ offer, why });
  }
  held.sort((a, b) => rankOf(pool, a.offer) - rankOf(pool, b.offer));
  return { offers, held, refused };
}

/** What the spec of a pool names and cannot get: flavors, images, zones. Standing faults are not told here. */
export function specRefusals(pool: PoolState, objects: ClusterObjects): readonly Refused[] {
  const { cluster, flavors, targets } = objects;
  const known = knownRefusals.get(pool);
  if (known?.cluster === cluster && known.flavors === flavors && known.targets === targets) return known.refused;
  const refused = [
    ...floatingIpRefusals(pool, objects),
    ...zonesOf(pool, objects).refused,
    ...pool.settings.flavors.flatMap((name) => flavorRefusal(name, objects) ?? []),
  ];
  knownRefusals.set(pool, { cluster, flavors, targets, refused });
  return refused;
}

/** Apart from the offers: every plan asks for them, and what a Node says, which changes all the time, is no part of them. */
const knownRefusals = new WeakMap<
  PoolState,
  Pick<ClusterObjects, 'cluster' | 'flavors' | 'targets'> & { readonly refused: readonly Refused[] }
>();

interface Built {
  /** Faults aside; cheapest first. */
  readonly all: readonly Offer[];
  readonly refused: readonly Refused[];
}

/** What the offers of a pool are worked out of, besides the pool and its claims, which are its state's. */
type Origin = Pick<
  ClusterObjects,
  'cluster' | 'flavors' | 'targets' | 'prices' | 'daemonSets' | 'nodes' | 'csiNodes' | 'resourceSlices'
>;

const builtOffers = new WeakMap<PoolState, { readonly origin: Origin; readonly built: Built }>();

function builtFor(pool: PoolState, objects: ClusterObjects): Built {
  const known = builtOffers.get(pool);
  if (known !== undefined && isSameOrigin(pool, known.origin, objects)) return known.built;
  const built = buildOffers(pool, objects);
  const { cluster, flavors, targets, prices, daemonSets, nodes, csiNodes, resourceSlices } = objects;
  const devices = resourceSlices === undefined ? {} : { resourceSlices };
  const origin = { cluster, flavors, targets, prices, daemonSets, nodes, csiNodes, ...devices };
  builtOffers.set(pool, { origin, built });
  return built;
}

/** Nodes tell of the nodes to come only where the pool has some. */
function isSameOrigin(pool: PoolState, one: Origin, other: Origin): boolean {
  if (one.cluster !== other.cluster || one.flavors !== other.flavors || one.targets !== other.targets) return false;
  if (one.prices !== other.prices || one.resourceSlices !== other.resourceSlices) return false;
  const daemonSets = one.daemonSets.length === other.daemonSets.length;
  if (!daemonSets || one.daemonSets.some((daemonSet, at) => daemonSet !== other.daemonSets[at])) return false;
  if (pool.claims.length === 0 && one.resourceSlices === undefined) return true;
  return one.nodes === other.nodes && one.csiNodes === other.csiNodes;
}

function buildOffers(pool: PoolState, objects: ClusterObjects): Built {
  const all: Offer[] = [];
  // Without an external network none of its nodes can be as the pool says.
  const zones = floatingIpRefusals(pool, objects).length > 0 ? [] : zonesOf(pool, objects).zones;
  for (const name of pool.settings.flavors) {
    const flavor = flavorNamed(name, objects);
    const image = imageFor(name, objects);
    if (flavorRefusal(name, objects) !== undefined || flavor === undefined || image === undefined) continue;
    const price = pricePerHour(flavor, objects.prices);
    for (const zone of zones) {
      const template = templateNode({ pool: pool.pool, flavor, zone, objects });
      all.push({ pool, template, imageId: image.id, pricePerHour: price });
    }
  }
  return { all: all.sort(compareOffers), refused: specRefusals(pool, objects) };
}

/** Where the pool names the offer's flavor. */
function rankOf(pool: PoolState, { template }: Offer): number {
  return pool.settings.flavors.indexOf(template.flavor.name);
}

function compareOffers(a: Offer, b: Offer): number {
  return (
    a.pricePerHour - b.pricePerHour ||
    compareText(a.template.flavor.name, b.template.flavor.name) ||
    compareText(a.template.zone, b.template.zone)
  );
}

/** The zones that the pool may use; one empty name, the cloud's choice, when neither it nor the cloud names any. */
function zonesOf(pool: PoolState, objects: ClusterObjects): { zones: readonly string[]; refused: readonly Refused[] } {
  const known = objects.targets.zones;
  const { zones } = pool.settings;
  if (zones.length === 0) return { zones: known.length === 0 ? [''] : known, refused: [] };
  const usable = zones.filter((zone) => known.includes(zone));
  const missing = zones.filter((zone) => !known.includes(zone));
  return {
    zones: [...usable].sort(compareText),
    refused: missing.map((zone) => ({
      reason: 'InvalidSpec',
      message: `availability zone '${zone}' takes no servers; the project's zones are ${listed(known)}`,
    })),
  };
}

const flavorNames = new WeakMap<readonly Flavor[], ReadonlyMap<string, Flavor>>();

/** The first of this name. */
function flavorNamed(name: string, { flavors }: ClusterObjects): Flavor | undefined {
  let byName = flavorNames.get(flavors);
  if (byName === undefined) {
    byName = new Map(flavors.toReversed().map((flavor) => [flavor.name, flavor]));
    flavorNames.set(flavors, byName);
  }
  return byName.get(name);
}

/** The first image that is for every flavor or for this one. */
function imageFor(flavor: string, objects: ClusterObjects): { readonly id: string } | undefined {
  return objects.targets.images.find((image) => image.flavors?.includes(flavor) ?? true);
}

function flavorRefusal(name: string, objects: ClusterObjects): Refused | undefined {
  const flavor = flavorNamed(name, objects);
  if (flavor === undefined) {
    const names = objects.flavors.map((flavor) => flavor.name).sort(compareText);
    return {
      reason: 'FlavorUnknown',
      message: `the project has no flavor '${name}'; it has ${listed(names)}`,
    };
  }
  // Nova refuses it (policy zero_disk_flavor), or builds a server whose disk is only as large as the image.
  if (flavor.diskGiB === 0) {
    return {
      reason: 'InvalidSpec',
      message: `flavor '${name}' has no disk of its own: boot from volume is not supported yet; choose a flavor with a disk`,
    };
  }
  const allowed = objects.cluster.spec.ceilings?.flavorsAllowed;
  if (allowed !== undefined && !allowed.includes(name)) {
    return {
      reason: 'CeilingReached',
      message: `the operator does not allow flavor '${name}'; allowed are ${listed([...allowed].sort(compareText))}`,
    };
  }
  if (imageFor(name, objects) === undefined) {
    return {
      reason: 'InvalidSpec',
      message: `no image of the WorkloadCluster is meant for flavor '${name}'; the operator can add one under spec.openstack.images`,
    };
  }
  return undefined;
}

const FAULT_REASONS: Readonly<Record<Backoff['kind'], Reason>> = {
  capacity: 'OutOfCapacity',
  quota: 'QuotaExceeded',
  credentials: 'CredentialsInvalid',
  invalidSpec: 'CloudRejectsSpec',
  unavailable: 'CloudUnavailable',
  throttled: 'CloudUnavailable',
  provisionTimeout: 'ProvisionTimeout',
};

/** The standing fault that forbids a try, if any. A fault concerns only what it is about: capacity a flavor and zone
 *  (of any pool), a rejected spec and nodes that do not join their pool; the rest names no pool, flavor or zone, and so
 *  concerns the whole project, unless it is about something that only this pool asks for. */
function faultAgainst(
  objects: ClusterObjects,
  what: { readonly pool: string; readonly flavor: string; readonly zone: string },
): Refused | undefined {
  const standing = objects.backoffs
    .filter((backoff) => backoff.untilMs > objects.observedAtMs && concerns(backoff, what))
    .sort((a, b) => b.untilMs - a.untilMs || compareText(a.kind, b.kind) || compareText(a.message, b.message));
  const [longest] = standing;
  if (longest === undefined) return undefined;
  // The instant, not the time left: that would be another text in each pass, and a condition to write each second.
  const until = `${new Date(Math.ceil(longest.untilMs / 1000) * 1000).toISOString().slice(0, 19)}Z`;
  const where = what.zone === '' ? '' : ` in zone ${what.zone}`;
  return {
    reason: FAULT_REASONS[longest.kind],
    message: `flavor ${what.flavor}${where} waits until ${until} after: ${longest.message}`,
  };
}

function concerns(
  backoff: Backoff,
  what: { readonly pool: string; readonly flavor: string; readonly zone: string },
): boolean {
  const { kind, flavor, zone, pool } = backoff;
  return (
    (flavor === '' || flavor === what.flavor) &&
    (zone === '' || zone === what.zone) &&
    ((kind === 'capacity' && backoff.poolOnly !== true) || pool === '' || pool === what.pool)
  );
}

/** Names for a message: enough to choose from, not a page. */
function listed(names: readonly string[]): string {
  const SHOWN = 10;
  if (names.length === 0) return 'none';
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return names.slice(0, SHOWN).join(', ') + more;
}
