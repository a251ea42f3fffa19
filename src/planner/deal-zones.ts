// Deals the pods of plain groups over zones, before they are packed: those that spread constraints count evenly, zone after
// zone; groups that want to be together into one zone. What cannot be dealt so is for the fork.
import { LABELS } from '../api/names.ts';
import type { PodShape } from '../cluster/cluster-objects.ts';
import type { SortedDemand } from './plain-demand.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { PodGroup } from './pod-groups.ts';
import type { ZoneCluster, ZoneConstraint } from './spread-rules.ts';

/** Equal pods that go to one zone, or anywhere (undefined); they are asked for as they are. */
export interface Item {
  readonly group: PodGroup;
  /** The group's. */
  readonly shape: PodShape;
  readonly count: number;
  readonly zone: string | undefined;
}

export interface Dealt {
  readonly items: readonly Item[];
  /** Whose rules cannot be kept so: their zones are not all offered, or the rest would be uneven. */
  readonly unsuited: ReadonlySet<PodGroup>;
}

export interface Dealing {
  readonly demand: SortedDemand;
  /** Plain groups with pods that have no place. */
  readonly groups: readonly PodGroup[];
  /** One item for each of them. */
  readonly whole: readonly Item[];
  /** All zones in which there may be new nodes, sorted. */
  readonly zones: readonly string[];
  /** Which offers take the group's pods now. */
  readonly taking: (group: PodGroup) => Taking;
}

export interface Taking {
  /** Zones that have one. */
  readonly zones: ReadonlySet<string>;
  /** It is all of them. */
  readonly all: boolean;
}

/** Constraints that turn out uneven make others so: as many turns until all rest is entangled. */
const TURNS_MAX = 3;

interface Table {
  readonly dealing: Dealing;
  readonly constraints: readonly ZoneConstraint[];
  /** Per constraint, how many counted pods each zone has. */
  readonly counts: ReadonlyMap<ZoneConstraint, number[]>;
  readonly constraintsOf: ReadonlyMap<PodGroup, readonly ZoneConstraint[]>;
  /** What was dealt to each zone, in the worth of requests. */
  readonly loads: number[];
  readonly items: Item[];
}

/** The rest of the group, wherever it goes. */
export function wholeGroup(group: PodGroup): Item {
  return { group, shape: group.shape, count: group.pods.length - group.placed, zone: undefined };
}

/** The groups as items: one for each zone that gets some of their pods. */
export function dealOverZones(draft: PlanDraft, dealing: Dealing): Dealt {
  const { demand, groups } = dealing;
  if (demand.zoneConstraints.length + demand.clusters.length === 0)
    return { items: dealing.whole, unsuited: new Set() };
  const there = placedByZone(draft, dealing);
  const clusters = new Map<ZoneCluster, number>();
  const unsuited = new Set<PodGroup>();
  for (const cluster of demand.clusters) {
    const zone = zoneFor(dealing, cluster, there);
    if (zone === undefined) for (const group of cluster) unsuited.add(group);
    else clusters.set(cluster, zone);
  }
  // A node in a zone that is not offered would be the emptiest, and a node without one is in none.
  const { zones } = dealing;
  const elsewhere = draft.snapshot.nodes.some((node) => !zones.includes(node.labels.get(LABELS.zone) ?? ''));
  const dealable = zones.includes('') || elsewhere ? [] : demand.zoneConstraints;
  let constraints = dealable.filter((constraint) => isOpen(dealing, constraint, there));
  for (let turn = 1; ; turn += 1) {
    const out = new Set([...unsuited, ...carriersBut(demand, constraints)]);
    const rest = groups.filter((group) => !out.has(group));
    if (dealing.zones.length === 1)
      return { items: out.size === 0 ? dealing.whole : rest.map(wholeGroup), unsuited: out };
    const table = deal({ ...dealing, groups: rest }, { constraints, clusters, there });
    const even = constraints.filter((constraint) => isEven(table, constraint));
    if (even.length === constraints.length) return { items: table.items, unsuited: out };
    constraints = turn < TURNS_MAX ? even : [];
  }
}

function carriersBut(demand: SortedDemand, constraints: readonly ZoneConstraint[]): readonly PodGroup[] {
  const kept = new Set(constraints);
  return demand.zoneConstraints.flatMap((one) => (kept.has(one) ? [] : [...one.carriers]));
}

function isEven({ counts }: Table, constraint: ZoneConstraint): boolean {
  const perZone = counts.get(constraint) ?? [];
  return Math.max(...perZone) - Math.min(...perZone) <= constraint.maxSkew;
}

/** Pods of plain groups on nodes of this plan, by zone; groups without any are left out. */
function placedByZone(draft: PlanDraft, { demand, zones }: Dealing): ReadonlyMap<PodGroup, readonly number[]> {
  const there = new Map<PodGroup, number[]>();
  if (draft.newNodes.length === 0) return there;
  const counted = [
    ...demand.zoneConstraints.flatMap((one) => one.counted),
    ...demand.clusters.flatMap((one) => [...one]),
  ];
  const groupOf = new Map(counted.map((group) => [group.pods, group]));
  for (const { offer, pods } of draft.newNodes) {
    const zone = zones.indexOf(offer.template.zone);
    for (const range of pods) {
      const group = groupOf.get(range.pods);
      if (group === undefined) continue;
      const perZone = there.get(group) ?? zones.map(() => 0);
      there.set(group, perZone);
      perZone[zone] = (perZone[zone] ?? 0) + range.to - range.from;
    }
  }
  return there;
}

