// From patterns to nodes of the plan: each in a pool that may still have one, in the zone where that pool has the fewest.
import { isAllowed, type PackingProblem, type Pattern } from './bounds/packing-problem.ts';
import type { Item } from './deal-zones.ts';
import { addUnforkedNodes, countNewNodes, giveNewNode, type PlanDraft } from './plan-draft.ts';
import type { PodGroup } from './pod-groups.ts';
import type { Offer } from './pool-offers.ts';
import { NEW_NODES_MAX } from './pool-size.ts';
import type { PoolState } from './pool-state.ts';

/** Nodes of each pool by zone; counted up as nodes are added. */
export type ZoneCounts = ReadonlyMap<PoolState, Map<string, number>>;

/** What the patterns are of. */
export interface PatternsOf {
  readonly draft: PlanDraft;
  /** The problem's rows. */
  readonly items: readonly Item[];
  /** The problem's columns. */
  readonly offers: readonly Offer[];
  readonly problem: PackingProblem;
  /** Pools that pods cannot tell apart; the first of each has its offers in the problem. */
  readonly pools: readonly (readonly PoolState[])[];
  /** Of all pools. */
  readonly everyOffer: readonly Offer[];
}

/** Where the nodes of a pattern may stand in one pool. */
interface PoolPlaces {
  readonly pool: PoolState;
  readonly offers: readonly Offer[];
  readonly nodesIn: Map<string, number> | undefined;
}

/** Adds the nodes of patterns to a draft. */
export class PatternNodes {
  readonly #of: PatternsOf;
  readonly #zones: ZoneCounts;
  /** By pool, flavor and zone; made when a pool stands in for another. */
  #offerAt: ReadonlyMap<string, Offer> | undefined;
  /** Per pool and name of a flavor, the columns of its offers: one per zone. */
  readonly #columns = new Map<PoolState, Map<string, number[]>>();

  constructor(of: PatternsOf, zones: ZoneCounts) {
    this.#of = of;
    this.#zones = zones;
    of.offers.forEach(({ pool, template }, column) => {
      let flavors = this.#columns.get(pool);
      if (flavors === undefined) this.#columns.set(pool, (flavors = new Map()));
      const columns = flavors.get(template.flavor.name);
      if (columns === undefined) flavors.set(template.flavor.name, [column]);
      else columns.push(column);
    });
  }

  /** The nodes of a pattern with their pods, as many as limits allow: as few runs of equal nodes as pools and zones allow. */
  add(pattern: Pattern): 'done' | 'limit' {
    const { draft, pools } = this.#of;
    const twins = this.#twinsOf(pattern);
    const [own] = twins;
    if (own === undefined) return 'limit';
    const { flavor } = own.template;
    const alike = pools.find(([first]) => first === own.pool) ?? [];
    const contents = this.#contentsOf(pattern);
    const room = NEW_NODES_MAX - countNewNodes(draft);
    let left = Math.min(pattern.nodes, room);
    // A pool that may have no more of them now will not later: this plan only adds.
    for (const pool of alike) {
      const nodes = draft.budget.roomFor(pool, flavor, left);
      if (nodes === 0) continue;
      left -= nodes;
      const place = this.#placesIn(pool, twins);
      for (const { offer, count } of dealt(place, nodes)) {
        const node = addUnforkedNodes(draft, offer, { count, reason: '' });
        for (const content of contents) giveNewNode(draft, content.group, { node, count: content.count });
      }
    }
    if (left > 0) return 'limit';
    if (pattern.nodes > room) draft.cutShort.add(`scale-up stopped at ${NEW_NODES_MAX} new nodes in one plan`);
    return 'done';
  }

  /** The pattern's offer in all zones that its pods cannot tell apart. */
  #twinsOf(pattern: Pattern): readonly Offer[] {
    const { offers, problem } = this.#of;
    const own = offers[pattern.offer];
    if (own === undefined) throw new Error(`pattern of offer ${pattern.offer}: there are ${offers.length}`);
    const { axes, capacities } = problem;
    const roomOf = (offer: number): Float64Array => capacities.subarray(offer * axes, offer * axes + axes);
    const room = roomOf(pattern.offer);
    const columns = this.#columns.get(own.pool)?.get(own.template.flavor.name) ?? [];
    if (columns.length === 1) return [own];
    return columns.flatMap((column) => {
      if (!roomOf(column).every((amount, axis) => amount >= (room[axis] ?? 0))) return [];
      return pattern.shapes.every((item) => isAllowed(problem, item, column)) ? (offers[column] ?? []) : [];
    });
  }

  /** `twins` are offers of a pool that is like `pool`. */
  #placesIn(pool: PoolState, twins: readonly Offer[]): PoolPlaces {
    const nodesIn = this.#zones.get(pool);
    if (pool === twins[0]?.pool) return { pool, offers: twins, nodesIn };
    const known = (this.#offerAt ??= new Map(this.#of.everyOffer.map((offer) => [offerKey(offer, offer.pool), offer])));
    return { pool, offers: twins.flatMap((twin) => known.get(offerKey(twin, pool)) ?? []), nodesIn };
  }

  #contentsOf({ shapes, amounts }: Pattern): readonly { readonly group: PodGroup; readonly count: number }[] {
    const contents: { readonly group: PodGroup; readonly count: number }[] = [];
    for (let at = 0; at < shapes.length; at++) {
      const group = this.#of.items[shapes[at] ?? 0]?.group;
      const count = amounts[at] ?? 0;
      if (group !== undefined && count > 0) contents.push({ group, count });
    }
    return contents;
  }
}

function offerKey({ template }: Offer, pool: PoolState): string {
  return `${pool.name} ${template.flavor.name} ${template.zone}`;
}

/** `nodes` dealt one by one to the offer in the emptiest zone, the first of equally empty ones; counted in the place. */
function dealt(
  { offers, nodesIn }: PoolPlaces,
  nodes: number,
): readonly { readonly offer: Offer; readonly count: number }[] {
  const [only] = offers;
  if (only === undefined) throw new Error('a pattern must have an offer in each pool that is like its own');
  if (offers.length === 1) {
    nodesIn?.set(only.template.zone, (nodesIn.get(only.template.zone) ?? 0) + nodes);
    return [{ offer: only, count: nodes }];
  }
  const before = offers.map(({ template }) => nodesIn?.get(template.zone) ?? 0);
  const after = levelled(before, nodes);
  return offers.flatMap((offer, index) => {
    const there = after[index] ?? 0;
    const count = there - (before[index] ?? 0);
    if (count === 0) return [];
    nodesIn?.set(offer.template.zone, there);
    return [{ offer, count }];
  });
}

function levelled(counts: readonly number[], nodes: number): readonly number[] {
  const after = [...counts];
  for (let left = nodes; left > 0; left--) {
    let least = 0;
    for (let index = 1; index < after.length; index++) if ((after[index] ?? 0) < (after[least] ?? 0)) least = index;
    after[least] = (after[least] ?? 0) + 1;
  }
  return after;
}
