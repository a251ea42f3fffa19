// How pods that need new nodes are put together on them: patterns (so many pods of each shape on one node of an offer) and
// how many nodes of each. Capacity, limits per node, exclusions, which shape may use which offer and how many nodes a pool
// may get are kept here; what one node cannot show (spread, affinity between shapes, quotas) is for the packer to check.
// Order of choice: tiers (pool priority) first, then cost, then fewer nodes, then the offers' own order. Above
// 250 lines because what limits leave over goes around the loop again.
import { cheapBounds } from '../bounds/lower-bound.ts';
import type { FilledNode } from '../bounds/column-search.ts';
import { modelOf, type PackingModel } from '../bounds/packing-model.ts';
import { NO_LIMIT, type LowerBound, type PackingProblem, type Pattern } from '../bounds/packing-problem.ts';
import { type Meter, SearchBudget } from '../bounds/search-budget.ts';
import type { SharedLimit } from '../bounds/shared-limit.ts';
import { chooseFlavors } from './choose-flavors.ts';
import { dealNodes } from './deal-nodes.ts';
import type { NodesFilled } from './fill-nodes.ts';
import { packLimited } from './pack-limited.ts';
import { AT_ONCE, packModel, POLISH, type Effort, type Packed } from './pack-model.ts';
import { nodesOf, packWithin } from './pack-within.ts';
import { splitRows } from './split-rows.ts';

/** Steps of a first answer: most take a tenth of it, 100 shapes on 1,000 types all, in 60 to 150 ms (4 to 7 ns each); thousands of
 *  shapes need more to be looked at once. With a third less, plans on 1,101 types cost up to 2 % more; with half as much again, 0.3 % less. */
export const STEPS_AT_ONCE = 24_000_000;
/** Steps of a polish: a few seconds. */
export const STEPS_POLISH = 1_500_000_000;
/** Steps for a packing that keeps the limits, in parts of those for the first one: as much again at most. */
const LIMITED_STEPS = 1;
/** Rounds for what a limit pushed from one offer to others; each round uses up a limit, and few pools have one that binds. */
const LIMIT_ROUNDS_MAX = 64;

export interface PatternOptions {
  readonly steps: number;
  /** What counts the steps in place of the search itself, as for a deadline; undefined: the search does. */
  readonly meter?: Meter;
  /** Most distinct flavors; more are only used when pods would have no place else. NO_LIMIT: any number. */
  readonly flavorsMax: number;
  /** Flavors that the decision uses anyway; they are part of `flavorsMax`. */
  readonly flavorsUsed: readonly number[];
  /** Per axis, the least room that a node must have; empty: any. */
  readonly leastCapacity: readonly number[];
  /** Most nodes, whatever their pools: beyond it bigger and dearer ones are taken. NO_LIMIT: any number. */
  readonly nodesMax: number;
}

export const PATTERN_DEFAULTS: PatternOptions = {
  steps: STEPS_AT_ONCE,
  flavorsMax: NO_LIMIT,
  flavorsUsed: [],
  leastCapacity: [],
  nodesMax: NO_LIMIT,
};

export interface PatternChoice {
  readonly patterns: readonly Pattern[];
  /** Pods per shape that have no place: none fits them, or a limit is reached. */
  readonly left: Int32Array;
  /** Per shape, what one more pod costs per hour; 0 where nothing is known. */
  readonly worth: Float64Array;
  readonly costPerHour: number;
  readonly nodes: number;
  /** Of what placing the placed pods costs, whatever the tiers, on offers that the options admit. */
  readonly bound: LowerBound;
  readonly steps: number;
  /** The steps ran out before the search was done. */
  readonly cutShort: boolean;
}

/** A first answer, in milliseconds. */
export function choosePatterns(problem: PackingProblem, options: PatternOptions = PATTERN_DEFAULTS): PatternChoice {
  return choose(problem, { options, effort: AT_ONCE });
}

/** A better answer and a closer bound, in seconds: `first` where nothing better is found within the steps. Places at
 *  least as many pods as `first`. */
export function improvePatterns(
  problem: PackingProblem,
  first: PatternChoice,
  options: PatternOptions = { ...PATTERN_DEFAULTS, steps: STEPS_POLISH },
): PatternChoice {
  const next = choose(problem, { options, effort: POLISH });
  const total = (left: Int32Array): number => left.reduce((sum, pods) => sum + pods, 0);
  const [before, after] = [total(first.left), total(next.left)];
  const better = after < before || (after === before && cheaper(next, first));
  const samePods = first.left.every((pods, shape) => pods === next.left[shape]);
  const answer = better ? next : first;
  const other = better ? first : next;
  // A bound is of the pods that are placed.
  const bound = samePods && other.bound.costPerHour > answer.bound.costPerHour ? other.bound : answer.bound;
  return { ...answer, bound, steps: next.steps, cutShort: next.cutShort };
}

