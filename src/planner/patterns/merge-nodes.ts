// Two or three nodes whose pods one cheaper node holds become that one. Packing fills the node that is cheapest for its pods first, so
// what it comes to last are small nodes that are dear together: with a handful of pods those are most of the plan.
import type { PackingModel } from '../bounds/packing-model.ts';
import type { SearchBudget } from '../bounds/search-budget.ts';
import type { LimitsLeft } from '../bounds/shared-limit.ts';
import { askedOf } from './downsize.ts';
import type { NodesFilled } from './fill-nodes.ts';

/** Nodes that are looked at, those first that cost most above what their pods could cost: 220 triples of them. */
const NODES_MAX = 12;
/** Of equal nodes; more are not merged with each other. */
const ALIKE_MAX = 3;
const COST_TOLERANCE = 1e-9;

/** One node, with what its pods ask for. */
interface Single {
  readonly of: NodesFilled;
  readonly price: number;
  /** Per axis. */
  readonly asked: Float64Array;
  /** The price less the least that its pods could cost on any offer. */
  readonly waste: number;
}

interface Merge {
  readonly singles: readonly Single[];
  readonly into: NodesFilled;
  readonly saving: number;
}

/** The same pods on fewer nodes where those cost less; the dearest waste first, one merge after another. `limits`: what `filled` leaves
 *  of them; they are kept. */
export function mergeNodes(
  model: PackingModel,
  filled: readonly NodesFilled[],
  { budget, limits }: { readonly budget: SearchBudget; readonly limits?: LimitsLeft | undefined },
): readonly NodesFilled[] {
  if (model.offers < 2) return filled;
  const leastPrices = leastPricesOf(model);
  const cheapestFirst = Array.from(model.prices.keys()).sort(
    (a, b) => (model.prices[a] ?? 0) - (model.prices[b] ?? 0) || a - b,
  );
  let answer = filled;
  // Each merge leaves a node less of those looked at.
  for (let merges = 0; merges < NODES_MAX; merges++) {
    const best = bestMerge(model, {
      singles: mostWasteful(model, answer, leastPrices),
      leastPrices,
      cheapestFirst,
      budget,
      limits,
    });
    if (best === undefined) return answer;
    for (const { of } of best.singles) limits?.take(of.offer, -1);
    limits?.take(best.into.offer, 1);
    answer = merged(answer, best);
  }
  return answer;
}

/** Per axis, the lowest price at which any offer has one of it. */
function leastPricesOf({ axes, offers, capacities, prices }: PackingModel): Float64Array {
  const least = new Float64Array(axes).fill(Infinity);
  for (let offer = 0; offer < offers; offer++) {
    for (let axis = 0; axis < axes; axis++) {
      const room = capacities[offer * axes + axis] ?? 0;
      if (room > 0) least[axis] = Math.min(least[axis] ?? 0, (prices[offer] ?? 0) / room);
    }
  }
  return least;
}

function mostWasteful(
  model: PackingModel,
  filled: readonly NodesFilled[],
  leastPrices: Float64Array,
): readonly Single[] {
  const kinds = filled
    .map((of): Single => {
      const price = model.prices[of.offer] ?? 0;
      const asked = askedOf(model, of);
      return { of, price, asked, waste: price - leastCost(asked, leastPrices) };
    })
    .filter(({ waste, price }) => waste > COST_TOLERANCE * price)
    .sort((a, b) => b.waste - a.waste)
    .slice(0, NODES_MAX);
  const singles = kinds.flatMap((one) => Array.from({ length: Math.min(one.of.nodes, ALIKE_MAX) }, () => one));
  return singles.slice(0, NODES_MAX);
}

/** No node for it costs less. */
function leastCost(asked: Float64Array, leastPrices: Float64Array): number {
  let least = 0;
  for (let axis = 0; axis < asked.length; axis++) {
    const amount = asked[axis] ?? 0;
    if (amount > 0) least = Math.max(least, amount * (leastPrices[axis] ?? 0));
  }
  return least;
}

function bestMerge(
  model: PackingModel,
  of: Pick<Merging, 'singles' | 'leastPrices' | 'cheapestFirst' | 'budget' | 'limits'>,
): Merge | undefined {
  const merging: Merging = { model, ...of, roomiest: roomiestOf(model), asked: new Float64Array(model.axes) };
  const { singles, budget } = of;
  for (const [i, first] of singles.entries()) {
    for (let j = i + 1; j < singles.length; j++) {
      const second = singles[j];
      if (budget.left === 0) return merging.best;
      // What two ask for is part of what three do.
      if (second === undefined || !tryMerge(merging, [first, second])) continue;
      for (let k = j + 1; k < singles.length; k++) {
        const third = singles[k];
        if (third !== undefined) tryMerge(merging, [first, second, third]);
      }
    }
  }
  return merging.best;
}

