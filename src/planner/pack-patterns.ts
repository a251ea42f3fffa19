// New nodes for pods that can be packed by their sizes alone: their demand becomes a packing problem of numbers, whose
// patterns (what fills a node, and how many nodes are filled so) become nodes of the plan.
import { alikePools } from './alike-pools.ts';
import { type Exclusion, isAllowed, NO_LIMIT, type PackingProblem } from './bounds/packing-problem.ts';
import { choosePatterns, PATTERN_DEFAULTS, type PatternChoice } from './patterns/choose-patterns.ts';
import type { PatternsAsked } from './patterns/improved-patterns.ts';
import { FIXED_AXES, type NodeOffered, problemOfPods } from './patterns/problem-of-pods.ts';
import { dealOverZones, type Item, type Taking, wholeGroup } from './deal-zones.ts';
import { flavorWishes, wishedFlavors } from './flavor-wishes.ts';
import type { SortedDemand } from './plain-demand.ts';
import { PatternNodes, type ZoneCounts } from './pattern-nodes.ts';
import { countNewNodes, type PlanDraft } from './plan-draft.ts';
import type { PodGroup } from './pod-groups.ts';
import type { Offer } from './pool-offers.ts';
import { NEW_NODES_MAX } from './pool-size.ts';
import type { PoolState } from './pool-state.ts';

/** A limit that several pools share (quota, a ceiling) shows only when it is reached; then the rest is packed again without
 *  the offers that it forbids. More often than this says that limits are in the way everywhere. */
const REPACKS_MAX = 4;
/** When a pool's maxNodes is too low for the cheapest nodes: the least size tried instead, as part of what each of the nodes that
 *  it may have would hold if they were all alike. */
const PARTS_OF_AVERAGE = [0.5, 1];
/** Added to the tier of flavors that are smaller than wished: more than two priorities of pools are ever apart. */
const SMALL_TIERS = 2_000_001;

interface Packing {
  readonly draft: PlanDraft;
  readonly demand: SortedDemand;
  /** What is asked for in one round: rows and columns of the problem. */
  readonly items: readonly Item[];
  readonly offers: readonly Offer[];
  readonly problem: PackingProblem;
  /** Pools that pods cannot tell apart; the first of each has its offers in the problem. */
  readonly pools: readonly (readonly PoolState[])[];
  /** Nothing that could be had is left out of `problem`, and it asks for no more than a bound does. */
  readonly free: boolean;
  /** All of them; `offers` are those of the first of each alike. */
  readonly everyOffer: readonly Offer[];
}

type Asked = Pick<Packing, 'demand' | 'offers' | 'pools'>;

/** Adds nodes for the plain groups of `demand`; what has no place afterwards has none by its size, or met a limit. Returns
 *  the groups that turned out not to be plain here, because they could not be dealt over the zones. */
export function packPatterns(
  draft: PlanDraft,
  demand: SortedDemand,
  options: { readonly offers: readonly Offer[]; readonly zones: ZoneCounts },
): readonly PodGroup[] {
  const unsuited = new Set<PodGroup>();
  const places = [...options.offers, ...draft.newNodes.map((node) => node.offer)];
  const names = [...new Set(places.map((offer) => offer.template.zone))].sort();
  for (let round = 0; round < REPACKS_MAX; round++) {
    const offers = options.offers.filter(
      ({ pool, template }) => draft.budget.refusal(pool, template.flavor) === undefined,
    );
    const groups = demand.plain.filter((group) => group.placed < group.pods.length && !unsuited.has(group));
    if (offers.length === 0 || groups.length === 0) break;
    const all = offers.length === options.offers.length;
    const packing = openPacking(draft, { demand, groups, offers, all, unsuited, names });
    const { patterns, cutShort } = mostPlaced(packing);
    if (cutShort) draft.cutShort.add('the search for the best mix of new nodes stopped at its step limit');
    const nodes = new PatternNodes(packing, options.zones);
    const met = patterns.map((pattern) => nodes.add(pattern));
    if (!met.includes('limit')) break;
  }
  return [...unsuited];
}

/** The problem of one round. Groups that look at zones become one item per zone, or are noted as unsuited. */
function openPacking(
  draft: PlanDraft,
  of: Pick<Packing, 'demand' | 'offers'> & {
    readonly groups: readonly PodGroup[];
    /** No offer is left out because of a limit. */
    readonly all: boolean;
    readonly unsuited: Set<PodGroup>;
    /** Of all zones. */
    readonly names: readonly string[];
  },
): Packing {
  const { demand, offers, groups } = of;
  const whole = groups.map(wholeGroup);
  const every = [...new Set(offers.map(({ pool }) => pool))].map((pool) => [pool]);
  const problem = problemOf(draft, whole, { demand, offers, pools: every });
  const pools = alikePools(offers, problem);
  const firsts = new Set(pools.map(([first]) => first));
  const asked: Asked = { demand, pools, offers: offers.filter(({ pool }) => firsts.has(pool)) };
  let rowOf: ReadonlyMap<PodGroup, number> | undefined;
  const known = new Map<PodGroup, Taking>();
  const all: Taking = { zones: new Set(offers.map((offer) => offer.template.zone)), all: true };
  const takingOf = (group: PodGroup): Taking => {
    rowOf ??= new Map(groups.map((one, at) => [one, at]));
    const row = rowOf.get(group);
    // Those that have their places are no question any more.
    if (row === undefined || offers.every((_, column) => isAllowed(problem, row, column))) return all;
    const taking = offers.filter((_, column) => isAllowed(problem, row, column));
    return { zones: new Set(taking.map((offer) => offer.template.zone)), all: false };
  };
  const { items, unsuited } = dealOverZones(draft, {
    demand,
    groups,
    whole,
    zones: of.names,
    taking: (group) => {
      const taking = known.get(group) ?? takingOf(group);
      known.set(group, taking);
      return taking;
    },
  });
  for (const group of unsuited) of.unsuited.add(group);
  const same =
    asked.offers.length === offers.length &&
    items.length === whole.length &&
    (items === whole || items.every(({ zone, group }, row) => zone === undefined && group === whole[row]?.group));
  const posed = same ? problem : problemOf(draft, items, asked);
  const free = of.all && items.every(({ zone }) => zone === undefined) && asksSizeOnly(posed);
  return { draft, ...asked, everyOffer: offers, items, problem: posed, free };
}