function cheaper(one: PatternChoice, other: PatternChoice): boolean {
  const near = 1e-9 * Math.max(1, other.costPerHour);
  if (Math.abs(one.costPerHour - other.costPerHour) > near) return one.costPerHour < other.costPerHour;
  return one.nodes < other.nodes;
}

function choose(
  problem: PackingProblem,
  { options, effort }: { readonly options: PatternOptions; readonly effort: Effort },
): PatternChoice {
  const budget = new SearchBudget(options.steps, { meter: options.meter });
  const search: Search = {
    problem,
    options,
    effort,
    budget,
    left: problem.counts.slice(),
    room: problem.groupNodesMax.slice(),
    worth: new Float64Array(problem.shapes),
    patterns: [],
  };
  const admitted = Array.from({ length: problem.offers }, (_, offer) => offer).filter((offer) => admits(search, offer));
  const tiers = [...new Set(admitted.map((offer) => problem.tiers[offer] ?? 0))].sort((a, b) => a - b);
  let only: LowerBound | undefined;
  for (const tier of tiers) {
    const bound = fillTier(
      search,
      admitted.filter((offer) => (problem.tiers[offer] ?? 0) === tier),
    );
    if (tiers.length === 1) only = bound;
  }
  const costPerHour = search.patterns.reduce((sum, { offer, nodes }) => sum + nodes * (problem.prices[offer] ?? 0), 0);
  return {
    patterns: search.patterns,
    left: search.left,
    worth: search.worth,
    costPerHour,
    nodes: search.patterns.reduce((sum, { nodes }) => sum + nodes, 0),
    bound: only ?? boundOfPlaced(search, admitted),
    steps: budget.used,
    cutShort: budget.left === 0,
  };
}

interface Search {
  readonly problem: PackingProblem;
  readonly options: PatternOptions;
  readonly effort: Effort;
  readonly budget: SearchBudget;
  /** Per shape. */
  readonly left: Int32Array;
  /** Per limit group: nodes that it may still get. */
  readonly room: Int32Array;
  readonly worth: Float64Array;
  readonly patterns: Pattern[];
}

function admits({ problem, options }: Search, offer: number): boolean {
  return options.leastCapacity.every((least, axis) => (problem.capacities[offer * problem.axes + axis] ?? 0) >= least);
}

/** Places what it can on offers of one tier. The bound, where it is one of all that was placed. */
function fillTier(search: Search, tier: readonly number[]): LowerBound | undefined {
  let bound: LowerBound | undefined;
  let asked: PackingModel['members'] = [];
  for (let round = 0; round < LIMIT_ROUNDS_MAX; round++) {
    const offers = tier.filter((offer) => (search.room[search.problem.limitGroups[offer] ?? 0] ?? 0) > 0);
    const model = modelOf(search.problem, { counts: search.left, offers });
    if (model.rows === 0 || model.offers === 0) break;
    const first = packOffers(search, { model, offers });
    const free = withFewFlavors(search, first);
    const { packed, model: used } = free.packed.overLimits ? withinLimits(search, free) : free;
    noteWorth(search, used, packed.worth);
    if (round === 0) {
      bound = first.packed.bound;
      asked = model.members;
    }
    const before = podsIn(search.left);
    take(search, used, { filled: packed.filled, offers });
    // What limits have left over is packed on what is not full.
    if (!free.packed.overLimits || podsIn(search.left) === before) break;
  }
  // Limits only make it dearer, but it is a bound of all that was asked for.
  return asked.every((shapes) => shapes.every((shape) => search.left[shape] === 0)) ? bound : undefined;
}

/** A packing of the pods that are left, on `offers`. */
interface PackedOffers {
  readonly model: PackingModel;
  readonly packed: Packed;
  readonly offers: readonly number[];
}

/** The cheapest nodes, whatever the limits. */
function packOffers(search: Search, of: Pick<PackedOffers, 'model' | 'offers'>): PackedOffers {
  const keepsLimits = (filled: readonly NodesFilled[]): boolean => keeps(search, { ...of, filled });
  return { ...of, packed: packModel(of.model, { ...search, keepsLimits }) };
}