interface Merging {
  readonly model: PackingModel;
  readonly singles: readonly Single[];
  readonly leastPrices: Float64Array;
  readonly cheapestFirst: readonly number[];
  readonly budget: SearchBudget;
  readonly limits: LimitsLeft | undefined;
  /** Per axis, the most room of any offer. */
  readonly roomiest: Float64Array;
  /** Room to work in. */
  readonly asked: Float64Array;
  best?: Merge;
}

function roomiestOf({ axes, offers, capacities }: PackingModel): Float64Array {
  const most = new Float64Array(axes);
  for (let offer = 0; offer < offers; offer++) {
    for (let axis = 0; axis < axes; axis++) {
      most[axis] = Math.max(most[axis] ?? 0, capacities[offer * axes + axis] ?? 0);
    }
  }
  return most;
}

/** Notes the merge if it saves most so far. False: no offer has room for the nodes together. */
function tryMerge(merging: Merging, some: readonly Single[]): boolean {
  const { model, cheapestFirst, budget, limits, roomiest, asked } = merging;
  budget.spend(model.axes);
  if (!sumInto(asked, some, roomiest)) return false;
  let price = 0;
  for (const single of some) price += single.price;
  const wanted = price - (merging.best?.saving ?? 0) - COST_TOLERANCE * price;
  if (leastCost(asked, merging.leastPrices) >= wanted) return true;
  let together: Pick<NodesFilled, 'rows' | 'amounts'> | undefined;
  for (const offer of cheapestFirst) {
    const cost = model.prices[offer] ?? 0;
    if (cost >= wanted) break;
    budget.spend(model.axes);
    if (!mayHold(model, { offer, some, asked })) continue;
    if (limits !== undefined && limits.room(offer) < 1) continue;
    together ??= togetherOn(some);
    if (!holds(model, { offer, ...together })) continue;
    merging.best = { singles: some, into: { offer, ...together, nodes: 1 }, saving: price - cost };
    break;
  }
  return true;
}

/** Sets `sum` to what the nodes ask for together; false: some axis of it is above `most`. */
function sumInto(sum: Float64Array, singles: readonly Single[], most: Float64Array): boolean {
  for (let axis = 0; axis < sum.length; axis++) {
    let amount = 0;
    for (const { asked } of singles) amount += asked[axis] ?? 0;
    if (amount > (most[axis] ?? 0)) return false;
    sum[axis] = amount;
  }
  return true;
}

/** The offer has the room, and takes each row that is on the nodes. */
function mayHold(
  { axes, capacities, most }: PackingModel,
  of: { readonly offer: number; readonly some: readonly Single[]; readonly asked: Float64Array },
): boolean {
  const { offer, asked } = of;
  for (let axis = 0; axis < axes; axis++) {
    if ((asked[axis] ?? 0) > (capacities[offer * axes + axis] ?? 0)) return false;
  }
  const limits = most[offer];
  for (const { of: node } of of.some) {
    for (let k = 0; k < node.rows.length; k++) if ((limits?.[node.rows[k] ?? 0] ?? 0) === 0) return false;
  }
  return true;
}

function togetherOn(singles: readonly Single[]): Pick<NodesFilled, 'rows' | 'amounts'> {
  const pods = new Map<number, number>();
  for (const { of } of singles) of.rows.forEach((row, k) => pods.set(row, (pods.get(row) ?? 0) + (of.amounts[k] ?? 0)));
  const rows = Int32Array.from(pods.keys()).sort();
  return { rows, amounts: rows.map((row) => pods.get(row) ?? 0) };
}

/** As many of each row as may be on one node, and of each exclusion. */
function holds(model: PackingModel, of: Pick<NodesFilled, 'offer' | 'rows' | 'amounts'>): boolean {
  const { most, rowExclusion, exclusionMax } = model;
  const inExclusion = new Map<number, number>();
  return of.rows.every((row, k) => {
    const pods = of.amounts[k] ?? 0;
    if (pods > (most[of.offer]?.[row] ?? 0)) return false;
    const exclusion = rowExclusion[row] ?? -1;
    if (exclusion < 0) return true;
    const all = pods + (inExclusion.get(exclusion) ?? 0);
    inExclusion.set(exclusion, all);
    return all <= (exclusionMax[exclusion] ?? 0);
  });
}

/** One node less of each that was merged, and the one that they became last. */
function merged(filled: readonly NodesFilled[], { singles, into }: Merge): readonly NodesFilled[] {
  const taken = new Map<NodesFilled, number>();
  for (const { of } of singles) taken.set(of, (taken.get(of) ?? 0) + 1);
  const left = filled.map((node) => ({ ...node, nodes: node.nodes - (taken.get(node) ?? 0) }));
  return [...left.filter(({ nodes }) => nodes > 0), into];
}
