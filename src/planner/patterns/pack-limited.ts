// The cheapest nodes where limits bind: the most nodes of a pool, of a plan. Each limit is a row of the master problem, whose dual
// is a toll on the nodes that it concerns, so fillings are looked for at prices that know what is scarce: pods move to
// what is second best where that is nearly as cheap, and the scarce nodes go to those that gain most from them.
import { generateColumns } from '../bounds/column-generation.ts';
import type { FilledNode, Master } from '../bounds/column-search.ts';
import type { PackingModel } from '../bounds/packing-model.ts';
import type { LowerBound } from '../bounds/packing-problem.ts';
import type { SearchBudget } from '../bounds/search-budget.ts';
import { LimitsLeft, type SharedLimit } from '../bounds/shared-limit.ts';
import { askedOf, downsize, holds } from './downsize.ts';
import type { NodesFilled } from './fill-nodes.ts';
import { mergeNodes } from './merge-nodes.ts';
import { type Effort, enough, searchOf } from './pack-model.ts';
import { roundColumns } from './round-columns.ts';

/** Kept back of a limit that all offers share, at most: whole nodes of each filling do not come out even, and what they leave over
 *  has no other nodes to go to. */
const KEPT_BACK = 0.02;

/** Offers that a filling whose limit is exceeded is tried on as well, the cheapest ones that hold it, each of another limit: of many
 *  flavors there are always some that are nearly as cheap, and finding the same fillings anew for each takes long. */
const ELSEWHERE_MAX = 6;

/** Whole nodes within `limits` for as many of the pods as can be. */
export function packLimited(
  model: PackingModel,
  of: {
    readonly limits: readonly SharedLimit[];
    /** Fillings that are known, of offers of `model`. */
    readonly known: readonly FilledNode[];
    /** Where the search without limits ended, its offers numbered as those of `model`; undefined: there was none. */
    readonly master: Master | undefined;
    readonly worth: Float64Array;
    /** Of the cost without limits. */
    readonly bound: LowerBound;
    readonly effort: Effort;
    readonly budget: SearchBudget;
  },
): { readonly filled: readonly NodesFilled[]; readonly worth: Float64Array } {
  const { effort, budget, bound, limits } = of;
  const generated = generateColumns(model, {
    ...searchOf(effort),
    budget: budget.share(effort.columnsPart),
    boundCost: bound.costPerHour,
    worth: of.worth,
    ...(of.master === undefined
      ? { known: of.known }
      : { known: elsewhere(model, of.master, limits), from: of.master }),
    lastLook: 'none',
    limits: limits.map((limit) => withRest(limit, model.rows)),
  });
  const rounded = roundColumns(model, {
    ...generated,
    budget,
    dives: effort.dives,
    rounds: effort.diveRounds,
    searchSteps: effort.searchSteps / 4,
    states: effort.states / 4,
    enough: enough(bound, effort),
    least: bound.costPerHour,
    limits: new LimitsLeft(limits),
  });
  const left = new LimitsLeft(limits);
  for (const { offer, nodes } of rounded) left.take(offer, nodes);
  return {
    filled: mergeNodes(model, downsize(model, rounded, left), { budget, limits: left }),
    worth: generated.worth,
  };
}

/** A basic solution has no more fillings than rows, each of which leaves half a node over. */
function withRest({ uses, most }: SharedLimit, rows: number): SharedLimit {
  if (uses.includes(0)) return { uses, most };
  return { uses, most: Math.floor(Math.max(most * (1 - KEPT_BACK), most - rows / 2)) };
}

/** The fillings of the solution that is over limits, on other offers. */
function elsewhere(
  model: PackingModel,
  { simplex, fillings }: Master,
  limits: readonly SharedLimit[],
): readonly FilledNode[] {
  const solution = simplex.solution().flatMap(({ column, value }) => {
    const filling = fillings[column];
    return filling === undefined ? [] : [{ filling, nodes: value }];
  });
  const over = limits.filter(({ uses, most }) => {
    const used = solution.reduce((sum, { filling, nodes }) => sum + nodes * (uses[filling.offer] ?? 0), 0);
    return used > most && uses.includes(0);
  });
  const cheapestFirst = [...model.prices.keys()].sort(
    (a, b) => (model.prices[a] ?? 0) - (model.prices[b] ?? 0) || a - b,
  );
  return solution.flatMap(({ filling }) => {
    const own = over.find(({ uses }) => (uses[filling.offer] ?? 0) > 0);
    if (own === undefined) return [];
    const asked = askedOf(model, filling);
    const tried = new Set([own]);
    const found: FilledNode[] = [];
    for (const offer of cheapestFirst) {
      if (found.length >= ELSEWHERE_MAX) break;
      const limit = limits.find(({ uses }) => (uses[offer] ?? 0) > 0 && uses.includes(0)) ?? own;
      if (tried.has(limit) || !holds(model, { offer, node: filling, asked })) continue;
      tried.add(limit);
      found.push({ ...filling, offer });
    }
    return found;
  });
}