/** Packed again within the limits, on offers that are second best too. */
function withinLimits(search: Search, free: PackedOffers): Pick<PackedOffers, 'model' | 'packed'> {
  const { problem, options, effort } = search;
  const { packed, offers } = free;
  const steps = options.meter === undefined ? options.steps * LIMITED_STEPS : search.budget.left;
  const budget = new SearchBudget(steps, { meter: options.meter });
  if (free.model.rows > effort.limitedRowsMax) {
    const nodesMax = nodesLeft(search);
    if (nodesOf(packed.filled) <= nodesMax) return free;
    const filled = packWithin(free.model, { first: packed.filled, worth: packed.worth, nodesMax, budget });
    return { model: free.model, packed: { ...packed, filled } };
  }
  const model = modelOf(problem, { counts: search.left, offers, limited: true });
  const at = new Map([...model.offerOf].map((offer, index) => [offer, index]));
  // What beats all others still beats all that have the same limit.
  const renumbered = <Kind extends FilledNode>(of: Kind): Kind => ({
    ...of,
    offer: at.get(free.model.offerOf[of.offer] ?? -1) ?? 0,
  });
  const master = packed.master && {
    ...packed.master,
    fillings: packed.master.fillings.map((filling) => filling && renumbered(filling)),
  };
  const known = packed.columns.map(renumbered);
  const limits = limitsOf(search, model);
  return { model, packed: { ...packed, ...packLimited(model, { ...packed, known, master, limits, effort, budget }) } };
}

/** The limits of `model`'s offers that may come to bind. */
function limitsOf(search: Search, { offerOf, counts }: PackingModel): readonly SharedLimit[] {
  const { problem, room } = search;
  const pods = podsIn(counts);
  const limits: SharedLimit[] = [];
  room.forEach((most, group) => {
    const uses = Float64Array.from(offerOf, (offer) => (problem.limitGroups[offer] === group ? 1 : 0));
    if (most < pods && uses.includes(1)) limits.push({ uses, most });
  });
  const nodesMax = nodesLeft(search);
  if (nodesMax < pods) limits.push({ uses: new Float64Array(offerOf.length).fill(1), most: nodesMax });
  return limits;
}

/** Of the nodes that there may be, those that are not taken. When there are none, what is left is packed as if there were: whoever
 *  adds the nodes stops at the most, and says so. */
function nodesLeft({ options, patterns }: Search): number {
  const left = options.nodesMax - patterns.reduce((sum, { nodes }) => sum + nodes, 0);
  return left > 0 ? left : NO_LIMIT;
}

/** Do nodes, in parts perhaps, keep the limits, if each is of its own offer or of a like one? */
function keeps(
  search: Search,
  of: Pick<PackedOffers, 'model' | 'offers'> & { readonly filled: readonly NodesFilled[] },
): boolean {
  const nodes = nodesOf(of.filled);
  if (nodes > nodesLeft(search)) return false;
  const { limitGroups } = search.problem;
  // Most limits are far away: then nobody has to ask whose node it is.
  if (of.filled.every(({ offer }) => nodes <= (search.room[limitGroups[of.model.offerOf[offer] ?? 0] ?? 0] ?? 0)))
    return true;
  return !dealNodes(search.problem, { ...of, room: Float64Array.from(search.room) }).cut;
}

function podsIn(pods: Int32Array): number {
  return pods.reduce((sum, count) => sum + count, 0);
}

/** Packed again on few flavors, should it have come out with too many. */
function withFewFlavors(search: Search, first: PackedOffers): PackedOffers {
  const flavorOf = (offer: number): number => search.problem.flavors[first.model.offerOf[offer] ?? 0] ?? 0;
  const chosen = chooseFlavors(first.model, {
    filled: first.packed.filled,
    flavorOf,
    already: new Set([
      ...search.options.flavorsUsed,
      ...search.patterns.map(({ offer }) => search.problem.flavors[offer] ?? 0),
    ]),
    flavorsMax: search.options.flavorsMax,
  });
  if (chosen === undefined) return first;
  const offers = first.offers.filter((offer) => chosen.has(search.problem.flavors[offer] ?? 0));
  const model = modelOf(search.problem, { counts: search.left, offers });
  return packOffers(search, { model, offers });
}

function noteWorth({ worth }: Search, model: PackingModel, worths: Float64Array): void {
  model.members.forEach((shapes, row) => {
    for (const shape of shapes) worth[shape] = worths[row] ?? 0;
  });
}

/** Notes the nodes as patterns of shapes, as far as limits go. */
function take(
  search: Search,
  model: PackingModel,
  of: { readonly filled: readonly NodesFilled[]; readonly offers: readonly number[] },
): void {
  const { patterns, left } = search;
  const { kept, elsewhere } = dealNodes(search.problem, { ...of, model, room: search.room });
  patterns.push(...splitRows(model, { filled: kept, left }));
  for (const { node, offer } of elsewhere) {
    patterns.push(...splitRows(model, { filled: [node], left }).map((pattern) => ({ ...pattern, offer })));
  }
}

function boundOfPlaced(search: Search, offers: readonly number[]): LowerBound {
  const { problem, left } = search;
  const placed = problem.counts.map((count, shape) => count - (left[shape] ?? 0));
  const model = modelOf(problem, { counts: placed, offers });
  return cheapBounds(model, search.budget).bound;
}