/** Whether all its carriers may go to all zones, and all that it counts is known. */
function isOpen(
  { zones, taking }: Dealing,
  { carriers, counted, minDomains }: ZoneConstraint,
  there: ReadonlyMap<PodGroup, readonly number[]>,
): boolean {
  if (minDomains > zones.length) return false;
  const known = counted.every((group) => group.placed === sum(there.get(group) ?? []));
  // Nodes that a carrier may not use would count for others and not for it.
  const alone = carriers.size === 1 && counted.every((group) => carriers.has(group));
  const fits = (group: PodGroup): boolean => taking(group).zones.size === zones.length && (alone || taking(group).all);
  return known && [...carriers].every(fits);
}

/** The zone of those that have a place, else the one with the fewest pods of other clusters among those that take all. */
function zoneFor(
  { zones, taking }: Dealing,
  cluster: ZoneCluster,
  there: ReadonlyMap<PodGroup, readonly number[]>,
): number | undefined {
  const groups = [...cluster];
  const used = zones.flatMap((_, zone) => (groups.some((group) => (there.get(group)?.[zone] ?? 0) > 0) ? [zone] : []));
  const known = groups.every((group) => group.placed === sum(there.get(group) ?? []));
  if (!known || used.length > 1) return undefined;
  const open = zones.flatMap((name, zone) => (groups.every((group) => taking(group).zones.has(name)) ? [zone] : []));
  const [only] = used;
  if (only !== undefined) return open.includes(only) ? only : undefined;
  return open.length === 0 || zones[open[0] ?? 0] === '' ? undefined : ANY;
}

/** Dealing decides. */
const ANY = -1;

function deal(
  dealing: Dealing,
  of: {
    readonly constraints: readonly ZoneConstraint[];
    readonly clusters: ReadonlyMap<ZoneCluster, number>;
    readonly there: ReadonlyMap<PodGroup, readonly number[]>;
  },
): Table {
  const { zones, groups } = dealing;
  const constraintsOf = new Map<PodGroup, ZoneConstraint[]>();
  const counts = new Map<ZoneConstraint, number[]>();
  for (const constraint of of.constraints) {
    counts.set(
      constraint,
      zones.map((_, zone) => sum(constraint.counted.map((group) => of.there.get(group)?.[zone] ?? 0))),
    );
    for (const group of constraint.counted) {
      const known = constraintsOf.get(group);
      if (known === undefined) constraintsOf.set(group, [constraint]);
      else known.push(constraint);
    }
  }
  const table: Table = {
    dealing,
    constraints: of.constraints,
    counts,
    constraintsOf,
    loads: zones.map(() => 0),
    items: [],
  };
  const open = new Set(groups);
  const clustered = new Set<PodGroup>();
  for (const [cluster, zone] of of.clusters) {
    const members = [...cluster].filter((group) => open.has(group));
    for (const group of members) clustered.add(group);
    giveCluster(table, members, zone);
  }
  for (const group of groups) {
    if (clustered.has(group)) continue;
    const count = group.pods.length - group.placed;
    if (constraintsOf.has(group)) giveEvenly(table, group, count);
    else table.items.push(wholeGroup(group));
  }
  return table;
}

function giveCluster(table: Table, members: readonly PodGroup[], fixed: number): void {
  const { zones, taking } = table.dealing;
  const open = zones.flatMap((name, zone) => (members.every((group) => taking(group).zones.has(name)) ? [zone] : []));
  const load = (zone: number): number => table.loads[zone] ?? 0;
  const zone = fixed !== ANY ? fixed : open.reduce((best, one) => (load(one) < load(best) ? one : best), open[0] ?? 0);
  for (const group of members) give(table, group, { zone, count: group.pods.length - group.placed });
}

/** One pod after another to the zone with the fewest counted ones; of equal ones to the first, so that the odd pods of all
 *  groups share nodes, and the others need none for a few of them. */
function giveEvenly(table: Table, group: PodGroup, count: number): void {
  const { zones, taking } = table.dealing;
  const own = (table.constraintsOf.get(group) ?? []).map((constraint) => table.counts.get(constraint) ?? []);
  const given = new Int32Array(zones.length);
  const heights = Float64Array.from(zones.map((_, zone) => sum(own.map((counts) => counts[zone] ?? 0))));
  const open = zones.flatMap((name, zone) => (taking(group).zones.has(name) ? [zone] : []));
  const [first] = open;
  if (first === undefined) return;
  for (let pod = 0; pod < count; pod += 1) {
    let zone = first;
    for (let at = 1; at < open.length; at += 1) {
      const other = open[at] ?? first;
      if ((heights[other] ?? 0) < (heights[zone] ?? 0)) zone = other;
    }
    given[zone] = (given[zone] ?? 0) + 1;
    heights[zone] = (heights[zone] ?? 0) + own.length;
  }
  zones.forEach((_, zone) => give(table, group, { zone, count: given[zone] ?? 0 }));
}

function give(table: Table, group: PodGroup, to: { readonly zone: number; readonly count: number }): void {
  const { zone, count } = to;
  if (count === 0) return;
  for (const constraint of table.constraintsOf.get(group) ?? []) {
    const perZone = table.counts.get(constraint);
    if (perZone !== undefined) perZone[zone] = (perZone[zone] ?? 0) + count;
  }
  table.loads[zone] = (table.loads[zone] ?? 0) + count * group.worth;
  table.items.push({ group, shape: group.shape, count, zone: table.dealing.zones[zone] });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