function asksSizeOnly({ exclusions, perNodeMax, groupNodesMax }: PackingProblem): boolean {
  return exclusions.length === 0 && perNodeMax.every((pods) => pods >= NO_LIMIT) && !groupNodesMax.includes(0);
}

function problemOf(draft: PlanDraft, items: readonly Item[], { demand, offers, pools }: Asked): PackingProblem {
  const poolIndex = new Map(pools.map(([first], index) => [first, index]));
  const { isSmall } = flavorWishes(draft);
  const problem = problemOfPods({
    asked: items,
    offered: offers.map(
      ({ pool, template, pricePerHour }): NodeOffered => ({
        template,
        pricePerHour,
        tier: (isSmall(template.flavor) ? SMALL_TIERS : 0) - pool.settings.priority,
        limitGroup: poolIndex.get(pool) ?? 0,
      }),
    ),
    groupNodesMax: Int32Array.from(pools, (alike) => {
      const room = alike.reduce((sum, pool) => sum + draft.budget.roomIn(pool), 0);
      return Math.min(room, NO_LIMIT);
    }),
    namespaceLabels: undefined,
  });
  const words = (offers.length + 31) >>> 5;
  items.forEach(({ zone }, row) => {
    if (zone === undefined) return;
    offers.forEach(({ template }, column) => {
      if (template.zone === zone) return;
      const word = row * words + (column >>> 5);
      problem.allowed[word] = (problem.allowed[word] ?? 0) & ~(1 << (column & 31));
    });
  });
  const perNodeMax = new Int32Array(items.length).fill(NO_LIMIT);
  const own = ownLimits(demand);
  if (own.size > 0) items.forEach(({ group }, row) => (perNodeMax[row] = own.get(group) ?? NO_LIMIT));
  return { ...problem, perNodeMax, exclusions: sharedLimits(items, demand) };
}

/** Limits per node that several groups share, in the problem's rows. */
function sharedLimits(items: readonly Item[], { exclusions }: SortedDemand): readonly Exclusion[] {
  const shared = exclusions.filter(({ groups }) => groups.size > 1);
  if (shared.length === 0) return [];
  const rowsOf = new Map<PodGroup, number[]>();
  items.forEach(({ group }, row) => {
    const known = rowsOf.get(group);
    if (known === undefined) rowsOf.set(group, [row]);
    else known.push(row);
  });
  return shared.map(({ groups, perNodeMax }) => {
    const shapes = [...groups].flatMap((group) => rowsOf.get(group) ?? []);
    return { perNodeMax, shapes: shapes.sort((a, b) => a - b) };
  });
}

/** Limits per node that concern one group alone. */
function ownLimits({ exclusions }: SortedDemand): ReadonlyMap<PodGroup, number> {
  const limits = new Map<PodGroup, number>();
  for (const { groups, perNodeMax } of exclusions) {
    const [only] = groups;
    if (only !== undefined && groups.size === 1) limits.set(only, Math.min(perNodeMax, limits.get(only) ?? NO_LIMIT));
  }
  return limits;
}

/** The cheapest patterns; where a pool may not get enough nodes for them, those of bigger flavors if they place more pods. */
function mostPlaced({ draft, problem, offers, free }: Packing): PatternChoice {
  const nodesMax = Math.max(0, NEW_NODES_MAX - countNewNodes(draft));
  const options = { ...PATTERN_DEFAULTS, nodesMax, ...wishedFlavors(draft, problem, offers) };
  const asked: PatternsAsked = { problem, options };
  const improved = draft.improved?.find(asked);
  let best = improved ?? choosePatterns(problem, options);
  draft.solved.push({ ...asked, choice: best, improved: improved !== undefined, free });
  const room = problem.groupNodesMax.reduce((sum, nodes) => sum + nodes, 0);
  if (best.nodes < room || best.nodes === 0) return best;
  const demand = Array.from({ length: FIXED_AXES }, (_, axis) => {
    let sum = 0;
    for (let shape = 0; shape < problem.shapes; shape++) {
      sum += (problem.counts[shape] ?? 0) * (problem.requests[shape * problem.axes + axis] ?? 0);
    }
    return sum;
  });
  for (const part of PARTS_OF_AVERAGE) {
    // Extended resources are left out: most pods do not ask for them, and nodes without them are of use.
    const leastCapacity = demand.map((sum) => (part * sum) / room);
    const bigger = choosePatterns(problem, { ...options, leastCapacity });
    if (podsLeft(bigger) < podsLeft(best)) best = bigger;
  }
  return best;
}

function podsLeft({ left }: PatternChoice): number {
  return left.reduce((sum, pods) => sum + pods, 0);
}
